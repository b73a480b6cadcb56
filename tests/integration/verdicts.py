"""What a failover case must lead to: a request is made while a fault is in force, and answer, calls and usage row are judged together."""

from tests.integration.faults import Case, Seen
from tests.integration.lab import FIRST, FORBIDDEN, SECOND, SWEEP

GRACE = 1.0
"""Seconds that a call may take beyond the deadlines of its upstream calls."""
MODES = ("plain", "stream")
ONE, ALL = "one", "all"
"""How many of the two permitted endpoints fail."""


def fault_of(lab, case: Case) -> object:
    """The case's fault; a redirect leads to the forbidden provider."""
    if case.fault.get("location") != "FORBIDDEN":
        return case.fault
    return {**case.fault, "location": f"{lab.simulation.base_urls[FORBIDDEN]}/chat/completions"}


def ask_under_fault(lab, case: Case, mode: str, failing: str):
    """Ask while the fault is in force; gives the result and the requests that each provider read."""
    for name in (FIRST,) if failing == ONE else (FIRST, SECOND):
        lab.script(name, fault_of(lab, case))
    before, refused = lab.calls(), lab.refusals()
    result = lab.ask(case.model(mode, failing), stream=mode == "stream")
    calls = {name: count - before[name] for name, count in lab.calls().items()}
    assert sum(calls.values()) + lab.refusals() - refused <= 2
    lab.restore()
    return result, calls


def check_calls(case: Case, calls: dict[str, int], row) -> None:
    """The row's attempts are the requests that providers read; one that could not be sent may count or not."""
    assert calls[FORBIDDEN] == 0, "a call left the permitted set"
    made = sum(calls.values())
    assert made <= row.attempts <= (2 if case.unsent else made), "a call that nobody accounted for"


def check_seen(lab, case: Case, mode: str, result, row) -> None:
    """The first of two permitted endpoints failed: an answer is whole and measured, or the SDK raised after content."""
    model = case.model(mode, ONE)
    if result.error is not None:
        assert Seen.BROKEN in case.seen(mode), (result.error, result.error.body)
        assert case.text == "*" or lab.answer_of(FIRST, model).startswith(result.text)
        assert (row.outcome, row.provider, row.attempts) == ("interrupted", FIRST, 1)
        assert not row.cost, "a failed completion costs nothing"
        return
    seen = Seen.FIRST if result.headers["x-anyapi-provider"] == FIRST else Seen.NEXT
    assert seen in case.seen(mode), f"{mode}: {result.text!r} passed off as an answer"
    wanted = lab.answer_of(row.provider, model) if case.text is None or seen is Seen.NEXT else case.text
    assert wanted in ("*", result.text)
    assert result.finish == "stop"
    assert (row.outcome, row.status, row.source) == ("success", 200, "measured")
    assert row.attempts == 1 or seen is Seen.NEXT
    assert (row.provider, row.decision) == (result.headers["x-anyapi-provider"], result.headers["x-anyapi-decision"])
    assert "set-cookie" not in result.headers


def check_time(case: Case, result, deadlines: int = 1) -> None:
    """The call ended inside the deadlines of its upstream calls, and a second."""
    assert result.seconds <= deadlines * (case.seconds + (SWEEP if case.seconds else 0)) + GRACE


def first_endpoint_fails(lab, case: Case) -> None:
    """The whole of it: the fault in both modes, then a healthy request."""
    asked = [ask_under_fault(lab, case, mode, ONE) for mode in MODES]
    after = lab.ask(case.model("plain", ONE), stream=False)
    *rows, healthy_row = lab.new_rows()
    for mode, (result, calls), row in zip(MODES, asked, rows, strict=True):
        check_calls(case, calls, row)
        check_seen(lab, case, mode, result, row)
        check_time(case, result)
    assert after.error is None, "a healthy request right after fails"
    assert after.text == lab.answer_of(healthy_row.provider, case.model("plain", ONE))
