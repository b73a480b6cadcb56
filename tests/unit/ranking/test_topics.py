"""The classifier: as right as is said, small and fast enough, made again of the same prompts byte for byte, and without memory."""

import gc
import importlib.util
import sys
import time
import weakref
from collections import Counter
from pathlib import Path

import pytest

from anyapi.ranking.topics import DOMAIN, LONGEST, MOST_FEATURES, OTHER, TOPICS, Topics, features, packaged

SCRIPT = Path(__file__).parents[3] / "scripts/train_topics.py"
LARGEST_BYTES, LONGEST_MICROSECONDS = 1_000_000, 150.0
LEAST_RIGHT = 0.8
"""Of the third of the prompts that the model has not seen; measured 82 %."""


@pytest.fixture(scope="module")
def training():
    spec = importlib.util.spec_from_file_location("train_topics", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_topics"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prompts(training):
    return training.read(training.PROMPTS)


@pytest.fixture(scope="module")
def topics():
    return packaged()


def test_the_prompts_are_as_many_and_as_various_as_is_said(prompts):
    assert len(prompts) >= 600
    assert len({prompt.text for prompt in prompts}) == len(prompts)
    by_topic = Counter(TOPICS[prompt.topic] for prompt in prompts)
    assert set(by_topic) == set(TOPICS)
    assert len(TOPICS) == 12
    assert min(by_topic.values()) >= 50
    assert len({prompt.language for prompt in prompts}) >= 4


def test_a_third_is_held_out(training, prompts):
    learnt, held = training.split(prompts)
    assert len(held) >= len(prompts) * 0.29
    assert len(learnt) + len(held) == len(prompts)
    assert {prompt.text for prompt in learnt}.isdisjoint(prompt.text for prompt in held)
    assert {(prompt.topic, prompt.language) for prompt in held} == {(prompt.topic, prompt.language) for prompt in prompts}


def test_no_held_out_prompt_is_among_the_words_that_were_learnt(training, prompts):
    words = {line.text.lower() for line in training.read(training.WORDS)}
    assert words.isdisjoint(prompt.text.lower() for prompt in training.split(prompts)[1])


def test_the_shipped_model_is_what_the_prompts_make_byte_for_byte(training, prompts):
    assert training.train(training.split(prompts)[0] + training.read(training.WORDS)) == training.MODEL.read_bytes()


def test_it_names_the_topics_of_prompts_that_it_has_not_seen(training, prompts, topics):
    found = training.measured(topics, training.split(prompts)[1])
    count, right, _named = found["all"]
    print(f"{right} of {count} held-out prompts named rightly: {right / count:.1%}")
    assert right / count >= LEAST_RIGHT
    for name in (*TOPICS, "en", "de", "fr", "es"):
        assert found[name][1] / found[name][0] >= 0.5, name


def test_a_model_of_no_knowledge_would_fail_that(training, prompts):
    held = training.split(prompts)[1]
    count, right, _named = training.measured(Topics(training.packed({1: [1.0] + [0.0] * 11})), held)["all"]
    assert right / count < 0.2


def test_it_is_small_and_fast(training, topics):
    """The best of several runs, since other processes run beside it."""
    assert training.MODEL.stat().st_size <= LARGEST_BYTES
    text = (
        "Which unusual considerations matter when several neighbouring municipalities negotiate transportation agreements, who checks "
        "budgets, what about holidays for children in rural schools, why did Brussels object, how long might arbitration last, and could "
        "judges overrule everything that local politicians promised before spring elections? Please explain."
    )
    assert len(text) > LONGEST
    assert len(features(text)) > 180
    best = min(_seconds(topics, text) for _ in range(15))
    print(f"{best * 1e6:.0f} us for a text of {len(text)} characters")
    assert best * 1e6 <= LONGEST_MICROSECONDS


def _seconds(topics, text, repeats=20):
    started = time.perf_counter()
    for _ in range(repeats):
        topics.classify(text)
    return (time.perf_counter() - started) / repeats


class Text(str):
    """A text that can be watched."""

    __slots__ = ("__weakref__",)


def test_it_keeps_nothing_of_a_text(topics):
    """Neither the text nor a part of one nor a count: the model after it is the model before it."""
    before, references = [*topics._table], len(gc.get_referents(topics))
    text = Text("A very particular sentence about taxes, unlike any other: zyxwvut.")
    watched, held = weakref.ref(text), sys.getrefcount(text)
    said = topics.classify(text)
    assert sys.getrefcount(text) == held
    del text
    gc.collect()
    assert watched() is None
    assert type(said) is int
    assert topics._table == before
    assert len(gc.get_referents(topics)) == references
    assert Topics.__slots__ == ("_table",)
    assert not [each for each in gc.get_objects() if isinstance(each, set | list | dict) and b"zyxwvut" in map(_plain, list(each)[:4000])]


def _plain(value):
    return value if type(value) is bytes else b""


@pytest.mark.parametrize("text", ["", " ", "...", "12345", "q", "\x00\ufffd", "🙂🙂", "の"])
def test_what_says_nothing_is_no_topic(topics, text):
    assert DOMAIN[topics.classify(text)] == OTHER


@pytest.mark.parametrize("text", ["a" * 1_000_000, "ab " * 300_000, "日本" * 100_000, "é" * 100_000, "\ud800", "😀 " * 1000])
def test_any_text_has_an_answer_and_few_features(topics, text):
    if not text.isprintable():
        text = text.encode("utf-8", "replace").decode()
    assert 0 <= topics.classify(text) < len(DOMAIN)
    assert len(features(text)) <= MOST_FEATURES


def test_only_the_beginning_is_looked_at(topics):
    head = "Write a Python function that sorts a list. ".ljust(LONGEST, "x")
    assert features(head + "mortgage tax invest") == features(head)


def test_the_same_text_has_the_same_topic_in_every_process(topics):
    """Hashes of Python's own would differ from run to run."""
    assert sorted(features("write code")) == [221, 7120, 12440, 28289, 31327, 40652]
    assert DOMAIN[topics.classify("Write a Python function that removes duplicates from a list.")] == "programming"


@pytest.mark.parametrize("packed", [b"", b"anyapi-topics-1\n", b"x" * 786_448])
def test_another_file_is_refused(packed):
    with pytest.raises(ValueError, match="not a model"):
        Topics(packed)
