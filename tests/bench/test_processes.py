"""CPU and memory accounts of process trees, and that everything that was started is ended."""

import os
import subprocess
import sys

from bench.harness import processes
from bench.harness.processes import Processes

CORE = min(os.sched_getaffinity(0))
FAMILY = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1); print(child.pid, flush=True); input()"
)


def family():
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return parent, int(parent.stdout.readline())


def test_the_tree_holds_children_and_its_memory_is_the_sum():
    parent, child = family()
    with parent:
        assert set(processes.tree(parent.pid)) == {parent.pid, child}
        assert processes.resident_kb(parent.pid) > processes.resident_kb(child) > 1000
        parent.communicate("\n")


def test_cpu_of_children_that_have_ended_counts():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        parent.stdout.readline()
        assert processes.cpu_seconds(parent.pid) >= 0.19
        parent.communicate("\n")


def test_leaving_the_block_ends_the_tree_even_of_a_process_that_ignores_the_signal(tmp_path):
    program = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FAMILY.replace('input()', 'signal.pause()').replace('; ', chr(10))}"
    with Processes(tmp_path) as running:
        process = running.start("stubborn", [sys.executable, "-c", program], CORE)
        log = running.log("stubborn")
        while not log.read_text().strip() and process.poll() is None:
            os.sched_yield()
        child = int(log.read_text().split()[0])
        started = processes.stat(child)[processes.STARTED]
        assert os.sched_getaffinity(process.pid) == {CORE}
        running.stop(process, patience=0.1)
    assert process.returncode is not None
    assert not processes.alive(child, started)


def test_foreign_processes_are_left_alone(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as other:
        with Processes(tmp_path) as running:
            running.stop(other)
        assert other.poll() is None
        other.communicate("\n")
