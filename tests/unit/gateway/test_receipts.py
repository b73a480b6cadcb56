"""Receipts are made one after the other, so that an account may have few of them waiting at a time."""

import asyncio
import threading

from tests.unit.gateway.workbench import gateway
from tests.unit.upstream.provider import silent
from tests.unit.wire.peers import on_loop, until

from anyapi.gateway import receipts

PATH = b"/v1/receipts/dec_%026x"


@on_loop
async def test_one_account_has_few_receipts_waiting():
    go, made = threading.Event(), []

    def make(_account, decision):
        go.wait(5)
        made.append(decision)
        return b"{}"

    async with gateway(silent, out={"receipts": make}) as running:
        waiting = [asyncio.ensure_future(running.get(PATH % number)) for number in range(receipts.MOST_WAITING)]
        await until(lambda: receipts._waiting["acme"] == receipts.MOST_WAITING)
        refused = await running.get(PATH % 99)
        assert (refused.status, refused.field("retry-after")) == (429, b"1")
        receipts._waiting["other"] += 1  # whoever else waits is not counted
        go.set()
        assert [(await one).status for one in waiting] == [200] * receipts.MOST_WAITING
        answered = await running.get(PATH % 100)
        assert (answered.status, answered.field("cache-control")) == (200, b"no-store"), "it is the account's own"
        assert len(made) == receipts.MOST_WAITING + 1
        assert dict(receipts._waiting) == {"other": 1}, "nothing is kept of those who wait no more"
        del receipts._waiting["other"]
