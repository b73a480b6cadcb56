"""What is kept of a request whose key has a log: what the client got, byte for byte, and nothing once somebody switched it off."""

import json

import msgspec
import pytest
from tests.unit.gateway.test_declined import refusing
from tests.unit.gateway.test_exchange import STREAM, completion, event
from tests.unit.gateway.workbench import chat, gateway, principal, request
from tests.unit.upstream.provider import answer, chunked, playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.domain.prompt_log import Keeps, LogRule, LogTarget
from anyapi.gateway.outlets import NO_LOG
from anyapi.gateway.recording import _NotingReader

RULE = LogRule(Keeps.BOTH)
WHOLE = answer(completion(), b"content-type: application/json")
BODY = request(chat()).partition(b"\r\n\r\n")[2]


class Log:
    """A log sink with room for so many bytes."""

    def __init__(self, room=1_000_000):
        self.room, self.kept, self.held = room, [], 0

    def hold(self, size):
        if self.held + size > self.room:
            return False
        self.held += size
        return True

    def release(self, size):
        self.held -= size

    def put(self, kept, held):
        self.kept.append(kept)
        self.held -= held


def logged(rule=RULE, recipients=("age1a",), **fields):
    return principal(log=LogTarget(rule, recipients), **fields)


def switched(running, log):
    """A snapshot in which the key's log is another, or none."""
    plane = running.plane
    ((sha256, who),) = plane.principals.items()
    plane.publish(msgspec.structs.replace(plane.snapshot, principals={sha256: msgspec.structs.replace(who, log=log)}))


@on_loop
async def test_a_whole_answer_is_kept_as_it_went_out():
    log = Log()
    async with gateway(playing(WHOLE), caller=logged(project="p"), out={"logs": log}) as running:
        response = await running.post(chat(user="é"))
        (kept,) = log.kept
        (row,) = running.rows
        assert (json.loads(kept.prompt), kept.response, kept.streamed) == (chat(user="é"), (response.body,), False)
        entry = kept.entry
        assert (entry.decision, entry.at, entry.account, entry.key, entry.project) == (row.decision, row.at, row.account, row.key, "p")
        assert (entry.operation, entry.model, entry.outcome) == (row.operation, row.model, "success")
        assert (entry.keeps, entry.recipients, entry.bytes) == (Keeps.BOTH, ("age1a",), None)
        assert entry.expires_at == row.at + 30 * 86400
        assert log.held == 0
        assert "é" not in repr(kept)


@on_loop
async def test_a_key_can_see_that_it_is_logged():
    async with gateway(silent, caller=logged()) as running:
        found = json.loads((await running.get(b"/v1/key")).body)["sealed_log"]
        assert found == {"rule": {"keeps": "both", "share": 1.0, "ttl_days": 30.0}, "recipients": ["age1a"]}
    async with gateway(silent) as running:
        assert json.loads((await running.get(b"/v1/key")).body)["sealed_log"] is None


@on_loop
async def test_a_stream_is_kept_as_it_went_out():
    log = Log()
    script = playing(STREAM, then=silent)
    async with gateway(script, caller=logged(), out={"logs": log}) as running:
        response = await running.post(chat(stream=True))
        (kept,) = log.kept
        assert kept.streamed
        assert b"".join(kept.response) == response.body
        assert json.loads(kept.prompt) == chat(stream=True)


@on_loop
async def test_a_whole_answer_to_who_asked_for_a_stream_is_not_kept():
    """It is a provider's fault, and the client gets none of it."""
    log = Log()
    async with gateway(playing(WHOLE), caller=logged(), out={"logs": log}) as running:
        assert (await running.post(chat(stream=True))).status == 502
        (kept,) = log.kept
        assert (json.loads(kept.prompt), kept.response) == (chat(stream=True), None)


@pytest.mark.parametrize(("keeps", "has"), [(Keeps.PROMPTS, (True, False)), (Keeps.RESPONSES, (False, True))])
@on_loop
async def test_only_what_was_asked_for_is_held(keeps, has):
    log = Log()
    async with gateway(playing(WHOLE), caller=logged(LogRule(keeps)), out={"logs": log}) as running:
        await running.post()
        (kept,) = log.kept
        assert (kept.prompt is not None, kept.response is not None) == has


@on_loop
async def test_of_attempts_that_failed_nothing_is_kept_but_what_the_client_got():
    log = Log()
    broken = chunked(event("lost"))
    bad = answer(b"{", b"content-type: application/json")
    async with gateway(playing(bad), playing(WHOLE), caller=logged(), out={"logs": log}) as running:
        response = await running.post()
        assert response.status == 200
        assert b"".join(log.kept[0].response) == response.body
    async with gateway(playing(broken), caller=logged(), out={"logs": log}) as running:
        await running.post(chat(stream=True))
        assert log.kept[1].entry.outcome == "interrupted"
        assert b"lost" in b"".join(log.kept[1].response)


