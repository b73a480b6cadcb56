import datetime as dt
import enum
import math

import pytest

from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import REGION, WORD
from anyapi.errors import CatalogueError, ConfigError


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


def table(**fields):
    problems = Problems()
    return Table(fields, problems, "a.yaml", "record"), problems


def messages(problems):
    return [(problem.field, problem.message) for problem in problems.found]


def test_good_values_come_back_typed_and_leave_no_problem():
    t, problems = table(
        text="a", number=0.5, whole=3, flag=False, colour="blue", words=["eu", "us"], day=dt.date(2026, 1, 2), iso="2026-01-03", null=None
    )
    assert t.text("text") == "a"
    assert t.number("number") == 0.5
    assert t.whole("whole") == 3
    assert t.flag("flag", default=True) is False
    assert t.choice("colour", Colour) is Colour.BLUE
    assert t.words("words", REGION) == ("eu", "us")
    assert t.day("day") == dt.date(2026, 1, 2)
    assert t.day("iso") == dt.date(2026, 1, 3)
    assert t.optional_text("null") is None
    assert t.optional_choice("absent", Colour) is None
    assert t.flag("absent", default=True) is True
    assert t.children("absent") == []
    assert t.named_children("absent") == {}
    assert t.child("absent") is None
    t.done()
    assert problems.found == []


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda t: t.text("f"), 7),
        (lambda t: t.text("f"), ""),
        (lambda t: t.text("f"), "a\x00b"),
        (lambda t: t.text("f", WORD), "Not A Word"),
        (lambda t: t.text("f"), None),
        (lambda t: t.page("f"), "ftp://example.org"),
        (lambda t: t.page("f"), "https://user@example.org"),
        (lambda t: t.choice("f", Colour), "green"),
        (lambda t: t.choice("f", Colour), False),
        (lambda t: t.choice("f", Colour), None),
        (lambda t: t.number("f"), -1),
        (lambda t: t.number("f"), True),
        (lambda t: t.number("f"), math.nan),
        (lambda t: t.number("f"), math.inf),
        (lambda t: t.number("f", 0, 10), 11),
        (lambda t: t.number("f"), "1"),
        (lambda t: t.whole("f"), 1.0),
        (lambda t: t.whole("f"), True),
        (lambda t: t.whole("f", 1, 5), 6),
        (lambda t: t.flag("f", default=True), "yes"),
        (lambda t: t.optional_flag("f"), 1),
        (lambda t: t.words("f", WORD), "eu"),
        (lambda t: t.words("f", WORD), [1]),
        (lambda t: t.words("f", WORD), ["Bad Word"]),
        (lambda t: t.words("f", WORD), ["a", "a"]),
        (lambda t: t.words("f", WORD, frozenset({"a"})), ["b"]),
        (lambda t: t.day("f"), "2026-02-30"),
        (lambda t: t.day("f"), "20260102"),
        (lambda t: t.day("f"), dt.datetime(2026, 1, 2)),
        (lambda t: t.child("f"), [1]),
        (lambda t: t.children("f"), {"a": 1}),
        (lambda t: t.children("f"), [3]),
        (lambda t: t.named_children("f"), {"a": 1}),
    ],
)
def test_a_wrong_value_is_one_problem_that_names_the_field_and_not_the_value(read, value):
    t, problems = table(f=value)
    read(t)
    assert len(problems.found) == 1
    problem = problems.found[0]
    assert (problem.file, problem.record) == ("a.yaml", "record")
    assert problem.field.startswith("f")
    if isinstance(value, str) and len(value) > 3:
        assert value not in problem.message


def test_unknown_fields_are_named_with_the_known_ones():
    t, problems = table(known="a", tpyo=1)
    t.text("known")
    t.done()
    assert messages(problems) == [("tpyo", "unknown field; known here: known")]


def test_a_field_name_that_is_not_text_is_a_problem():
    problems = Problems()
    Table({1: "a"}, problems, "a.yaml")
    assert len(problems.found) == 1


def test_places_are_dotted_paths():
    t, problems = table(outer={"list": [{"leaf": 1}]})
    t.child("outer").children("list")[0].text("leaf")
    assert problems.found[0].field == "outer.list[0].leaf"


def test_one_problem_is_raised_as_itself():
    t, problems = table()
    t.text("f")
    with pytest.raises(CatalogueError) as caught:
        problems.raise_catalogue_error()
    assert (caught.value.file, caught.value.record, caught.value.field) == ("a.yaml", "record", "f")
    assert caught.value.message == "a.yaml: record: f: is missing"


def test_several_problems_are_all_in_the_text_and_apart():
    t, problems = table()
    t.text("f")
    t.text("g")
    with pytest.raises(CatalogueError) as caught:
        problems.raise_catalogue_error()
    assert [error.field for error in caught.value.problems] == ["f", "g"]
    assert "record: f: is missing" in caught.value.message
    assert "record: g: is missing" in caught.value.message


def test_as_configuration_the_record_is_part_of_the_field():
    t, problems = table()
    t.text("f")
    with pytest.raises(ConfigError) as caught:
        problems.raise_config_error()
    assert caught.value.field == "record.f"
    t.text("g")
    with pytest.raises(ConfigError) as caught:
        problems.raise_config_error()
    assert [error.field for error in caught.value.problems] == ["record.f", "record.g"]


def test_nothing_wrong_raises_nothing():
    Problems().raise_catalogue_error()
    Problems().raise_config_error()
