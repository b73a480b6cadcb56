"""Names of changed fields."""

from anyapi.upstream.translate.adjustments import Adjustments


def test_each_name_once_in_order_of_mention():
    notes = Adjustments()
    for name in ("seed", "top_p", "seed"):
        notes.note(name)
    assert notes.names == ("seed", "top_p")


def test_fields_that_say_something_are_noted_by_a_name_of_ours():
    notes = Adjustments()
    notes.note_held({"a": "secret", "b": "", "c": None, "d": False, "e": {"x": 1}}, {name: f"messages.{name}" for name in "abcdex"})
    assert notes.names == ("messages.a", "messages.e")
