"""A worker ends with the process that started it, also with one that was killed before the worker could ask the system to be told."""

import os
import subprocess
import sys

import pytest

BEGIN = "import os, signal, sys, time\nfrom anyapi.cli.workers import end_with_parent\n"
WORKER = (
    BEGIN
    + """
def end(*_):
    print("ended", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
end_with_parent(int(sys.argv[1]))
print("goes on", flush=True)
time.sleep(60)
"""
)
PARENT = "import os, subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())]).wait()\n"


@pytest.mark.parametrize("gone", [False, True])
def test_one_whose_parent_is_gone_already_does_not_begin(gone):
    words = [sys.executable, "-c", BEGIN + "end_with_parent(int(sys.argv[1]))\nprint('goes on')", str(os.getpid() + gone)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == ((1, "") if gone else (0, "goes on\n"))
    assert ("is gone" in done.stderr) is gone


def test_it_ends_in_good_order_when_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT, WORKER], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "goes on\n"
        parent.kill()
        assert parent.stdout.read() == "ended\n"
