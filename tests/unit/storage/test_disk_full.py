"""T14 for the store: a full disk refuses, loses nothing that was reported, and is got over without hand-work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run_child(directory, kind):
    command = [sys.executable, "-m", "tests.unit.storage.disk_full_child", str(directory), kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout, done.stderr, done.returncode) == ("ok\n", "", 0)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("LOUD SKIP: only root can mount a small file system, so a truly full disk was not tried (a size limit was)")
    target = tmp_path / "small disk"
    target.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(target)], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("LOUD SKIP: mounting is forbidden here, so a truly full disk was not tried (a size limit was)")
    yield target
    subprocess.run(["umount", str(target)], check=True)


def test_writes_that_fail(tmp_path):
    run_child(tmp_path, "limit")


def test_a_disk_that_is_full(small_disk):
    run_child(small_disk, "disk")
