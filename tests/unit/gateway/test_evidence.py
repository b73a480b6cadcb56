"""The witness of an attempt, between real sockets: read once, in force at once, and nothing of the provider's own words in it."""

import gc
import json

from tests.unit.gateway.test_exchange import DONE, JSON, USAGE_EVENT, completion, event, ok
from tests.unit.gateway.workbench import chat, gateway, outlets, request, snapshot
from tests.unit.policy.samples import context, provider
from tests.unit.upstream.provider import answer, chunked, playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.domain.evidence import Contradiction, EvidenceCode
from anyapi.domain.requirement import Requirement
from anyapi.gateway.evidence import lower
from anyapi.gateway.exchange import ProviderExchange
from anyapi.gateway.plane import DataPlane
from anyapi.upstream.adapter import ProviderRow
from anyapi.upstream.evidence import Evidence
from anyapi.upstream.routers import OPENROUTER

ROW = ProviderRow(evidence=Evidence(zero_retention=b"x-zero-data-retention", store=True, host=True), router=OPENROUTER)
FALSE = b"x-zero-data-retention: false"
CANARY = "canary 1f3a of a provider"


def rows(_provider):
    return ROW


async def one(script, *, stream=False, **fields):
    """One request to a provider that plays `script`: the usage row, and the contradictions."""
    found = []
    async with gateway(playing(script, then=silent), out={"rows": rows, "contradicted": found.append}, **fields) as running:
        response = await running.post(chat(stream=stream))
        assert response.status == 200
        (row,) = running.rows
        return row, found, running.plane


@on_loop
async def test_a_header_of_a_whole_answer():
    row, found, plane = await one(answer(completion(), JSON, FALSE))
    assert (row.evidence, row.host) == ("retained", None)
    (contradiction,) = found
    assert contradiction == Contradiction(row.endpoint, row.credential, EvidenceCode.RETAINED, row.decision, plane.clock())
    assert plane.context.contradicted == {row.endpoint: {row.credential: {EvidenceCode.RETAINED}}}


@on_loop
async def test_a_header_of_a_refusal_counts_too():
    found = []
    script = playing(answer(b"{}", JSON, FALSE, status=b"400 Bad Request"), then=silent)
    async with gateway(script, out={"rows": rows, "contradicted": found.append}) as running:
        assert (await running.post()).status == 400
        assert [row.evidence for row in running.rows] == ["retained"]
    assert [each.code for each in found] == ["retained"]


@on_loop
async def test_a_stream_is_heard_at_its_first_event_and_passes_unchanged():
    said = event("one", provider="DeepSeek", store=True), event("two", provider="Other", store=False)
    found = []
    async with gateway(
        playing(chunked(*said, USAGE_EVENT, DONE), then=silent), out={"rows": rows, "contradicted": found.append}
    ) as running:
        response = await running.post(chat(stream=True))
        (row,) = running.rows
    assert response.body == b"".join(said) + DONE
    assert (row.evidence, row.host, [each.code for each in found]) == ("stored", "deepseek", ["stored"])


@on_loop
async def test_a_request_that_ends_before_a_first_event_leaves_no_ring():
    """What stands when a snapshot is put in force is never collected later (`scrubbing.Collector.freeze`): a ring would keep the prompt."""
    script = playing(then=silent)
    async with gateway(script, out={"rows": rows, "contradicted": lambda _found: None}) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat(stream=True)))
            await until(lambda: [each for each in running.server.connections if each._exchange and each._exchange._connection])
            gc.collect()
            gc.disable()
        try:
            await until(lambda: running.usage.rows and not running.server.connections)
            assert not [each for each in gc.get_objects() if type(each) is ProviderExchange]
        finally:
            gc.enable()


@on_loop
async def test_a_row_without_evidence_has_no_witness(monkeypatch):
    monkeypatch.setattr("anyapi.gateway.exchange.Witness", None)
    async with gateway(playing(answer(completion(), JSON, FALSE), then=silent)) as running:
        assert (await running.post()).status == 200
        assert [(row.evidence, row.host) for row in running.rows] == [(None, None)]


@on_loop
async def test_the_providers_words_go_nowhere():
    row, found, plane = await one(answer(completion(CANARY)[:-1] + b',"provider":%b}' % json.dumps(CANARY).encode(), JSON, FALSE))
    assert "canary" not in repr((row, found, plane.context.contradicted))
    assert row.host == "unrecognised"


@on_loop
async def test_a_router_gets_the_requirement():
    script = playing(ok(), then=silent)
    async with gateway(script, out={"rows": rows}, requirement=Requirement(retention_days=0.0)) as running:
        assert (await running.post()).status == 200
    assert json.loads(script.seen[0].body)["provider"] == {"zdr": True}


def contradiction(code=EvidenceCode.RETAINED, credential="p-key"):
    return Contradiction("p/one", credential, code, "dec_1", 1.0)


@on_loop
async def test_lowering_is_in_force_at_once_and_told_once():
    told = []
    plane = DataPlane(snapshot(context([provider("p")])), outlets(contradicted=told.append), None)
    before = plane.snapshot
    memo = plane._asked
    lower(plane, contradiction())
    assert plane._asked is not memo, "no decision from before is remembered"
    lower(plane, contradiction())
    lower(plane, contradiction(EvidenceCode.STORED))
    lower(plane, contradiction(credential="another"))
    assert [(each.code, each.credential) for each in told] == [("retained", "p-key"), ("stored", "p-key"), ("retained", "another")]
    assert plane.context.contradicted == {"p/one": {"p-key": {"retained", "stored"}, "another": {"retained"}}}
    assert before.context.contradicted == {}, "a snapshot is immutable"
