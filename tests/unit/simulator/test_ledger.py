import asyncio

import pytest

from anyapi.simulator.ledger import Body, Entry, Ledger, Outcome


def entry(**fields):
    return Entry(0, "/v1/chat/completions", "m", 10, **fields)


def test_totals_count_an_entry_once():
    ledger = Ledger("sim")
    first = entry(prompt_tokens=3, completion_tokens=5, store=True, leaked=("tags",), text_bytes_sent=9)
    ledger.open(first)
    assert ledger.in_flight == 1
    assert ledger.totals.requests == 1
    first.reported_prompt_tokens, first.reported_completion_tokens = 3, 5
    ledger.finish(first, Outcome.ANSWERED)
    ledger.finish(first, Outcome.CLIENT_GONE)
    shown = ledger.as_json()
    assert shown["in_flight"] == 0
    assert shown["prompt_tokens"] == shown["reported_prompt_tokens"] == 3
    assert shown["completion_tokens"] == shown["reported_completion_tokens"] == 5
    assert shown["outcomes"] == {"answered": 1}
    assert shown["store"] == {"true": 1}
    assert shown["leaked"] == {"tags": 1}
    assert shown["models"] == {"m": 1}
    assert shown["entries"][0]["outcome"] == "answered"
    assert shown["entries"][0]["completion_tokens_sent"] == 3


def test_words_for_store():
    ledger = Ledger("sim")
    for value in ("absent", None, True, False, "other"):
        item = entry(store=value)
        ledger.open(item)
        ledger.finish(item, Outcome.ANSWERED)
    assert ledger.totals_as_json()["store"] == {"absent": 1, "null": 1, "true": 1, "false": 1, "other": 1}
    assert "entries" not in ledger.totals_as_json()


def test_disconnects_are_counted():
    ledger = Ledger("sim")
    item = entry()
    ledger.open(item)
    ledger.finish(item, Outcome.CLIENT_GONE)
    assert ledger.totals.disconnects == 1


def test_a_reset_forgets_what_is_in_flight_but_not_the_serial():
    ledger = Ledger("sim")
    old, new = entry(), entry()
    ledger.open(old)
    ledger.reset()
    ledger.finish(old, Outcome.ANSWERED)
    assert ledger.totals.outcomes == {}
    ledger.open(new)
    assert new.serial == 2


def test_idle_waits_for_the_last_request():
    async def check():
        ledger = Ledger("sim")
        first, second = entry(), entry()
        ledger.open(first)
        ledger.open(second)
        waiting = asyncio.create_task(ledger.idle())
        await asyncio.sleep(0)
        ledger.finish(first, Outcome.ANSWERED)
        await asyncio.sleep(0)
        assert not waiting.done()
        ledger.finish(second, Outcome.ANSWERED)
        await waiting
        ledger.open(entry())
        with pytest.raises(TimeoutError):
            await ledger.idle(0.01)

    asyncio.run(check())


def test_bodies_are_base64_and_not_printed():
    ledger = Ledger("sim")
    ledger.bodies.append(Body(1, [("host", "x")], b"\xff\x00"))
    assert ledger.bodies_as_json() == [{"serial": 1, "headers": [("host", "x")], "body": "/wA="}]
    assert repr(ledger.bodies[0]) == "<Body 1>"
