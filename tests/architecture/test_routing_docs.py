"""What docs/routing.md says in tables and figures, held against the code that decides."""

import re

import msgspec
import pytest
from tests.architecture.source import ROOT

from anyapi.domain.call import Tag
from anyapi.domain.catalogue import Capabilities, Endpoint, Price
from anyapi.gateway.formats import choice
from anyapi.gateway.formats.abilities import PART_ABILITIES
from anyapi.gateway.formats.openai_chat import MAX_MODELS
from anyapi.policy import auto, explain, parse, rank
from anyapi.policy.availability import ABILITIES

PAGE = (ROOT / "docs/routing.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
NOTHING = Capabilities(streaming=False)


def table(heading):
    """The rows of the first table after a heading, cells stripped."""
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    lines = [line.strip() for line in text.split("\n")]
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def endpoint(**able):
    price = Price(cached_input=1.0) if able.pop("cached", False) else Price()
    return Endpoint("p/m", "p", "a/m", "m", capabilities=msgspec.structs.replace(NOTHING, **able), price=price)


@pytest.mark.parametrize(("name", "record"), table("## Tags"))
def test_every_tag_is_answered_from_what_the_page_says(name, record):
    tag = Tag(name.strip("`").removeprefix("chat_completions:"))
    stated = re.match(r"`(\w+)`", record)
    has = {stated[1]: True} if stated else {"cached": True}
    assert ABILITIES[tag](endpoint(**has))
    others = {field for field in NOTHING.__struct_fields__ if field not in has}
    assert not ABILITIES[tag](endpoint(**dict.fromkeys(others, True)))


def test_the_page_has_every_tag_once():
    names = [row[0].strip("`").removeprefix("chat_completions:") for row in table("## Tags")]
    assert names == sorted(names, key=names.index)
    assert set(names) == {tag.value for tag in Tag}
    assert len(names) == len(Tag)
    assert ABILITIES.keys() == set(Tag)


def test_the_abilities_of_a_choice_are_recorded_ones():
    stated = {row[1].strip("`") for row in table("## `anyapi/auto`")}
    assert stated <= set(Capabilities.__struct_fields__)
    assert set(PART_ABILITIES.values()) <= stated


def test_every_wish_is_on_the_page():
    wishes = {name for row in table("## Preferences") for name in re.findall(r"`provider\.(\w+)", row[0])}
    assert wishes == set(parse.PROVIDER) - {"zdr", "data_collection"}, "these two are settings, and on the page of the API"


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        (r"`models` names up to (\d+) models", MAX_MODELS),
        (r"one for each of several, (\d+) in all", rank.MOST_ATTEMPTS),
        (r"counts as ([\d,]+) where none is recorded", auto.UNRECORDED_CONTEXT),
        (r"a token for every (\d+) bytes", choice.BYTES_A_TOKEN),
        (r"A run of ([\d,]+) or more base64 characters", choice.SHORTEST_FILE),
        (r"is a file, not text: ([\d,]+) tokens", choice.TOKENS_A_FILE),
        (r"or one for every (\d+) characters", choice.FILE_BYTES_A_TOKEN),
        (r"lists the (\d+) nearest", rank.MOST_LISTED),
        (r"show the order and the reasons, (\d+) endpoints", explain.SHOWN),
    ],
)
def test_figures(sentence, number):
    found = re.findall(sentence, FLAT)
    assert [int(text.replace(",", "")) for text in found] == [number]


def test_the_limits_that_count_are_named():
    assert all(f"`{name}`" in PAGE for names in choice.LIMITS.values() for name in names)