@pytest.mark.parametrize("stream", [True, False])
@on_loop
async def test_a_refusal_that_was_held_is_kept_only_if_it_went_out(stream):
    asked = chat(stream=stream, provider={"failover_on": ["content_refusal"]})
    for other, of_other in ((STREAM if stream else WHOLE, True), (answer(b"{}", status=b"500 x"), False)):
        log = Log()
        async with gateway(playing(refusing(stream)), playing(other, then=silent), caller=logged(), out={"logs": log}) as running:
            response = await running.post(asked)
            assert response.field("x-anyapi-provider") == (b"p1" if of_other else b"p0")
            (kept,) = log.kept
            assert b"".join(kept.response) == response.body
            assert (kept.entry.outcome, log.held) == ("success" if of_other else "content_refused", 0)


@pytest.mark.parametrize("stream", [True, False])
@on_loop
async def test_a_refusal_that_never_went_out_is_no_answer(stream):
    """The client left while another endpoint was asked."""
    log = Log()
    async with gateway(playing(refusing(stream), then=silent), silent, caller=logged(), out={"logs": log}) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat(stream=stream, provider={"failover_on": ["content_refusal"]})))
            await until(lambda: [each for each in running.server.connections if each._exchange and len(each._exchange.admission.sent) == 2])
        await until(lambda: len(log.kept) == 1)
        assert (log.kept[0].entry.outcome, log.kept[0].response, log.held) == ("client_gone", None, 0)


@on_loop
async def test_a_refusal_keeps_the_prompt_and_an_error_too():
    log = Log()
    async with gateway(silent, caller=logged(), out={"logs": log}) as running:
        assert (await running.post(chat(data_policy={"providers": {"ignore": ["p0"]}}))).status == 403
        (kept,) = log.kept
        assert (kept.response, kept.entry.outcome) == (None, "no_eligible_endpoint")
    async with gateway(silent, caller=logged(LogRule(Keeps.RESPONSES)), out={"logs": log}) as running:
        assert (await running.post(chat(data_policy={"providers": {"ignore": ["p0"]}}))).status == 403
        assert len(log.kept) == 1, "an entry without content is none"
    assert log.held == 0


@pytest.mark.parametrize("store", [False, True, None])
@on_loop
async def test_store_false_is_never_held(store):
    log = Log()
    async with gateway(playing(WHOLE), caller=logged(), out={"logs": log}) as running:
        assert (await running.post(chat(store=store))).status == 200
        assert len(log.kept) == (store is not False)


@pytest.mark.parametrize(("drawn", "kept"), [(0.49, 1), (0.5, 0), (0.99, 0)])
@on_loop
async def test_a_share_is_drawn(monkeypatch, drawn, kept):
    monkeypatch.setattr("anyapi.gateway.recording.random", lambda: drawn)
    log = Log()
    async with gateway(playing(WHOLE), caller=logged(LogRule(Keeps.BOTH, 0.5)), out={"logs": log}) as running:
        await running.post()
        assert len(log.kept) == kept


@on_loop
async def test_what_changes_while_a_request_runs_holds_for_it():
    """Switched off, shortened, a recipient removed: in force for what is under way too. A longer time is not."""
    for target, wanted in (
        (None, None),
        (LogTarget(LogRule(Keeps.BOTH, ttl_days=1), ("age1b",)), (1, ("age1b",))),
        (LogTarget(LogRule(Keeps.BOTH, ttl_days=99), ("age1a", "age1c")), (30, ("age1a", "age1c"))),
    ):
        log = Log()

        async def slow(reader, writer, target=target):
            await reader.readuntil(b"\r\n\r\n")
            switched(running, target)
            writer.write(WHOLE)

        async with gateway(slow, caller=logged(), out={"logs": log}) as running:
            assert (await running.post()).status == 200
            found = [((kept.entry.expires_at - kept.entry.at) / 86400, kept.entry.recipients) for kept in log.kept]
            assert found == ([] if wanted is None else [wanted])
            assert log.held == 0


@on_loop
async def test_without_room_nothing_is_kept_and_the_request_is_answered():
    for room in (10, len(BODY) + 10):
        log = Log(room)
        async with gateway(playing(WHOLE), caller=logged(), out={"logs": log}) as running:
            assert (await running.post()).status == 200
            assert (log.kept, log.held) == ([], 0)


@on_loop
async def test_a_client_that_leaves_leaves_nothing_held():
    log = Log()

    async with gateway(silent, caller=logged(), out={"logs": log}) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat()))
            await until(lambda: running.usage.accepted == 1)
            assert log.held == len(BODY)
        await until(lambda: len(log.kept) == 1)
        assert (log.kept[0].entry.outcome, log.held) == ("client_gone", 0)


@on_loop
async def test_other_keys_requests_run_none_of_it(monkeypatch):
    def never(*_args):
        raise AssertionError("a key without a log got here")

    monkeypatch.setattr("anyapi.gateway.special.recorded", never)
    async with gateway(playing(WHOLE)) as running:
        assert (await running.post()).status == 200
    assert NO_LOG.hold(1) is False


def test_a_reader_that_is_noted_is_to_others_what_it_was():
    """The format of responses asks what read a stream, to end it in its words."""

    class Reader:
        sequence = 7

        def end(self):
            return b"y"

        def feed(self, data):
            return data

    class Recording:
        def part(self, data):
            self.data = data

    recording = Recording()
    noting = _NotingReader(Reader(), recording)
    assert isinstance(noting, Reader)
    assert (noting.sequence, noting.feed(b"x"), recording.data) == (7, b"x", b"x")
    assert (noting.end(), recording.data) == (b"y", b"y")
