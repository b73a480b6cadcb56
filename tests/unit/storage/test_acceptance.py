"""The counts that survive SIGKILL: what a later process finds, and what it must not touch."""

import contextlib
import subprocess
import sys

import pytest

from anyapi.errors import StorageError
from anyapi.storage.acceptance import AcceptedCount, Leftover, leftovers

CHILD = """
import os, signal, sys
from pathlib import Path
from anyapi.storage.acceptance import AcceptedCount
count = AcceptedCount(Path(sys.argv[1]), "killed", 5.0)
for number in range(1000):
    count.accept()
    count.note(number)
count.announce(3, "dec_first")
count.written(600)
count.announce(7, "dec_second")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_is_lost_by_sigkill(tmp_path):
    assert subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], check=False).returncode == -9
    assert list(leftovers(tmp_path)) == [Leftover("killed", 1000, 999.0, 600, 7, "dec_second")]
    assert list(tmp_path.iterdir()) == []


def test_a_running_process_is_left_alone(tmp_path):
    count = AcceptedCount(tmp_path, "running", 5.0)
    count.accept()
    assert list(leftovers(tmp_path)) == []
    assert count.leftover == Leftover("running", 1, 5.0, 0, 0, "")
    count.close(delete=False)
    assert list(leftovers(tmp_path)) == [Leftover("running", 1, 5.0, 0, 0, "")]


def test_a_batch_that_was_counted_is_not_announced_any_more(tmp_path):
    count = AcceptedCount(tmp_path, "start", 0.0)
    count.announce(4, "dec_x")
    assert (count.leftover.announced, count.leftover.announced_first) == (4, "dec_x")
    count.written(4)
    assert (count.leftover.announced, count.leftover.written) == (0, 4)
    count.close(delete=True)


def test_deleted_when_closed_as_settled(tmp_path):
    AcceptedCount(tmp_path, "start", 0.0).close(delete=True)
    assert list(tmp_path.iterdir()) == []


def test_a_caller_that_fails_leaves_the_file_for_another_time(tmp_path):
    AcceptedCount(tmp_path, "start", 0.0).close(delete=False)
    with contextlib.closing(leftovers(tmp_path)) as found:
        assert next(found).start == "start"
    assert [leftover.start for leftover in leftovers(tmp_path)] == ["start"]


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 4096])
def test_a_file_that_is_not_ours_counts_nothing(tmp_path, content):
    (tmp_path / "odd.accepted").write_bytes(content)
    assert list(leftovers(tmp_path)) == []


def test_the_file_is_for_us_alone(tmp_path):
    count = AcceptedCount(tmp_path, "start", 0.0)
    assert (tmp_path / "start.accepted").stat().st_mode & 0o777 == 0o600
    count.close(delete=True)


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(StorageError, match="gone"):
        AcceptedCount(tmp_path / "gone", "start", 0.0)
