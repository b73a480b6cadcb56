"""Whether freed memory is overwritten, dumps forbidden, and garbage collected on a timer. What changes a whole process runs in its own."""

import asyncio
import gc
import os
import platform
import subprocess
import sys
import weakref

import msgspec
import pytest
from tests.unit.wire.peers import on_loop, until

from anyapi import scrubbing
from anyapi.relaunch import SETTINGS
from anyapi.scrubbing import Collector, works

GLIBC = platform.libc_ver()[0] == "glibc"


def alone(code, **environment):
    """What a fresh interpreter prints."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not GLIBC, reason="the tunables are those of glibc")
@pytest.mark.parametrize(("environment", "expected"), [(SETTINGS, "True"), ({}, "False"), ({"PYTHONMALLOC": "malloc"}, "False")])
def test_it_is_seen_whether_freed_memory_is_overwritten(environment, expected):
    code = "from anyapi import scrubbing; print(all(scrubbing.works() for _ in range(20)) if {0} else any(scrubbing.works() for _ in range(20)))"
    assert alone(code.format(expected), **environment) == expected


@pytest.mark.skipif(not GLIBC, reason="the tunables are those of glibc")
def test_a_secret_that_was_freed_is_gone():
    """Not the probe this time but Python's own objects: the bytes of a freed string are looked for in the process's heap."""
    code = """
import re
def memory():
    found = b""
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as mem:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and ("[heap]" in line or line.split()[-1] == "0") and end - start < 1 << 28:
                mem.seek(start)
                found += mem.read(end - start)
    return found
parts = ["canary", "-of-", "this-", "test"]
def use():
    secrets = ["".join(parts) + str(number) * 20 for number in range(200)]
    return len(secrets)
use()
print(len(re.findall(("".join(parts[:2])).encode() + b"this-" + b"test", memory())) > 20)
"""
    assert (alone(code), alone(code, **SETTINGS)) == ("True", "False")


def test_works_answers_here_too():
    assert works() in {True, False}


def test_without_memory_it_is_not_claimed(monkeypatch):
    """A probe that cannot be made proves nothing."""

    class Refusing:
        """A C library that has no memory left; its functions take attributes, as those of ctypes do."""

        def __init__(self, _name):
            self.malloc, self.free = Function(), Function()

    class Function:
        def __call__(self, *_):
            return None

    monkeypatch.setattr(scrubbing.ctypes, "CDLL", Refusing)
    assert works() is False


@pytest.fixture
def collecting():
    """Leave the collector of this process as it was."""
    enabled = gc.isenabled()
    yield
    (gc.enable if enabled else gc.disable)()


class Cycle:
    def __init__(self):
        self.me = self


def test_garbage_is_collected_on_a_timer(collecting, monkeypatch):
    monkeypatch.setattr(scrubbing, "COLLECT_SECONDS", 0.01)

    @on_loop
    async def collect():
        collector = Collector(asyncio.get_running_loop(), scrubbing=True)
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 1000
        for _ in range(3):  # again and again
            gone = weakref.ref(Cycle())
            await until(lambda gone=gone: gone() is None)
        collector.close()
        assert gc.isenabled()
        stays = weakref.ref(Cycle())
        gc.disable()
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert stays() is not None, "closed: the timer is off"

    collect()


def test_freezing_takes_what_is_there_out_of_collections(collecting):
    before, here = gc.get_freeze_count(), [Cycle() for _ in range(1000)]
    Collector.freeze()
    assert gc.get_freeze_count() >= before + len(here)


def test_a_key_of_a_caller_does_not_stay_in_msgspecs_table():
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    (key,) = decode(b'{"made-up-key":0}')
    (again,) = decode(b'{"made-up-key":0}')
    assert key is again, "kept between two bodies: this is what has to be overwritten"
    scrubbing._overwrite_keys()
    (later,) = decode(b'{"made-up-key":0}')
    assert later is not key


STACK = """
import ctypes, secrets
from anyapi import scrubbing

mark = secrets.token_bytes(32)


class Marked(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char * 16384)]


def on_the_stack():
    with open("/proc/self/maps") as maps:
        start, end = (int(part, 16) for part in next(line for line in maps if "[stack]" in line).split()[0].split("-"))
    with open("/proc/self/mem", "rb", 0) as memory:
        memory.seek(start)
        return memory.read(end - start).count(mark)


leave = ctypes.CDLL(None).getppid
leave.argtypes = [Marked]
leave(Marked.from_buffer_copy(mark * 512))
before = on_the_stack()
scrubbing._overwrite_stack()
print(before, on_the_stack())
"""


def test_what_c_code_left_on_the_stack_is_overwritten():
    done = subprocess.run([sys.executable, "-c", STACK], capture_output=True, text=True, check=True, timeout=30)
    before, after = map(int, done.stdout.split())
    assert before >= 256
    assert after == 0
