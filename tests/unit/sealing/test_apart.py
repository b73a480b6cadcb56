"""Sealing in another process: the same result, no file, a process that dies is replaced, and nothing of content in its command line."""

import os
import resource
import signal
from pathlib import Path

import pyrage
import pytest

from anyapi.errors import BadRequest, StorageError
from anyapi.sealing.age import unseal
from anyapi.sealing.apart import Apart

IDENTITY = pyrage.x25519.Identity.generate()
TO = (str(IDENTITY.to_public()),)


@pytest.fixture
def apart():
    made = Apart()
    yield made
    made.close()


def sealed(apart, *chunks, to=TO):
    pieces = []
    apart.seal(chunks, to, pieces.append)
    return pieces


def test_it_seals_one_after_the_other_in_one_process(apart):
    assert apart.pid is None
    assert unseal(sealed(apart, b"a", memoryview(b"bc")), str(IDENTITY)) == b"abc"
    pid = apart.pid
    pieces = sealed(apart, *[bytes(60_000)] * 100)
    assert unseal(pieces, str(IDENTITY)) == bytes(6_000_000)
    assert max(map(len, pieces)) < 400_000
    assert sealed(apart)
    assert apart.pid == pid


def test_it_keeps_little_in_memory(apart):
    """A hundred megabytes pass through; the process holds some pieces of them."""
    count = []
    apart.seal((bytes(64_000) for _ in range(1600)), TO, lambda piece: count.append(len(piece)))
    assert sum(count) > 100_000_000
    peak = int(next(line for line in Path(f"/proc/{apart.pid}/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1])
    assert peak < 60_000, f"{peak} KB"


def test_it_is_no_place_to_look_for_content(apart):
    sealed(apart, b"the secret prompt")
    assert b"secret" not in Path(f"/proc/{apart.pid}/cmdline").read_bytes()
    assert Path(f"/proc/{apart.pid}/limits").read_text().splitlines()[5].split()[4] == "0", "no core file"
    assert resource.RLIMIT_CORE is not None
    if os.geteuid():
        with pytest.raises(PermissionError):
            Path(f"/proc/{apart.pid}/mem").open("rb")


def test_one_that_dies_is_noticed_and_replaced(apart):
    sealed(apart, b"x")
    os.kill(apart.pid, signal.SIGKILL)
    try:
        sealed(apart, *[bytes(64_000)] * 50)
    except StorageError:
        pass
    assert unseal(sealed(apart, b"again"), str(IDENTITY)) == b"again"


def test_one_that_dies_in_between_is_noticed(apart):
    sealed(apart, b"x")

    def chunks():
        yield bytes(64_000)
        os.kill(apart.pid, signal.SIGKILL)
        for _ in range(50):
            yield bytes(64_000)

    with pytest.raises(StorageError, match="ended early"):
        apart.seal(chunks(), TO, lambda _piece: None)
    assert apart.pid is None


def test_what_the_taker_raises_ends_the_process(apart):
    def take(_piece):
        raise BadRequest("full")

    with pytest.raises(BadRequest):
        apart.seal([bytes(64_000)] * 50, TO, take)
    assert apart.pid is None


def test_a_recipient_that_is_none_is_an_error(apart):
    with pytest.raises(StorageError):
        sealed(apart, b"x", to=("age1nonsense",))
    assert unseal(sealed(apart, b"again"), str(IDENTITY)) == b"again"


def test_closing_twice_is_closing_once(apart):
    sealed(apart, b"x")
    pid = apart.pid
    apart.close()
    apart.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
