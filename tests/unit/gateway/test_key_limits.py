"""Keys are held to their limits, over sockets: what is counted, what is refused and how, and that every hold ends."""

import asyncio
import json

import msgspec
import pytest
from tests.unit.gateway.test_exchange import completion
from tests.unit.gateway.workbench import KEY, chat, gateway, principal, request
from tests.unit.policy.samples import NOW, endpoint
from tests.unit.upstream.provider import answer, playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.domain.catalogue import Price
from anyapi.domain.limits import CapPeriod, KeyLimits
from anyapi.gateway.ledger import NANO
from anyapi.policy.periods import SECONDS_A_DAY, day_of

PRICED = [endpoint("p0", price=Price(0.0, 1000.0))]
"""An answer's token costs a tenth of a cent, the prompt nothing."""


def ok(tokens=10):
    body = json.loads(completion())
    body["usage"] = {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens}
    return answer(json.dumps(body).encode(), b"content-type: application/json")


def limited(**fields):
    return principal(limits=KeyLimits("key_1", **fields))


def error_of(response):
    return json.loads(response.body)["error"]


async def shown(running):
    return json.loads((await running.get(b"/v1/key")).body)["limits"]


def replaced(running, **fields):
    """A snapshot that was built anew: the caller's limits are another object, as they are then."""
    plane = running.plane
    ((sha256, who),) = plane.principals.items()
    limits = msgspec.structs.replace(who.limits, **fields)
    plane.publish(msgspec.structs.replace(plane.snapshot, principals={sha256: msgspec.structs.replace(who, limits=limits)}))


@on_loop
async def test_a_key_without_limits_is_not_counted():
    async with gateway(playing(ok())) as running:
        response = await running.post()
        assert response.status == 200
        assert response.field("x-ratelimit-limit-requests") is None
        assert await shown(running) is None
        assert running.plane.outlets.accounts == {}


@on_loop
async def test_so_many_a_minute_and_no_more():
    async with gateway(playing(ok(), ok()), caller=limited(requests_per_minute=2)) as running:
        first, second, third = [await running.post() for _ in range(3)]
        assert [one.status for one in (first, second, third)] == [200, 200, 429]
        left = [one.field("x-ratelimit-remaining-requests") for one in (first, second, third)]
        assert left == [b"1", b"0", b"0"]
        assert third.field("x-ratelimit-limit-requests") == b"2"
        assert third.field("x-ratelimit-reset-requests") == b"1m0s"
        assert third.field("retry-after") == b"60"
        assert error_of(third)["type"] == "rate_limit"
        assert error_of(third)["metadata"] == {"limit_requests": 2, "remaining_requests": 0, "reset_seconds": 60}
        assert len(running.rows) == 2  # one that is refused is not accepted
        assert (await shown(running))["requests_left"] == 0


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/messages", b"/v1/responses", b"/v1/embeddings"])
@on_loop
async def test_each_format_hears_of_it_in_its_own_envelope(path):
    body = {
        b"/v1/messages": chat(max_tokens=5),
        b"/v1/responses": chat(messages=None, input="hello"),
        b"/v1/embeddings": chat(messages=None, input="hello"),
    }.get(path, chat())
    fields = {"served_embeddings": frozenset({"openai-chat"})}
    async with gateway(silent, caller=limited(requests_per_minute=1), **fields) as running:
        assert (await running.post(chat(data_policy={"providers": {"ignore": ["p0"]}}))).status == 403  # it is accepted, so it counts
        response = await running.post(body, path=path)
        assert response.status == 429
        assert response.field("x-ratelimit-limit-requests") == b"1"
        if path == b"/v1/messages":
            assert json.loads(response.body)["type"] == "error"
            assert error_of(response)["type"] == "rate_limit_error"
            assert response.field("anthropic-ratelimit-requests-remaining") == b"0"
        else:
            assert error_of(response)["type"] == "rate_limit"


