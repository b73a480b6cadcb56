"""Which requests are sampled, and what of them is counted: over sockets, and how the share is drawn."""

import gc
import json
import math
import sys
import time

import pytest
from tests.unit.gateway.test_exchange import completion
from tests.unit.gateway.workbench import Rows, chat, gateway, principal
from tests.unit.policy.samples import MODEL
from tests.unit.upstream.provider import answer, playing
from tests.unit.wire.peers import on_loop

from anyapi.domain.limits import KeyLimits
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.gateway.formats import openai_chat
from anyapi.gateway.memo import Asked
from anyapi.gateway.sampling import Sample, Sampling
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, merge
from anyapi.ranking.topics import DOMAIN, packaged

CODE = "Write a Python function that removes duplicates from a list."
PROGRAMMING = DOMAIN.index("programming")
TOPICS = packaged()


def ok():
    return answer(completion(), b"content-type: application/json")


def sampling(share=1.0, classify=TOPICS.classify, **fields):
    found = Sampling(share, **fields)
    found.begin(classify)
    return found


def counted(found):
    """What was counted so far, by topic; begins anew."""
    counts = found.turn().counts([MODEL], len(DOMAIN))
    return {DOMAIN[place]: count for place, count in enumerate(counts) if count}


def asking(text=CODE, **fields):
    return chat(messages=[{"role": "user", "content": text}], **fields)


def of_class(name):
    return merge([(Layer.KEY, Settings(data_class=name))], DEFAULT_PRESETS)


@on_loop
async def test_an_answered_request_is_counted_under_its_topic():
    found = sampling()
    async with gateway(playing(ok(), ok()), out={"watch": found.take}) as running:
        for _ in range(2):
            assert (await running.post(asking())).status == 200
        assert len(running.rows) == 2
    assert counted(found) == {"programming": 1}
    assert counted(found) == {}


@on_loop
async def test_what_got_no_answer_is_not_counted():
    found = sampling()
    async with gateway(
        playing(*[answer(b"{}", b"content-type: application/json", status=b"400 Bad Request")] * 3), out={"watch": found.take}
    ) as running:
        assert (await running.post(asking())).status != 200
        assert (await running.post(asking(model="no/model"))).status == 404
        assert (await running.post(asking(data_policy={"providers": {"only": []}}))).status in {400, 403}
    assert counted(found) == {}


@pytest.mark.parametrize("name", [DataClass.CONFIDENTIAL, DataClass.REGULATED])
@on_loop
async def test_confidential_and_regulated_requests_are_not_even_looked_at(name):
    def looked(_text):
        raise AssertionError("looked at")

    found = sampling(classify=looked)
    requirement = of_class(name)
    asked = Asked(requirement, requirement, None)
    usage = Rows()
    assert found.take(usage, principal(), asked, request_of(CODE), None) is usage
    with pytest.raises(AssertionError, match="looked at"):  # the same of no class
        found.take(usage, principal(), Asked(UNCONSTRAINED, UNCONSTRAINED, None), request_of(CODE), None)


def request_of(text):
    return openai_chat.parse(json.dumps(asking(text)).encode())


@on_loop
async def test_a_class_that_the_request_itself_names_counts_too():
    found = sampling()
    async with gateway(playing(ok(), ok()), out={"watch": found.take}) as running:
        assert (await running.post(asking(), b"X-AnyAPI-Data-Class: confidential")).status == 200
        assert (await running.post(asking(data_policy={"data_class": "confidential"}))).status == 200
        assert len(running.rows) == 2
    assert counted(found) == {}


@on_loop
async def test_an_account_that_left_is_not_sampled_and_what_it_added_is_taken_back():
    found = sampling()
    async with gateway(playing(*[ok()] * 3), out={"watch": found.take}) as running:
        await running.post(asking())
        found.leave_out(frozenset({"acme"}))
        await running.post(asking())
        assert counted(found) == {}
        found.leave_out(frozenset({"somebody"}))
        await running.post(asking())
    assert counted(found) == {"programming": 1}


@on_loop
async def test_one_that_leaves_while_its_request_runs_is_not_counted():
    found = sampling()

    async def leaving(reader, writer):
        found.leave_out(frozenset({"acme"}))
        await playing(ok())(reader, writer)

    async with gateway(leaving, out={"watch": found.take}) as running:
        assert (await running.post(asking())).status == 200
    assert counted(found) == {}


