"""The read buffer that forgets."""

import pytest

from anyapi.wire.buffers import SIZE, ReadBuffer


def test_wiping_zeroes_what_was_read_and_only_that():
    buffer = ReadBuffer(size=64)
    buffer.view[:64] = b"s" * 64
    buffer.wipe(10)
    assert bytes(buffer.view) == bytes(10) + b"s" * 54
    buffer.wipe(64)
    assert bytes(buffer.view) == bytes(64)


def test_wiping_nothing_changes_nothing():
    buffer = ReadBuffer(size=4)
    buffer.view[:] = b"abcd"
    buffer.wipe(0)
    assert bytes(buffer.view) == b"abcd"


def test_without_scrubbing_bytes_stay():
    buffer = ReadBuffer(size=8, scrubbing=False)
    buffer.view[:] = b"12345678"
    buffer.wipe(8)
    assert bytes(buffer.view) == b"12345678"


@pytest.mark.parametrize("size", [1, 4096, SIZE])
def test_the_whole_buffer_can_be_wiped(size):
    buffer = ReadBuffer(size=size)
    assert len(buffer.view) == size
    buffer.view[:] = b"\xff" * size
    buffer.wipe(size)
    assert not any(buffer.view)
