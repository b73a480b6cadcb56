"""What some keys have: limits and a log, together and apart. Each is tested where it is; here that neither gets lost for the other."""

import json

from tests.unit.gateway.test_key_limits import PRICED, ok
from tests.unit.gateway.test_recording import Log, logged
from tests.unit.gateway.workbench import gateway, principal
from tests.unit.upstream.provider import playing
from tests.unit.wire.peers import on_loop

from anyapi.domain.limits import CapPeriod, KeyLimits

LIMITS = KeyLimits("key_1", 100.0, CapPeriod.DAY, 5)


@on_loop
async def test_a_key_with_neither_pays_one_look():
    assert principal().plain
    assert not principal(limits=LIMITS).plain
    assert not logged().plain
    async with gateway(playing(ok())) as running:
        assert (await running.post()).status == 200


@on_loop
async def test_a_key_with_both_has_both():
    log = Log()
    async with gateway(playing(ok(), ok()), endpoints=PRICED, caller=logged(limits=LIMITS), out={"logs": log}) as running:
        response = await running.post()
        assert response.status == 200
        assert response.field("x-ratelimit-remaining-requests") == b"4"
        assert [json.loads(b"".join(kept.response)) for kept in log.kept] == [json.loads(response.body)]
        assert running.rows[0].cost > 0
        assert running.plane.outlets.accounts["key_1"].held == 0
