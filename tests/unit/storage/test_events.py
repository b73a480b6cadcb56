"""Events hold counts and codes, and nothing that could hold a row's value."""

from typing import get_type_hints

from anyapi.storage.events import EventKind, WriterEvent, WriterState, no_report


def test_fields_are_codes_and_counts():
    assert get_type_hints(WriterEvent) == {"writer": str, "kind": EventKind, "code": str, "count": int}
    assert set(get_type_hints(WriterState).values()) == {int, bool}


def test_reporting_to_nobody():
    no_report(WriterEvent("usage", EventKind.LOST, "no_room", 3))
