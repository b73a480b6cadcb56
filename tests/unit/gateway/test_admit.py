"""Admission: counted once. `test_durable` follows its record, `test_settle` what becomes of it."""

import json

import pytest
from tests.unit.gateway.workbench import DISCLOSURE, Clock, chat, outlets, principal, snapshot
from tests.unit.policy.samples import NOW, block, context, provider
from tests.unit.wire.peers import on_loop

from anyapi.domain.call import App
from anyapi.domain.requirement import Layer, Settings
from anyapi.gateway.admit import admit
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import parse
from anyapi.gateway.plane import DataPlane
from anyapi.policy.merge import DEFAULT_PRESETS, lift


def admitted(settings=Settings(), **fields):
    """A plane of two providers, of which the first trains, and one admission on it."""
    requirement = lift(Layer.KEY, settings, DEFAULT_PRESETS)
    base = context([provider("p", block(training="by_default")), provider("q")])
    plane = DataPlane(snapshot(base, requirement, version=7), outlets(**fields), DISCLOSURE, Clock())
    caller, request = principal(requirement, project="web"), parse(json.dumps(chat()).encode())
    asked = plane.ask(caller, Call(), request)
    request.app = App(id="shop")
    return admit(caller, asked, plane.decide(asked, request, caller.account), request, plane, Call(headers={b"x-request-id": b"r-1"}))


@on_loop
async def test_an_admission_is_counted_when_it_begins():
    admission = admitted()
    assert admission.plane.outlets.usage.accepted == 1
    assert admission.plane.budget.requests == 1
    assert admission.at == NOW
    assert admission.id.startswith("dec_")
    assert (admission.attempts, admission.sent, admission.streamed, admission.empty) == (0, (), False, False)
    assert (admission.candidate, admission.tokens, admission.first_token) == (None, None, None)


@on_loop
async def test_a_pause_between_the_clocks_makes_the_end_late_and_never_early(monkeypatch):
    """A request's end is `at` and its duration: before what a provider noted, its copy would seem to be gone too soon."""
    read = []
    monkeypatch.setattr("anyapi.gateway.admit.monotonic", lambda: read.append("monotonic") or 1.0)
    monkeypatch.setattr(Clock, "__call__", lambda _: read.append("wall") or NOW)
    admitted()
    assert read[read.index("monotonic") :] == ["monotonic", "wall"]


@on_loop
async def test_two_admissions_have_two_ids():
    assert admitted().id != admitted().id


@on_loop
async def test_the_first_token_is_timed_from_the_start(monkeypatch):
    admission = admitted()
    admission.started -= 1.5
    admission.note_first_token()
    assert admission.first_token == pytest.approx(1.5, abs=0.5)