@on_loop
async def test_a_cap_is_settled_with_what_the_answer_cost():
    async with gateway(playing(ok(30), ok(70)), caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        assert (await running.post(chat(max_tokens=70))).status == 200
        now = await shown(running)
        assert (now["spent"], now["held"], now["left"]) == pytest.approx((0.03, 0.0, 0.07))
        assert (await running.post(chat(max_tokens=70))).status == 200
        over = await running.post(chat(max_tokens=1))
        assert (over.status, error_of(over)["type"]) == (402, "insufficient_quota")
        assert "used up" in error_of(over)["message"]
        assert len(running.rows) == 2


@on_loop
async def test_a_request_that_may_cost_too_much_is_told_what_can_be_paid():
    async with gateway(silent, caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        response = await running.post(chat(max_tokens=101))
        assert response.status == 402
        assert error_of(response)["metadata"]["affordable_tokens"] == 100
        assert "at most" in error_of(response)["message"]


@on_loop
async def test_what_it_is_told_is_what_can_be_paid_where_the_prompt_costs_too():
    both = [endpoint("p0", price=Price(10.0, 1000.0))]
    async with gateway(playing(ok(1)), caller=limited(spend_cap=0.1), endpoints=both) as running:
        affordable = error_of(await running.post(chat(max_tokens=999)))["metadata"]["affordable_tokens"]
        assert 0 < affordable < 100
        assert (await running.post(chat(max_tokens=affordable + 1))).status == 402
        assert (await running.post(chat(max_tokens=affordable))).status == 200


@on_loop
async def test_of_a_cap_that_is_used_up_not_even_what_is_free_may_be_had():
    offered = [*PRICED, endpoint("p1", price=Price(0.0, 0.0))]
    only = lambda name: chat(max_tokens=100, data_policy={"providers": {"only": [name]}})  # noqa: E731
    async with gateway(playing(ok(100)), playing(ok(100), ok(100)), caller=limited(spend_cap=0.1), endpoints=offered) as running:
        assert [(await running.post(only(name))).status for name in ("p1", "p0", "p1")] == [200, 200, 402]


@on_loop
async def test_a_cap_that_is_too_small_for_any_answer_says_what_helps():
    async with gateway(silent, caller=limited(spend_cap=0.0000001), endpoints=PRICED) as running:
        error = error_of(await running.post(chat(max_tokens=1)))
        assert "affordable_tokens" not in error["metadata"]
        assert error["message"].endswith("raise the cap.")


@pytest.mark.parametrize(("period", "anew"), [("total", False), ("month", True)])
@on_loop
async def test_a_cap_that_is_used_up_says_whether_it_begins_anew(period, anew):
    async with gateway(playing(ok(100)), caller=limited(spend_cap=0.1, period=CapPeriod(period)), endpoints=PRICED) as running:
        assert (await running.post(chat(max_tokens=100))).status == 200
        message = error_of(await running.post(chat(max_tokens=1)))["message"]
        assert ("begins anew with the next month" in message, message.endswith("use another key.")) == (anew, True)


@on_loop
async def test_running_requests_hold_their_part_and_let_it_go():
    gate = asyncio.Event()

    async def slow(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        writer.write(ok(10))

    async with gateway(slow, caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        waiting = [asyncio.ensure_future(running.post(chat(max_tokens=50))) for _ in range(2)]
        await until(lambda: running.usage.accepted == 2)
        assert (await shown(running))["held"] == pytest.approx(0.1)
        third = await running.post(chat(max_tokens=50))
        assert (third.status, third.field("retry-after")) == (429, b"1")
        gate.set()
        assert [one.status for one in await asyncio.gather(*waiting)] == [200, 200]
        now = await shown(running)
        assert (now["spent"], now["held"]) == pytest.approx((0.02, 0.0))


@pytest.mark.parametrize(
    "bad",
    [
        answer(b"{}", status=b"500 Oops"),
        answer(b"not json", b"content-type: application/json"),
        answer(json.dumps({**json.loads(completion()), "choices": []}).encode(), b"content-type: application/json"),
    ],
)
@on_loop
async def test_an_answer_that_failed_costs_nothing(bad):
    async with gateway(playing(*[bad] * 4), caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        response = await running.post(chat(max_tokens=50))
        assert response.status >= 500
        now = await shown(running)
        assert (now["spent"], now["held"], now["left"]) == (0.0, 0.0, 0.1)


@on_loop
async def test_an_empty_answer_costs_nothing():
    body = json.loads(completion())
    body["choices"][0]["message"]["content"] = ""
    body["usage"] = {"prompt_tokens": 5, "completion_tokens": 40, "total_tokens": 45}
    script = playing(answer(json.dumps(body).encode(), b"content-type: application/json"))
    async with gateway(script, caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        assert (await running.post(chat(max_tokens=50))).status == 200
        assert (await shown(running))["spent"] == 0.0


@on_loop
async def test_a_client_that_leaves_lets_go_of_its_hold():
    async with gateway(silent, caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat(max_tokens=50)))
            await until(lambda: running.usage.accepted == 1)
            assert (await shown(running))["held"] == pytest.approx(0.05)
        await until(lambda: running.usage.rows)
        assert (await shown(running))["held"] == 0.0


@on_loop
async def test_a_request_that_policy_refuses_lets_go_of_its_hold():
    async with gateway(silent, caller=limited(spend_cap=0.1, requests_per_minute=5), endpoints=PRICED) as running:
        assert (await running.post(chat(max_tokens=50, data_policy={"providers": {"ignore": ["p0"]}}))).status == 403
        now = await shown(running)
        assert (now["held"], now["requests_left"]) == (0.0, 4)


@on_loop
async def test_a_day_later_the_cap_begins_anew():
    today = day_of(NOW)
    caller = limited(spend_cap=0.1, period=CapPeriod.DAY, spent=0.1, since=today)
    async with gateway(playing(ok(10)), caller=caller, endpoints=PRICED) as running:
        assert (await running.post(chat(max_tokens=50))).status == 402
        assert (await shown(running))["begins_anew_at"] == (today + 1) * SECONDS_A_DAY
        running.clock.now += SECONDS_A_DAY
        assert (await running.post(chat(max_tokens=50))).status == 200


@on_loop
async def test_what_was_spent_before_the_start_counts_and_no_snapshot_forgets():
    async with gateway(playing(ok(10), ok(10)), caller=limited(spend_cap=0.1, spent=0.06), endpoints=PRICED) as running:
        assert (await running.post(chat(max_tokens=50))).status == 402
        assert (await running.post(chat(max_tokens=40))).status == 200
        replaced(running, spent=0.06)  # the row of that answer was not written yet
        assert (await shown(running))["spent"] == pytest.approx(0.07)
        replaced(running, spend_cap=0.2)
        assert (await running.post(chat(max_tokens=130))).status == 200


@on_loop
async def test_keys_that_replaced_each_other_share():
    async with gateway(playing(ok(90)), caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        await running.post(chat(max_tokens=100))
        ((_, who),) = running.plane.principals.items()
        (account,) = running.plane.outlets.accounts.values()
        assert account.spent == 0.09 * NANO
        newer = msgspec.structs.replace(who, key="key_2", limits=KeyLimits("key_1", 0.1))
        principals = {next(iter(running.plane.principals)): newer}
        running.plane.publish(msgspec.structs.replace(running.plane.snapshot, principals=principals))
        assert (await running.post(chat(max_tokens=11), key=KEY)).status == 402


@on_loop
async def test_nothing_is_spent_that_cannot_be_written_down():
    out = {"ready": lambda: False}
    async with gateway(playing(ok()), caller=limited(spend_cap=0.1), endpoints=PRICED, out=out) as running:
        response = await running.post(chat(max_tokens=1))
        assert (response.status, response.field("retry-after")) == (503, b"5")
        assert running.usage.accepted == 0
    async with gateway(playing(ok()), caller=limited(requests_per_minute=1), endpoints=PRICED, out=out) as running:
        assert (await running.post()).status == 200  # a rate needs nothing written


@on_loop
async def test_two_hundred_at_once_against_a_cap_for_ten():
    body = chat(max_tokens=10)

    async def each(reader, writer):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await reader.read(len(json.dumps(body)))
            writer.write(ok(10))

    async with gateway(each, caller=limited(spend_cap=0.1), endpoints=PRICED) as running:
        statuses = [one.status for one in await asyncio.gather(*(running.post(body) for _ in range(200)))]
        assert statuses.count(200) == 10
        assert set(statuses) <= {200, 402, 429}
        now = await shown(running)
        assert (now["spent"], now["held"], now["left"]) == (0.1, 0.0, 0.0)
