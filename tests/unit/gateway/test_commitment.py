"""A commitment to the body goes into the audit log for who asks with a salt of his own, and for nobody else."""

import hashlib
import hmac
import json

import pytest
from tests.unit.gateway.test_exchange import completion
from tests.unit.gateway.test_recording import Log, logged
from tests.unit.gateway.workbench import chat, gateway
from tests.unit.policy.samples import block
from tests.unit.upstream.provider import answer, playing, silent
from tests.unit.wire.peers import on_loop

from anyapi.gateway import commitment

SALT = hashlib.sha256(b"a salt").hexdigest().encode()
HEADER = b"X-AnyAPI-Commitment-Salt: "
WHOLE = answer(completion(), b"content-type: application/json")


class Audit:
    """What the audit log is given."""

    def __init__(self):
        self.taken = []

    def __call__(self, row, _decisions, commitment=None):
        self.taken.append((row, commitment))


def answering(audit, **more):
    return gateway(playing(WHOLE, WHOLE, then=silent), **{"out": {"audit": audit}, **more})


def expected(body, row, salt=SALT):
    return hmac.new(bytes.fromhex(salt.decode()), body + row.decision.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("huge", [commitment.HUGE, 10], ids=["small", "huge"])
@on_loop
async def test_the_entry_commits_to_the_bytes_that_were_sent(monkeypatch, huge):
    monkeypatch.setattr(commitment, "HUGE", huge)
    audit, body = Audit(), b" " + json.dumps(chat()).encode()
    async with answering(audit) as running:
        assert (await running.post(body, HEADER + SALT)).status == 200
        assert (await running.post(body, HEADER.lower() + SALT.upper())).status == 200
        (first, one), (second, other) = audit.taken
        assert (one, other) == (expected(body, first), expected(body, second))
        assert one != other
        assert [row.decision for row in running.rows] == [first.decision, second.decision]


@on_loop
async def test_who_does_not_ask_commits_to_nothing():
    audit = Audit()
    async with answering(audit) as running:
        await running.post(chat())
        await running.post(chat(), b"X-AnyAPI-App-Name: nightly")
        assert [told for _, told in audit.taken] == [None, None]


@on_loop
async def test_a_refused_request_has_its_commitment_too():
    audit = Audit()
    async with answering(audit, policies=[block(training="by_default")]) as running:
        body = json.dumps(chat(data_policy={"training_allowed": False})).encode()
        assert (await running.post(body, HEADER + SALT)).status == 403
        ((row, told),) = audit.taken
        assert told == expected(body, row)


@on_loop
async def test_beside_a_sealed_log():
    audit, log = Audit(), Log()
    async with answering(audit, caller=logged(), out={"audit": audit, "logs": log}) as running:
        body = json.dumps(chat()).encode()
        await running.post(body, HEADER + SALT)
        ((row, told),) = audit.taken
        assert told == expected(body, row)
        assert [kept.prompt for kept in log.kept] == [body]


@pytest.mark.parametrize(
    "rows",
    [
        [HEADER + SALT[:-1]],
        [HEADER + SALT + b"00"],
        [HEADER + b"g" * 64],
        [HEADER + b"00" * 32],
        [HEADER + b"0123456789abcdef" * 4],
        [HEADER],
        [HEADER + SALT, HEADER + SALT],
        [HEADER[:-2] + b"s: " + SALT],
    ],
    ids=["short", "long", "not hex", "zeros", "typed", "empty", "twice", "misspelt"],
)
@on_loop
async def test_a_bad_salt_is_refused_and_not_repeated(rows):
    audit = Audit()
    async with answering(audit) as running:
        response = await running.post(chat(), *rows)
        error = json.loads(response.body)["error"]
        assert (response.status, error["type"]) == (400, "bad_request")
        assert error["param"].startswith("x-anyapi-commitment-salt")
        assert SALT not in response.body
        assert (audit.taken, running.rows) == ([], [])


@on_loop
async def test_the_header_asks_for_no_policy():
    async with answering(Audit()) as running:
        await running.post(chat())
        memo = len(running.plane._asked)
        await running.post(chat(), HEADER + SALT)
        assert len(running.plane._asked) == memo
