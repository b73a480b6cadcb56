"""Before each attempt is written it is looked at whether what it was decided by still holds: key, requirement, facts, lease."""

import json

import msgspec
import pytest
from tests.unit.gateway.workbench import chat, gateway, snapshot
from tests.unit.policy.samples import NOW
from tests.unit.upstream.provider import answer, playing, silent
from tests.unit.wire.peers import on_loop

from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.gateway.still import TEXT
from anyapi.policy.merge import DEFAULT_PRESETS, lift

JSON = b"content-type: application/json"
OK = answer(b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}', JSON)
FAILED = answer(b"{}", JSON, status=b"500 Broken")
INTERNAL = lift(Layer.ACCOUNT, Settings(data_class=DataClass.INTERNAL), DEFAULT_PRESETS)
CONFIDENTIAL = lift(Layer.ACCOUNT, Settings(data_class=DataClass.CONFIDENTIAL), DEFAULT_PRESETS)


def meanwhile(change):
    """A script of a provider that fails, after `change` was made to the gateway in the holder that is given too."""
    holder = []

    async def script(reader, writer):
        async def fail(reader, writer):
            change(holder[0])
            writer.write(FAILED)
            await silent(reader, writer)

        await playing(b"", then=fail)(reader, writer)

    return script, holder


def publish(running, requirement):
    plane = running.plane
    plane.publish(snapshot(plane.context, requirement, version=2))


def revoke(running):
    plane = running.plane
    plane.publish(msgspec.structs.replace(plane.snapshot, version=2, principals={}))


CHANGES = {"tightened": lambda running: publish(running, CONFIDENTIAL), "revoked": revoke}


@pytest.mark.parametrize("name", CHANGES)
@on_loop
async def test_nothing_is_sent_on_by_what_was_in_force_before(name):
    first, holder = meanwhile(CHANGES[name])
    second = playing(OK, then=silent)
    async with gateway(first, second) as running:
        holder.append(running)
        response = await running.post()
        assert (response.status, second.seen) == (502, [])
        (row,) = running.rows
        assert (row.provider, row.attempts) == ("p0", 1)


@on_loop
async def test_a_loosened_requirement_is_another_one_too():
    """Answer and records name the one that it was decided by."""
    first, holder = meanwhile(lambda running: publish(running, INTERNAL))
    second = playing(OK, then=silent)
    async with gateway(first, second, requirement=CONFIDENTIAL) as running:
        holder.append(running)
        assert (await running.post()).status == 502
        assert second.seen == []


@on_loop
async def test_a_change_that_leaves_the_requirement_as_it_was_hinders_nothing():
    first, holder = meanwhile(lambda running: publish(running, INTERNAL))
    second = playing(OK, then=silent)
    async with gateway(first, second, requirement=INTERNAL) as running:
        holder.append(running)
        response = await running.post(chat(data_policy={"retention_days": 7}))
        assert (response.status, len(second.seen)) == (200, 1)
        assert (running.rows[0].provider, running.rows[0].attempts) == ("p1", 2)


@on_loop
async def test_what_waits_for_its_record_is_not_sent_after_a_change():
    script = playing(OK, then=silent)
    async with gateway(script, requirement=CONFIDENTIAL) as running:

        async def tighten(_record):
            publish(running, lift(Layer.ACCOUNT, Settings(data_class=DataClass.CONFIDENTIAL, paid_only=True), DEFAULT_PRESETS))

        running.records.before = tighten
        response = await running.post()
        assert (response.status, script.seen) == (503, [])
        assert json.loads(response.body)["error"]["message"] == TEXT
        assert response.field("retry-after") == b"1"
        (row,) = running.rows
        assert (row.outcome, row.status, row.provider, row.attempts, row.cost) == ("overloaded", 503, None, 0, 0.0)


@on_loop
async def test_a_key_that_goes_while_its_request_waits_is_told_so():
    script = playing(OK, then=silent)
    async with gateway(script, requirement=CONFIDENTIAL) as running:

        async def gone(_record):
            revoke(running)

        running.records.before = gone
        assert ((await running.post()).status, script.seen) == (401, [])
        assert running.rows[0].outcome == "authentication_error"


@on_loop
async def test_facts_that_expire_while_a_request_waits_are_looked_at_anew():
    """The record is good until tomorrow; the request waits for longer."""
    script = playing(OK, then=silent)
    async with gateway(script, requirement=CONFIDENTIAL) as running:

        async def later(_record):
            running.clock.now = NOW + 400 * 86400.0

        running.records.before = later
        assert ((await running.post()).status, script.seen) == (503, [])


@on_loop
async def test_without_its_lease_a_worker_sends_nothing_more():
    held = [True]
    first, holder = meanwhile(lambda _running: held.clear())
    second = playing(OK, then=silent)
    async with gateway(first, second, out={"may_decide": lambda: bool(held)}) as running:
        holder.append(running)
        assert ((await running.post()).status, second.seen) == (502, [])
