"""Metrics are off until an address is stated, and what cannot listen says why. The page itself: tests/integration/test_metrics.py."""

import asyncio
import socket
from types import SimpleNamespace

import pytest

from anyapi.bootstrap_metrics import WRITERS, Sources, counted, metrics_page
from anyapi.bootstrap_traces import NAME
from anyapi.config_values import Listen, Metrics
from anyapi.errors import ConfigError
from anyapi.gateway.outlets import Outlets
from anyapi.telemetry.counts import Counted, Counts
from anyapi.wire.loop_parts import LoopParts

OUTLETS = Outlets(None, None, {}, SimpleNamespace(accept=None, put=None), None, None)


def configured(listen=None):
    return SimpleNamespace(metrics=Metrics(listen))


def test_without_an_address_nothing_is_counted():
    assert counted(OUTLETS, configured(), Counts()) is OUTLETS


def test_with_one_rows_and_refusals_are():
    counts = Counts()
    outlets = counted(OUTLETS, configured(Listen("127.0.0.1", 9464)), counts)
    assert isinstance(outlets.usage, Counted)
    outlets.refused("overloaded")
    assert counts.refused == {"overloaded": 1}


def test_an_address_that_is_taken_is_named():
    async def listen(port):
        loop = asyncio.get_running_loop()
        shared, sources = LoopParts(loop), Sources(Counts(), None, SimpleNamespace(report=None), {})
        try:
            async with metrics_page(configured(Listen("127.0.0.1", port)), shared, sources):
                pass
        finally:
            shared.sweep.close()

    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigError, match="cannot listen on 127.0.0.1:") as told:
        asyncio.run(listen(other.getsockname()[1]))
    assert told.value.field == "metrics.listen"


def test_every_writer_has_a_name():
    assert len({*WRITERS, NAME}) == 6
