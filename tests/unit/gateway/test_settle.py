"""Settling: exactly what is known of an answer, and what it costs the caller."""

import json

import msgspec
import pytest
from tests.unit.gateway.workbench import DISCLOSURE, Clock, chat, outlets, principal, snapshot
from tests.unit.policy.samples import NOW, context, endpoint, provider
from tests.unit.wire.peers import on_loop

from anyapi.domain.call import App
from anyapi.domain.catalogue import Price
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.usage import TokenCount, UsageSource
from anyapi.errors import BadRequest, NoEligibleEndpoint, Overloaded, StorageError, UpstreamFailed
from anyapi.gateway.admit import admit
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import parse
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.settle import CHARGED, LEFT, REFUSED_LATE, name_of, settle, status_unless_whole
from anyapi.policy.merge import DEFAULT_PRESETS, lift

MEASURED, ESTIMATED, UNKNOWN = UsageSource.MEASURED, UsageSource.ESTIMATED, UsageSource.UNKNOWN
SUCCESS = Outcome(OutcomeKind.SUCCESS)


def begun(price=Price(1.0, 2.0), *, settings=Settings(), reached=True, **state):
    """An admission; `reached` a provider unless told otherwise."""
    requirement = lift(Layer.KEY, settings, DEFAULT_PRESETS)
    base = context([provider("p")], [endpoint("p", price=price)])
    plane = DataPlane(snapshot(base, requirement), outlets(), DISCLOSURE, Clock())
    caller, request = principal(requirement, project="web"), parse(json.dumps(chat()).encode())
    asked = plane.ask(caller, Call(), request)
    decided = plane.decide(asked, request, caller.account)
    request.app = App(id="shop")
    admission = admit(caller, asked, decided, request, plane, Call())
    if reached:
        admission.candidate = decided.decisions[0].permitted[0]
        admission.sent, admission.attempts = (admission.candidate,), 1
    for name, value in state.items():
        setattr(admission, name, value)
    return admission


def row_of(admission, outcome=SUCCESS, *, left=False):
    settle(admission, outcome, left=left)
    (row,) = admission.plane.outlets.usage.rows
    return row


@on_loop
async def test_a_whole_row():
    admission = begun(
        settings=Settings(data_class=DataClass.INTERNAL), tokens=TokenCount(10, 20, 4, 5), streamed=True, attempts=2, first_token=0.25
    )
    row = row_of(admission)
    assert (row.decision, row.at, row.account, row.key, row.project) == (admission.id, NOW, "acme", "key_1", "web")
    assert (row.operation, row.model, row.outcome, row.status) == ("chat_completions", "acme/one", "success", 200)
    assert (row.source, row.tokens, row.app) == (MEASURED, TokenCount(10, 20, 4, 5), App(id="shop"))
    assert (row.provider, row.endpoint, row.credential) == ("p", "p/one", "p-key")
    assert (row.data_class, row.streamed, row.attempts, row.first_token) == ("internal", True, 2, 0.25)
    assert 0 <= row.duration < 10
    assert row.cost == pytest.approx((10 * 1.0 + 20 * 2.0) / 1e6)
    assert "hello" not in repr(row)


# --- tokens


