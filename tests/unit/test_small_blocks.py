"""Whether every block that the small-object allocator keeps free is overwritten. Each case looks at the memory of a fresh interpreter."""

import os
import subprocess
import sys

import pytest

from anyapi import small_blocks
from anyapi.relaunch import SETTINGS

CODE = """
import ctypes, random
from anyapi import small_blocks
random.seed(3)
objects = [b"canary-%d" % number * random.randrange(1, 40) for number in range(20000)]
random.shuffle(objects)
live = objects[:2000]  # their pools stay, with holes
gone = [(id(each), each.__sizeof__()) for each in objects[2000:] if each.__sizeof__() <= 512]
copy = ctypes.create_string_buffer(512)
del objects
{sweep}
mapped = small_blocks._Mapped()
left = 0
for address, size in gone:
    if mapped.holds(address):
        ctypes.memmove(copy, address, size)
        at = copy.raw[:size].find(b"canary")
        left += at >= 0 and (address + at) % 16384 < 16384 - 16  # the last 16 bytes of a pool belong to no block of any size that fits it best
print(left, len(gone), sum(each.startswith(b"canary") for each in live))
"""


def alone(code, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_no_freed_block_keeps_its_content_and_no_live_one_is_touched():
    left, gone, live = alone(CODE.format(sweep="assert small_blocks.overwrite()"))
    assert live == "2000"
    assert int(gone) > 15000
    assert int(left) <= 4, "what is found lies in the unwritten end of a block that something live has taken, as the spare room of a list"


def test_without_it_they_do():
    assert int(alone(CODE.format(sweep=""))[0]) > 10000


def test_it_is_said_when_it_cannot_be_done():
    """A `malloc` heap never comes to an end as an arena does."""
    code = "from anyapi import small_blocks\nsmall_blocks.MOST = 2\nprint(small_blocks.overwrite())"
    assert alone(code, PYTHONMALLOC="malloc") == ["False"]


@pytest.mark.parametrize("size", small_blocks.SIZES)
def test_the_filling_object_is_as_large_as_the_block(size):
    assert bytes(size - small_blocks.AROUND).__sizeof__() == size
