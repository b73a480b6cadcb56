"""The header lines by which an answer says what was decided."""

import json

import pytest
from tests.unit.gateway.workbench import DISCLOSURE, Clock, chat, outlets, principal, snapshot
from tests.unit.policy.samples import context, provider
from tests.unit.wire.peers import on_loop

from anyapi.domain.call import NO_PREFERENCE
from anyapi.errors import NoEligibleEndpoint
from anyapi.gateway.admit import admit
from anyapi.gateway.call import Call
from anyapi.gateway.formats import anthropic_messages, openai_chat
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.rows import rows_for, sign


def rows(request_id=None, adjusted=(), parse=openai_chat.parse, **fields):
    plane = DataPlane(snapshot(context([provider("p")])), outlets(), DISCLOSURE, Clock())
    caller, request = principal(), parse(json.dumps(chat(**fields)).encode())
    asked = plane.ask(caller, Call(), request)
    decided = plane.decide(asked, request, caller.account)
    admission = admit(caller, asked, decided, request, plane, Call(headers={} if request_id is None else {b"x-request-id": request_id}))
    admission.candidate = plane.rank(decided, NO_PREFERENCE, request.facts).candidates[0]
    admission.adjusted = adjusted
    text = rows_for(admission)
    assert text == rows_for(admission)
    assert list(decided.rows) == ["p/one"]
    assert text.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in text.decode("ascii").split("\r\n")[:-1]), admission


@pytest.mark.parametrize(
    ("policy", "training", "days"),
    [
        (None, "true", "any"),
        ({"training_allowed": False, "retention_days": 30}, "false", "30"),
        ({"retention_days": 0}, "true", "0"),
        ({"retention_days": 0.5}, "true", "0.5"),
    ],
)
@on_loop
async def test_the_policy_in_force(policy, training, days):
    found, admission = rows(data_policy=policy)
    assert found == {
        "x-anyapi-provider": "p",
        "x-anyapi-endpoint": "p/one",
        "x-anyapi-model": "acme/one",
        "x-anyapi-policy": admission.asked.requirement.hash,
        "x-anyapi-training-allowed": training,
        "x-anyapi-retention-days": days,
        "x-anyapi-decision": admission.id,
        "x-request-id": admission.id,
    }


@on_loop
async def test_what_was_adjusted_is_named_once_and_in_order():
    found, _ = rows(adjusted=("user", "metadata"), store=True, metadata={})
    assert found["x-anyapi-adjusted"] == "metadata, store, user"
    assert "x-anyapi-adjusted" not in rows()[0]


@on_loop
async def test_the_request_id_is_echoed():
    assert rows(b"r-1")[0]["x-request-id"] == "r-1"
    assert "x-request-id" not in rows(parse=anthropic_messages.parse, max_tokens=8)[0]


@on_loop
async def test_openais_sdks_find_the_decision_as_the_request_id_where_the_client_gave_none():
    found, admission = rows()
    assert found["x-request-id"] == found["x-anyapi-decision"] == admission.id


@on_loop
async def test_anthropics_sdks_find_the_decision_as_the_request_id():
    found, admission = rows(b"r-1", parse=anthropic_messages.parse, max_tokens=8)
    assert found["request-id"] == found["x-anyapi-decision"] == admission.id
    assert "request-id" not in rows(b"r-1")[0]


@on_loop
async def test_an_error_says_what_an_answer_says():
    _, admission = rows(adjusted=("user",), store=True, model="SECRET", models=["acme/one"], data_policy={"retention_days": 3})
    error = NoEligibleEndpoint("no", {"endpoints": []})
    assert sign(error, admission.asked, admission, admission.request, 0.0) is error
    assert error.metadata == {
        "endpoints": [],
        "decision": admission.id,
        "policy": admission.asked.requirement.hash,
        "skipped": [{"field": "model", "reason": "unknown_model"}],
    }
    told = dict(error.in_force)
    assert told == {
        "policy": admission.asked.requirement.hash,
        "training-allowed": "true",
        "retention-days": "3",
        "adjusted": "model, store, user",
    }


@on_loop
async def test_an_error_of_what_was_not_accepted_names_a_decision_in_its_header_alone():
    _, admission = rows()
    error = NoEligibleEndpoint("no")
    sign(error, admission.asked, None, admission.request, 0.0)
    told = dict(error.in_force)
    assert told.pop("decision").startswith("dec_")
    assert told == {"policy": admission.asked.requirement.hash, "training-allowed": "true", "retention-days": "any"}
    assert error.metadata == {}
