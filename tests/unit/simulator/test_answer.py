import json

import pytest

from anyapi.simulator.answer import Answer, Choice, Finish, ToolCall, Usage, Voice, compose, halves, spoken
from anyapi.simulator.call import Cache, Call, Embedding, Tool

VOICE = Voice("The sentence.")


def say(call=None, voice=VOICE):
    return compose(call or Call("model-x", 9), "model-x", voice)


def test_the_same_request_gets_the_same_answer():
    assert say() == say()
    assert say().choices == (Choice("This is model-x. The sentence."),)
    assert say().reported == (3, 8)


def test_alternatives_differ():
    texts = [choice.text for choice in say(Call("m", 1, choices=3)).choices]
    assert len(set(texts)) == 3


def test_words_echo_and_reasoning():
    text = say(voice=Voice("S.", words=50, echo="canary-1")).choices[0].text
    assert len(text.split()) == 51
    assert text.endswith(" canary-1")
    assert say(voice=Voice("S.", reasoning=True)).choices[0].reasoning
    assert say(Call("m", 1, reasoning=True)).choices[0].reasoning
    assert not say().choices[0].reasoning


def test_tool_calls_carry_valid_arguments():
    schema = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
    choice = say(Call("m", 1, uses=(Tool("weather", schema),))).choices[0]
    assert choice == Choice(tool_calls=(ToolCall("weather", '{"city":"text"}'),), finish=Finish.TOOL_CALLS)


def test_structured_output():
    assert json.loads(
        say(Call("m", 1, schema={"type": "object", "required": ["a"], "properties": {"a": {"const": 1}}})).choices[0].text
    ) == {"a": 1}
    assert "answer" in json.loads(say(Call("m", 1, json_object=True)).choices[0].text)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_max_tokens_is_exact(limit):
    answer = say(Call("m", 1, max_tokens=limit))
    assert answer.completion_tokens == limit
    assert answer.choices[0].finish is Finish.LENGTH


def test_an_answer_that_fits_is_not_cut():
    assert say(Call("m", 1, max_tokens=8)).choices[0].finish is Finish.STOP


def test_max_tokens_never_splits_a_character():
    choice = say(Call("m", 1, max_tokens=1), Voice("日本")).choices[0]
    assert choice.text == "This"
    assert say(Call("日", 1, max_tokens=3), Voice("日")).choices[0].text == "This is mode"


def test_the_first_stop_sequence_wins():
    choice = say(Call("m", 1, stops=("sentence", "The", ""))).choices[0]
    assert choice == Choice("This is model-x. ", finish=Finish.STOP_SEQUENCE, stopped_by="The")


def test_each_choice_is_rounded_up_apart():
    answer = Answer((Choice("a"), Choice("bb", reasoning="ccc")), 1)
    assert answer.completion_tokens == 1 + 2
    assert answer.reported == (1, 3)


def test_reported_usage():
    assert Answer((Choice("abcd"),), 5, Usage.ZERO).reported == (0, 0)
    assert Answer((Choice("abcd"),), 5, Usage.MISSING).reported is None


def test_tokens_of_the_cache_and_of_reasoning():
    answer = say(Call("m", 20, reasoning=True, cache=Cache(5, 6)))
    assert (answer.prompt_tokens, answer.cache_read, answer.cache_written) == (5, 2, 1)
    assert answer.reported_cache == (2, 1)
    assert answer.reported_reasoning == answer.reasoning_tokens == -(-len(answer.choices[0].reasoning) // 4)
    silent = Answer(answer.choices, 5, Usage.ZERO, cache_read=2, cache_written=1)
    assert (silent.reported_cache, silent.reported_reasoning, silent.reasoning_tokens) == ((0, 0), 0, answer.reasoning_tokens)


def test_vectors_are_not_words():
    answer = say(Call("m", 9, embedding=Embedding((b"text",))))
    assert (answer.choices, answer.reported) == ((), (3, 0))


@pytest.mark.parametrize(("text", "pieces"), [("", []), ("a", ["a"]), ("abc", ["ab", "c"]), ("日本", ["日", "本"])])
def test_halves(text, pieces):
    assert halves(text) == pieces


@pytest.mark.parametrize("text", ["", "one", "one two", " lead and trail ", "a\n\nb\tc", "日本 語"])
def test_spoken_pieces_are_the_text(text):
    assert "".join(spoken(text)) == text
    assert all(spoken(text))


def test_content_is_not_printed():
    assert repr(say()) == "<Answer>"
    assert repr(VOICE) == "<Voice>"
