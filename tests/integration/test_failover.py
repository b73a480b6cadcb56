"""T09: whatever a provider does, the caller gets a right answer from a permitted endpoint, or an error that the official SDK raises.

Never a part passed off as the whole, never a call outside the permitted set, never more than two upstream calls, never long after the
deadline; the usage row says the truth, and the next healthy request is answered.
"""

import openai
import pytest
from tests.integration.faults import CASES, Case, Seen
from tests.integration.lab import FIRST, FORBIDDEN, SECOND, SWEEP, laboratory, trio

GRACE = 1.0
"""Seconds that a call may take beyond the deadlines of its upstream calls."""
ERROR_TYPES = {400: "bad_request", 429: "rate_limit", 502: "upstream_error", 503: "overloaded", 504: "upstream_timeout"}
MODES = ("plain", "stream")
ONE, ALL = "one", "all"
REFUSALS = "lab/refusals"
REPEATED = {"500": {"kind": "status", "status": 500}, "429": {"kind": "status", "status": 429, "retry_after": 1}}
"""Faults after which the only permitted endpoint is asked once more."""
LONG_WAIT = "lab/alone-long-wait"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pairs = [case.model(mode, failing) for case in CASES for mode in MODES for failing in (ONE, ALL)]
    solos = [f"lab/alone-{name}" for name in REPEATED]
    with laboratory(tmp_path_factory.mktemp("failover") / "home", trio([*pairs, REFUSALS], [*solos, LONG_WAIT])) as lab:
        yield lab


@pytest.fixture(autouse=True)
def healthy(lab):
    """Nothing of one test is left for the next."""
    lab.rows_seen = len(lab.gateway.usage(lab.asked))
    yield
    lab.restore()


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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_endpoint_fails(lab, case):
    asked = [ask_under_fault(lab, case, mode, ONE) for mode in MODES]
    after = lab.ask(case.model("plain", ONE), stream=False)
    *rows, healthy_row = lab.new_rows()
    for mode, (result, calls), row in zip(MODES, asked, rows, strict=True):
        check_calls(case, calls, row)
        check_seen(lab, case, mode, result, row)
        assert result.seconds <= case.seconds + (SWEEP if case.seconds else 0) + GRACE
    assert after.error is None, "a healthy request right after fails"
    assert after.text == lab.answer_of(healthy_row.provider, case.model("plain", ONE))


FAILING = [case for case in CASES if {Seen.NEXT} in (case.plain, case.stream)]


@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.name)
def test_every_permitted_endpoint_fails(lab, case):
    modes = [mode for mode in MODES if case.seen(mode) == {Seen.NEXT}]
    if case.seconds:
        modes = modes[-1:]  # two deadlines one after the other: once is enough
    asked = [ask_under_fault(lab, case, mode, ALL) for mode in modes]
    for (result, calls), row in zip(asked, lab.new_rows(), strict=True):
        check_calls(case, calls, row)
        assert case.unsent or row.attempts == 2, "a permitted endpoint was not tried"
        assert result.error is not None, f"a failure passed off as success: {result.text!r}"
        assert result.text == ""
        assert result.status in case.statuses
        assert (row.status, row.outcome) == (result.status, ERROR_TYPES[result.status])
        assert not row.cost, "a failed completion costs nothing"
        assert row.decision in str(result.error.body)
        assert result.seconds <= 2 * (case.seconds + (SWEEP if case.seconds else 0)) + GRACE


@pytest.mark.parametrize("name", REPEATED)
def test_the_only_permitted_endpoint_is_asked_once_more(lab, name):
    fault = REPEATED[name]
    model = f"lab/alone-{name}"
    lab.script(FIRST, fault)
    before = lab.calls()
    result = lab.ask(model, stream=True)
    assert result.text == lab.answer_of(FIRST, model)
    assert result.seconds >= fault.get("retry_after", 0), "Retry-After was not honoured"
    assert lab.calls()[FIRST] - before[FIRST] == 2
    assert lab.calls()[FORBIDDEN] == before[FORBIDDEN]
    (row,) = lab.new_rows()
    assert (row.outcome, row.attempts, row.provider) == ("success", 2, FIRST)


def test_a_wait_that_is_too_long_is_the_callers(lab):
    lab.script(FIRST, {"kind": "status", "status": 429, "retry_after": 3600})
    result = lab.ask(LONG_WAIT, stream=False)
    assert isinstance(result.error, openai.RateLimitError)
    assert result.error.response.headers["retry-after"] == "3600"
    assert result.seconds < GRACE
    # And the endpoint is left alone for now: it asked for that.
    before = lab.calls()
    assert lab.ask(LONG_WAIT, stream=False).status == 503
    assert lab.calls() == before
    rows = lab.new_rows()
    assert [(row.status, row.attempts) for row in rows] == [(429, 1), (503, 0)]


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_is_wrong_is_not_tried_elsewhere(lab, status):
    before = lab.calls()
    lab.script(FIRST, {"kind": "status", "status": status, "message": "SECRET WORDS OF THE PROVIDER"})
    result = lab.ask(REFUSALS, stream=False)
    assert isinstance(result.error, openai.BadRequestError)
    assert "SECRET" not in str(result.error.body)
    assert {name: count - before[name] for name, count in lab.calls().items()} == {FIRST: 1, SECOND: 0, FORBIDDEN: 0}
    (row,) = lab.new_rows()
    assert (row.status, row.outcome, row.attempts) == (400, "bad_request", 1)


def test_a_content_refusal_fails_over_only_when_asked(lab):
    before = lab.calls()
    refusal = {"kind": "refusal"}
    lab.script(FIRST, refusal)
    kept = lab.ask(REFUSALS, stream=False)
    assert (kept.error, kept.finish) == (None, "content_filter")
    lab.script(FIRST, refusal)
    mended = lab.ask(REFUSALS, stream=False, order=(), provider={"order": [FIRST, SECOND], "failover_on": ["content_refusal"]})
    assert mended.text == lab.answer_of(SECOND, REFUSALS)
    assert {name: count - before[name] for name, count in lab.calls().items()} == {FIRST: 2, SECOND: 1, FORBIDDEN: 0}
    assert [(row.outcome, row.attempts, row.provider) for row in lab.new_rows()] == [("content_refused", 1, FIRST), ("success", 2, SECOND)]
