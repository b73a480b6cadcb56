"""T09: whatever a provider does, the caller gets a right answer from a permitted endpoint, or an error that the official SDK raises.

Never a part passed off as the whole, never a call outside the permitted set, never more than two upstream calls, never long after the
deadline; the usage row says the truth, and the next healthy request is answered.
"""

import openai
import pytest
from tests.integration.faults import CASES, Seen
from tests.integration.lab import FIRST, FORBIDDEN, SECOND, laboratory, trio
from tests.integration.verdicts import ALL, GRACE, MODES, ONE, ask_under_fault, check_calls, check_time, first_endpoint_fails

ERROR_TYPES = {400: "bad_request", 429: "rate_limit", 502: "upstream_error", 503: "overloaded", 504: "upstream_timeout"}
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_endpoint_fails(lab, case):
    first_endpoint_fails(lab, case)


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
        check_time(case, result, deadlines=2)


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