@pytest.mark.parametrize(
    ("state", "outcome", "tokens", "source"),
    [
        ({"tokens": TokenCount(1, 2)}, SUCCESS, TokenCount(1, 2), MEASURED),
        ({"tokens": TokenCount(1, 2), "answer_tokens": 50}, SUCCESS, TokenCount(1, 2), MEASURED),
        ({"answer_tokens": 50}, SUCCESS, "sizes", ESTIMATED),
        ({"answer_tokens": 50}, Outcome(OutcomeKind.INTERRUPTED), "sizes", ESTIMATED),
        ({"answer_tokens": 50}, Outcome(OutcomeKind.CLIENT_GONE), "sizes", ESTIMATED),
        ({"answer_tokens": 50}, None, "sizes", ESTIMATED),
        ({}, SUCCESS, "sizes", ESTIMATED),
        ({}, Outcome(OutcomeKind.SERVER_ERROR), TokenCount(), UNKNOWN),
        ({}, Outcome(OutcomeKind.CLIENT_GONE), TokenCount(), UNKNOWN),
        ({}, UpstreamFailed("x"), TokenCount(), UNKNOWN),
        ({}, None, TokenCount(), UNKNOWN),
        ({"sent": ()}, UpstreamFailed("x"), TokenCount(), MEASURED),
        ({"sent": ()}, Outcome(OutcomeKind.CLIENT_GONE), TokenCount(), MEASURED),
        ({"reached": False}, NoEligibleEndpoint("x"), TokenCount(), MEASURED),
    ],
)
@on_loop
async def test_measured_estimated_unknown(state, outcome, tokens, source):
    admission = begun(**state)
    row = row_of(admission, outcome)
    expected = TokenCount(admission.request.prompt_bytes // 4, admission.answer_tokens) if tokens == "sizes" else tokens
    assert (row.tokens, row.source) == (expected, source)
    if source is UNKNOWN:
        assert row.cost == (None if outcome == Outcome(OutcomeKind.CLIENT_GONE) else 0.0), "what failed costs nothing, however long it was"


# --- cost


@pytest.mark.parametrize(
    ("price", "tokens", "cost"),
    [
        (Price(1.0, 2.0), TokenCount(1_000_000, 1_000_000), 3.0),
        (Price(1.0, 2.0), TokenCount(1_000_000, 0, 400_000), 1.0),
        (Price(1.0, 2.0, 0.1), TokenCount(1_000_000, 0, 400_000), 0.64),
        (Price(1.0, 2.0, 0.0), TokenCount(1_000_000, 0, 1_000_000), 0.0),
        (Price(0.0, 0.0), TokenCount(5, 5), 0.0),
        (Price(None, 2.0), TokenCount(5, 5), None),
        (Price(1.0, None), TokenCount(5, 5), None),
    ],
)
@on_loop
async def test_what_an_answer_costs(price, tokens, cost):
    found = row_of(begun(price, tokens=tokens)).cost
    assert found is cost if cost is None else found == pytest.approx(cost)


@on_loop
async def test_an_estimate_costs_too():
    assert row_of(begun(answer_tokens=1000)).cost > 0


@pytest.mark.parametrize("kind", OutcomeKind)
@on_loop
async def test_only_what_was_answered_costs(kind):
    cost = row_of(begun(tokens=TokenCount(10, 10)), Outcome(kind)).cost
    assert (cost > 0) is (kind in CHARGED)


def test_which_outcomes_are_charged():
    assert {OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE, OutcomeKind.CONTENT_REFUSED} == CHARGED


@on_loop
async def test_an_empty_completion_costs_nothing():
    row = row_of(begun(tokens=TokenCount(10, 0), empty=True))
    assert (row.cost, row.tokens, row.outcome) == (0.0, TokenCount(10, 0), "success")


@on_loop
async def test_a_request_that_reached_nobody_costs_nothing():
    assert row_of(begun(reached=False), NoEligibleEndpoint("x")).cost == 0.0


# --- outcome and status


@pytest.mark.parametrize(
    ("outcome", "left", "name", "status"),
    [
        (SUCCESS, False, "success", 200),
        (SUCCESS, True, "success", 200),
        (Outcome(OutcomeKind.INTERRUPTED), False, "interrupted", 200),
        (Outcome(OutcomeKind.INTERRUPTED), True, "interrupted", LEFT),
        (Outcome(OutcomeKind.CLIENT_GONE), True, "client_gone", LEFT),
        (Outcome(OutcomeKind.CONTENT_REFUSED), False, "content_refused", 200),
        (NoEligibleEndpoint("x"), False, "no_eligible_endpoint", 403),
        (Overloaded("x"), False, "overloaded", 503),
        (Overloaded("x"), True, "overloaded", LEFT),
        (BadRequest("x"), False, "bad_request", 400),
        (StorageError("x"), False, "overloaded", 503),
        (None, False, "internal_error", 500),
        (None, True, "internal_error", LEFT),
    ],
)
@on_loop
async def test_what_the_row_says_is_what_the_caller_got(outcome, left, name, status):
    row = row_of(begun(), outcome, left=left)
    assert (row.outcome, row.status) == (name, status)


@on_loop
async def test_a_stream_that_the_filter_ended_is_a_refusal_and_is_charged():
    for left in (False, True):
        row = row_of(begun(tokens=TokenCount(10, 20), streamed=True), REFUSED_LATE, left=left)
        assert (row.outcome, row.status, row.cost) == ("content_refused", 200, 50 / 1_000_000)
    assert SUCCESS == REFUSED_LATE, "for everybody but the row"
    assert row_of(begun(tokens=TokenCount(10, 20), streamed=True)).outcome == "success"


def test_names_and_statuses_alone():
    assert name_of(None) == "internal_error"
    assert name_of(UpstreamFailed("x")) == "upstream_error"
    assert status_unless_whole(None, left=False) == 500


@on_loop
async def test_what_reached_nobody_names_the_model_that_was_asked():
    row = row_of(begun(reached=False), NoEligibleEndpoint("x"))
    assert (row.model, row.provider, row.endpoint, row.credential) == ("acme/one", None, None, None)


@on_loop
async def test_a_row_says_where_else_a_request_went_and_nothing_where_that_is_its_endpoint():
    admission = begun()
    here = admission.candidate
    assert row_of(admission).sent_to is None
    assert row_of(begun(reached=False)).sent_to is None
    elsewhere = msgspec.structs.replace(here, credential="other")
    named, other = ("p/one", "p-key"), ("p/one", "other")
    for sent, wanted in (((), ()), ((elsewhere, here), (other, named)), ((here, here), (named, named)), ((elsewhere,), (other,))):
        assert row_of(begun(sent=sent)).sent_to == wanted
