"""Has the noise of a release drawn by a process that lives for that alone, and gives what may be shown. Stores nothing."""

import asyncio
import contextlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from anyapi.ranking.terms import EPSILON, NOISE_SECONDS, SHOWN_FROM

NOISE = Path(__file__).with_name("noise.py")


class NoiseFailed(Exception):
    """No noise was drawn: nothing may be released."""


class _Answer(msgspec.Struct):
    """What the process answers."""

    epsilon: float
    shown: list[tuple[int, int]]


def available() -> bool:
    """Whether OpenDP is installed (`anyapi[ranking]`). Does not import it."""
    return importlib.util.find_spec("opendp") is not None


async def draw(counts: Sequence[int]) -> dict[int, int]:
    """The noisy counts that may be shown, by their place in `counts`. Raises `NoiseFailed`.

    The process gets nothing of ours: no environment, no open file, no memory.
    """
    asked = msgspec.json.encode({"counts": counts, "scale": 1.0 / EPSILON, "shown_from": SHOWN_FROM})
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(NOISE), stdin=pipe, stdout=pipe, stderr=nothing, env={}, cwd="/"
    )
    try:
        written, _ = await asyncio.wait_for(process.communicate(asked), NOISE_SECONDS)
        answer = msgspec.json.decode(written, type=_Answer)
    except (TimeoutError, msgspec.DecodeError, OSError):
        raise NoiseFailed from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or answer.epsilon > EPSILON:
        raise NoiseFailed
    return dict(answer.shown)
