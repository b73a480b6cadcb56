"""What connections of one loop share."""

import asyncio

import pytest
from tests.unit.wire.peers import on_loop

from anyapi.wire.loop_parts import LoopParts


@pytest.mark.parametrize("scrubbing", [True, False])
@on_loop
async def test_its_parts_belong_to_one_loop(scrubbing):
    parts = LoopParts(asyncio.get_running_loop(), scrubbing=scrubbing)
    assert parts.loop is asyncio.get_running_loop()
    assert parts.buffer.scrubbing is scrubbing
    assert parts.outbox.active == 0
    parts.sweep.close()
