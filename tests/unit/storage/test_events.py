"""Events hold counts and codes, and nothing that could hold a row's value."""

from typing import get_type_hints

from anyapi.storage.events import EventKind, FailureState, WriterEvent, WriterState, no_report


def test_fields_are_codes_and_counts():
    assert get_type_hints(WriterEvent) == {"writer": str, "kind": EventKind, "code": str, "count": int}
    assert set(get_type_hints(WriterState).values()) == {int, bool}


def test_reporting_to_nobody():
    no_report(WriterEvent("usage", EventKind.LOST, "no_room", 3))


def test_a_failure_is_reported_once_and_so_is_its_end():
    heard = []
    failure = FailureState("usage", heard.append)
    failure.succeeded()
    failure.failed("SQLITE_FULL", 3)
    failure.failed("SQLITE_FULL", 4)
    assert failure.failing
    failure.succeeded()
    failure.succeeded()
    assert not failure.failing
    assert heard == [WriterEvent("usage", EventKind.FAILED, "SQLITE_FULL", 3), WriterEvent("usage", EventKind.RECOVERED, "ok")]
