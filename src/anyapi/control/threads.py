"""Handlers that read or write the store run in a thread, so that the loop, which the data plane shares, never waits for a disk."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(handler: Callable[P, T]) -> Callable[P, Coroutine[None, None, T]]:
    """The same handler as a coroutine function. Litestar's own `sync_to_thread` wraps twice where a path has three handlers (2.25)."""

    @functools.wraps(handler)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(handler, *args, **kwargs)

    return run