@on_loop
async def test_a_key_with_limits_is_sampled_and_told_what_it_has_left():
    found = sampling()
    caller = principal(limits=KeyLimits("key_1", requests_per_minute=5))
    async with gateway(playing(ok()), caller=caller, out={"watch": found.take}) as running:
        response = await running.post(asking())
        assert response.field("x-ratelimit-remaining-requests") == b"4"
    assert counted(found) == {"programming": 1}


@on_loop
async def test_every_account_counts_once():
    found = sampling()
    for account in ("a", "b", "b", "c"):
        row = await answered_row(account)
        found.count(row, PROGRAMMING)
    assert counted(found) == {"programming": 3}


async def answered_row(account):
    async with gateway(playing(ok()), caller=principal(account=account)) as running:
        await running.post(asking())
        (row,) = running.rows
        return row


@on_loop
async def test_nothing_is_sampled_before_it_began():
    found = Sampling(1.0)
    async with gateway(playing(ok(), ok()), out={"watch": found.take}) as running:
        await running.post(asking())
        await running.post(asking())
    assert counted(found) == {}


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_the_share_is_kept_and_each_request_is_drawn_independently(share):
    """The gaps between samples are geometric: their mean is 1/share, and whether the next is sampled does not depend on the last."""
    found, seen = sampling(share), []
    usage, asked, request = Rows(), Asked(UNCONSTRAINED, UNCONSTRAINED, None), request_of("hello there")
    requests = int(3000 / share) if share < 1 else 3000
    for number in range(min(requests, 60_000)):
        if found.take(usage, principal(), asked, request, None) is not usage:
            seen.append(number)
    requests = min(requests, 60_000)
    assert abs(len(seen) - requests * share) < 4.5 * math.sqrt(requests * share * (1 - share))
    gaps = [later - earlier for earlier, later in zip(seen, seen[1:], strict=False)]
    neighbours = sum(gap == 1 for gap in gaps)
    assert abs(neighbours - len(gaps) * share) < 4.5 * math.sqrt(len(gaps) * share * (1 - share)) + 1


def test_a_request_that_says_nothing_is_not_counted():
    found, usage = sampling(), Rows()
    asked = Asked(UNCONSTRAINED, UNCONSTRAINED, None)
    assert found.take(usage, principal(), asked, request_of(""), None) is usage


def test_of_the_content_nothing_but_the_topic_stays():
    """Whatever is reachable from what sampling keeps holds no piece of the text."""
    found, usage = sampling(), Rows()
    text = "xyzzy-plugh: write a Python function that sorts frobnicated widgets"
    request = request_of(text)
    kept = found.take(usage, principal(), Asked(UNCONSTRAINED, UNCONSTRAINED, None), request, None)
    assert isinstance(kept, Sample)
    del request
    gc.collect()
    reached = everything(kept)
    assert len(reached) > 5
    held = [each for each in reached if isinstance(each, str | bytes | bytearray)]
    for piece in ("xyzzy", "frobnicated", "widgets"):
        assert not [each for each in held if piece in (each if isinstance(each, str) else bytes(each).decode("latin-1"))]
    assert repr(kept) == "<Sample>"


def everything(root):
    """All objects that can be reached from one, but for modules, types and the functions of the program."""
    seen, waiting = {}, [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | type(sys)):
            continue
        seen[id(each)] = each
        if not callable(each) or isinstance(each, Sample | Sampling):
            waiting += gc.get_referents(each)
    return list(seen.values())


def test_it_costs_next_to_nothing_when_a_request_is_not_sampled():
    """Well under a microsecond; the request itself costs some thirty. The best of several runs: other processes run beside it."""
    found = sampling(0.000_001)
    usage, asked, who, request = Rows(), Asked(UNCONSTRAINED, UNCONSTRAINED, None), principal(), request_of("hello")
    best = min(timed(found.take, usage, who, asked, request, None) for _ in range(10))
    print(f"{best * 1e9:.0f} ns")
    assert best < 1e-6


def timed(take, *given, repeats=5000):
    started = time.perf_counter()
    for _ in range(repeats):
        take(*given)
    return (time.perf_counter() - started) / repeats
