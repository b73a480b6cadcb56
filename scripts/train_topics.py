"""Trains the model of topics on prompts of our own, measures it on a third of them that it has not seen, and writes it.

`python scripts/train_topics.py` writes src/anyapi/ranking/topics.bin; `--measure` only prints. The same prompts give the same bytes.
"""

import sys
from collections import Counter
from math import log
from pathlib import Path
from typing import NamedTuple

from anyapi.ranking.topics import BUCKETS, DOMAIN, MAGIC, MODEL, NEUTRAL, TOPICS, Topics, features

PROMPTS = Path(__file__).with_name("topic_prompts.txt")
"""One a line, below a heading that names topic and language."""
WORDS = Path(__file__).with_name("topic_words.txt")
"""Words that belong to a topic, written down in the same form: learnt from, never measured with."""
SMOOTHING = 0.2
"""Added to every count, so that a feature that a topic never had does not rule it out."""


class Prompt(NamedTuple):
    """One line of the prompts."""

    topic: int
    language: str
    text: str


def read(path: Path) -> list[Prompt]:
    """Every line, in the order of the file."""
    found: list[Prompt] = []
    topic, language = -1, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name, _, language = line.strip("[]").partition(" ")
            topic = TOPICS.index(name)
        elif line and not line.startswith("#"):
            found.append(Prompt(topic, language, line))
    return found


def split(prompts: list[Prompt]) -> tuple[list[Prompt], list[Prompt]]:
    """Those to learn from, and every third of each topic and language to measure with."""
    seen: Counter[tuple[int, str]] = Counter()
    learnt, held = [], []
    for prompt in prompts:
        seen[prompt.topic, prompt.language] += 1
        (held if seen[prompt.topic, prompt.language] % 3 == 0 else learnt).append(prompt)
    return learnt, held


def train(examples: list[Prompt]) -> bytes:
    """Naive Bayes over the buckets of features: a bucket weighs how much likelier a topic makes it than the topics do on average."""
    counts = [Counter(place for one in examples if one.topic == topic for place in features(one.text)) for topic in range(len(TOPICS))]
    places = sorted({place for count in counts for place in count})
    wholes = [sum(count.values()) + SMOOTHING * len(places) for count in counts]
    weights: dict[int, list[float]] = {}
    for place in places:
        logs = [log((count[place] + SMOOTHING) / whole) for count, whole in zip(counts, wholes, strict=True)]
        mean = sum(logs) / len(logs)
        weights[place] = [each - mean for each in logs]
    return packed(weights)


def packed(weights: dict[int, list[float]]) -> bytes:
    """The file's content: a row of bytes for each bucket."""
    most = max(abs(value) for row in weights.values() for value in row)
    rows = bytearray([NEUTRAL]) * (BUCKETS * len(TOPICS))
    for place, row in weights.items():
        start = place * len(TOPICS)
        rows[start : start + len(TOPICS)] = bytes(NEUTRAL + round(value / most * 127) for value in row)
    return MAGIC + bytes(rows)


def measured(model: Topics, held: list[Prompt]) -> dict[str, tuple[int, int, int]]:
    """Of each topic and language, and of `all`: how many prompts, how many named rightly, how many named at all."""
    found: dict[str, tuple[int, int, int]] = {}
    for prompt in held:
        said = model.classify(prompt.text)
        for name in (TOPICS[prompt.topic], prompt.language, "all"):
            count, right, named = found.get(name, (0, 0, 0))
            found[name] = (count + 1, right + (said == prompt.topic), named + (DOMAIN[said] in TOPICS))
    return found


def main() -> None:
    """Train, measure, write."""
    learnt, held = split(read(PROMPTS))
    words = read(WORDS)
    model = train(learnt + words)
    print(f"{len(learnt)} prompts and {len(words)} lines of words to learn from, {len(held)} to measure with, {len(model)} bytes")
    for name, (count, right, named) in measured(Topics(model), held).items():
        print(f"{name:18} {right:4} of {count:4} right ({100 * right / count:5.1f} %), {count - named} named `other`")
    if "--measure" not in sys.argv:
        MODEL.write_bytes(model)


if __name__ == "__main__":
    main()
