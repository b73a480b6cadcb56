"""T11: exactly one usage row for every accepted request, and sums that equal what the providers say they delivered.

The simulators count tokens by themselves and share no code with the product. Numbers that the provider did not state are flagged as estimates.
"""

import asyncio
import collections
import random
from dataclasses import dataclass

import pytest
from tests.conftest import LONG
from tests.integration.lab import FIRST, FORBIDDEN, LEAKY, PRICES, SECOND, WORDS, laboratory, provider, until
from tests.integration.raw_client import call

from anyapi.simulator import ProviderSpec

REQUESTS = 20_000 if LONG else 2_000
AT_ONCE = 32
EVENTS = 1 + WORDS + 3
"""Of each stream: role, words, finish, usage, terminal marker."""
ASKED = {"stream_options": {"include_usage": True}}
NEAR = 3
"""Times by which an estimate may be wrong, give or take `NEAR_TOKENS`."""
NEAR_TOKENS = 8
FAILING = {"all-fail", "alone-broken"}
WITHOUT_SECOND = {"leave", "alone-broken"}


@dataclass(frozen=True)
class Kind:
    """One kind of request of the mix. `status` is what the caller gets; None when it leaves first."""

    name: str
    fault: str = ""
    """Suffix of the first provider's model name: every call of it fails so."""
    second_fault: str = ""
    status: int | None = 200
    stream: bool | None = None
    """None: either."""
    recorded: bool = True
    """An accepted request: one that has a usage row."""
    leave_after: int | None = None
    fields: tuple[tuple[str, object], ...] = ()


KINDS = (
    Kind("right"),
    Kind("usage-asked", stream=True, fields=tuple(ASKED.items())),
    Kind("zero-usage", "@@usage/mode:zero"),
    Kind("no-usage", "@@usage/mode:missing"),
    Kind("choices", fields=(("n", 2),)),
    Kind("short", fields=(("max_tokens", 2),)),
    Kind("slow", "@@rechunk/seed:3/largest:300"),
    Kind("failover-500", "@@status/status:500"),
    Kind("failover-429", "@@status/status:429"),
    Kind("failover-cut", "@@reset/at:40"),
    Kind("all-fail", "@@status/status:500", "@@status/status:500", status=502),
    Kind("wrong", "@@status/status:400", status=400),
    Kind("leave", "@@stall/at:4/of:events", status=None, stream=True, leave_after=4),
    Kind("leave-at-once", "@@stall/at:0", status=None, leave_after=0),
    Kind("alone-broken", "@@no_done", stream=True),
    Kind("forbidden", status=403, fields=(("provider", {"only": [FORBIDDEN]}),)),
    Kind("unknown-model", status=404, recorded=False, fields=(("model", "mix/unknown"),)),
    Kind("unknown-field", status=400, recorded=False, fields=(("data_policy", {"retention": 3}),)),
)
BY_MODEL = {f"mix/{kind.name}": kind for kind in KINDS}
TRUTH = (21, 7)
"""Completion and prompt tokens of an answer of the kind `no-usage`, about."""
LEAVERS = [f"leave/after-{count:02}" for count in range(EVENTS + 1)]


def leaver(place: int) -> str:
    """The fault of a provider that sends so many events and then waits for the caller to leave."""
    return f"@@stall/at:{place}/of:events"


def specs() -> list[ProviderSpec]:
    first = {name: kind.fault for name, kind in BY_MODEL.items()} | {name: leaver(place) for place, name in enumerate(LEAVERS)}
    second = {name: kind.second_fault for name, kind in BY_MODEL.items() if kind.name not in WITHOUT_SECOND}
    return [provider(FIRST, first), provider(SECOND, second), provider(FORBIDDEN, list(BY_MODEL), policy=LEAKY)]


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path / "home", specs()) as lab:
        yield lab


def body_of(name: str, *, stream: bool, fields=()) -> dict[str, object]:
    body = {"model": name, "messages": [{"role": "user", "content": f"Say it for {name}."}], "stream": stream}
    return body | {"data_policy": {"training_allowed": False}, "provider": {"order": [FIRST, SECOND]}} | dict(fields)


def check_sums(lab, rows) -> None:
    """Tokens that rows call measured are exactly those that the providers wrote into their answers."""
    for name in (FIRST, SECOND):
        ledger = lab.simulation.ledger(name)
        mine = [row for row in rows if row.provider == name and row.source == "measured" and row.attempts]
        assert sum(row.tokens.prompt for row in mine) == ledger["reported_prompt_tokens"], name
        assert sum(row.tokens.completion for row in mine) == ledger["reported_completion_tokens"], name
        prompt, completion = PRICES[name]
        for row in mine:
            wanted = (row.tokens.prompt * prompt + row.tokens.completion * completion) / 1e6
            assert row.cost == pytest.approx(wanted if row.outcome in {"success", "client_gone"} else 0.0)
    assert lab.simulation.ledger(FORBIDDEN)["requests"] == 0


async def ask_all(lab, wanted: list[tuple[str, bool, Kind]]):
    """Send all requests, so many at once; gives what was heard, in their order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, stream: bool, kind: Kind):
        async with gate:
            body = body_of(name, stream=stream, fields=kind.fields)
            return await call(lab.gateway.port, lab.gateway.key, body, leave_after=kind.leave_after)

    return await asyncio.gather(*(one(*request) for request in wanted))


def test_callers_that_leave_at_every_event_have_one_true_row_each(lab):
    async def leave_all():
        return await asyncio.gather(
            *(
                call(lab.gateway.port, lab.gateway.key, body_of(name, stream=True, fields=ASKED.items()), leave_after=place)
                for place, name in enumerate(LEAVERS)
            )
        )

    asyncio.run(leave_all())
    lab.simulation.idle()
    rows = {row.model: row for row in lab.gateway.usage(len(LEAVERS))}
    assert set(rows) == set(LEAVERS)
    assert len(lab.gateway.usage()) == len(LEAVERS)
    seen = {entry["model"]: entry for entry in lab.simulation.ledger(FIRST)["entries"]}
    for place, name in enumerate(LEAVERS):
        row, entry = rows[name], seen.get(name.partition("/")[2])
        if place == EVENTS:  # all of it was delivered, only the end of the framing was still to come
            assert (row.outcome, row.status, row.source) == ("success", 200, "measured")
            continue
        if place == 1:  # a role alone is not passed on: the caller waited for it, and the provider was given up
            assert (row.outcome, row.status, entry["chunks_sent"]) == ("upstream_timeout", 504, 1)
            continue
        assert (row.outcome, row.status) == ("client_gone", 499), name
        check_left(row, entry, place)
    check_sums(lab, rows.values())


def check_left(row, entry, place: int) -> None:
    """The row of a caller that left after so many events, beside what the provider knows of it."""
    if entry is None:  # gone before anything was sent
        assert (place, row.tokens.prompt, row.tokens.completion) == (0, 0, 0)
        return
    assert (entry["outcome"], entry["chunks_sent"]) == ("client_gone", place)
    if entry["reported_completion_tokens"] is not None:
        assert (row.source, row.tokens.completion) == ("measured", entry["reported_completion_tokens"])
    elif place < 2:  # nothing, or no more than the role
        assert row.source in {"estimated", "unknown"}
        assert row.tokens.completion <= NEAR_TOKENS
    else:
        assert row.source == "estimated"
        check_estimate(row, entry["completion_tokens_sent"], entry["prompt_tokens"])


def check_estimate(row, completion: int, prompt: int) -> None:
    """An estimate is money too: near enough to the truth."""
    assert completion / NEAR - NEAR_TOKENS <= row.tokens.completion <= completion * NEAR + NEAR_TOKENS, "estimated far off"
    assert prompt / NEAR - NEAR_TOKENS <= row.tokens.prompt <= prompt * NEAR + NEAR_TOKENS


def test_thousands_of_mixed_requests_add_up(lab):
    generator = random.Random(3)
    wanted = []
    for _ in range(REQUESTS):
        name, kind = generator.choice(list(BY_MODEL.items()))
        wanted.append((name, generator.random() < 0.5 if kind.stream is None else kind.stream, kind))
    heard = asyncio.run(ask_all(lab, wanted))
    lab.simulation.idle()
    accepted = [one for one in zip(wanted, heard, strict=True) if one[0][2].recorded]
    rows = lab.gateway.usage(len(accepted), patience=20)
    assert len(rows) == len(accepted)
    assert collections.Counter(row.model for row in rows) == collections.Counter(name for (name, _, _), _ in accepted)
    by_decision = {row.decision: row for row in rows}
    assert len(by_decision) == len(rows)
    for (name, stream, kind), answer in zip(wanted, heard, strict=True):
        check_request(by_decision, name, stream, kind, answer)
    check_sums(lab, rows)
    measured = sum(row.source == "measured" for row in rows)
    print(f"\n{REQUESTS} requests, {len(rows)} rows, {measured} measured, {sum(row.source == 'estimated' for row in rows)} estimated")
    # An orderly end and a new start invent nothing.
    assert lab.gateway.stop() == 0
    lab.gateway.start()
    assert len(lab.gateway.usage()) == len(rows)


def check_request(by_decision, name: str, stream: bool, kind: Kind, answer) -> None:
    """One request's answer, and its row where there was an answer to tell which row it is."""
    if kind.status is None:
        return
    # Where every endpoint keeps failing the circuit opens; that is a row like any other.
    assert answer.status in ({kind.status, 503} if kind.name in FAILING else {kind.status}), (name, answer.body)
    decision = answer.headers.get("x-anyapi-decision")
    if not kind.recorded:  # what the header names then is this answer, and nothing that is kept
        assert decision not in by_decision, (name, answer.body)
        assert "decision" not in answer.json()["error"]["metadata"]
        return
    assert answer.status == 200 or answer.json()["error"]["metadata"]["decision"] == decision, (name, answer.body)
    row = by_decision[decision]
    assert (row.model, row.status) == (name, answer.status)
    assert row.streamed == (stream and answer.status == 200)
    if answer.status != 200:
        assert not row.cost
        assert row.outcome != "success"
    elif kind.name == "alone-broken":
        assert row.outcome == "interrupted"
        assert answer.whole
        assert not answer.done
        assert not row.cost
    else:
        assert row.outcome == "success"
        assert answer.whole
        assert row.provider == answer.headers["x-anyapi-provider"]
        assert row.source == ("estimated" if kind.name == "no-usage" else "measured"), (name, row)
        assert answer.done or not stream
    if kind.name == "zero-usage":
        assert (row.tokens.prompt, row.tokens.completion) == (0, 0), "a zero that the provider stated was replaced"
    if kind.name == "no-usage":
        completion, prompt = TRUTH
        check_estimate(row, completion, prompt)


def test_a_refused_request_has_a_row_and_costs_nothing(lab):
    answers = asyncio.run(ask_all(lab, [("mix/forbidden", False, BY_MODEL["mix/forbidden"])] * 5))
    assert [answer.status for answer in answers] == [403] * 5
    rows = lab.gateway.usage(5)
    assert [(row.outcome, row.status, row.attempts, row.provider) for row in rows] == [("no_eligible_endpoint", 403, 0, None)] * 5
    assert all(not row.cost and row.tokens.prompt == 0 for row in rows)
    assert until(lambda: sum(lab.calls().values()) == 0, "nothing sent")
