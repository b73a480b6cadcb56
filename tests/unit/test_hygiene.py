"""No dumps, no attaching, and what is said of swap. What changes a whole process runs in its own."""

import ctypes
import os
import subprocess
import sys

import pytest
from tests.tools.gateway import simulated

from anyapi.hygiene import Swap, dumps_forbidden, swap

HEAD = "Filename\tType\tSize\tUsed\tPriority\n"
USED = f"{HEAD}/dev/vda2 partition 1000 0 -2\n"


def alone(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_dumps_are_forbidden():
    code = (
        "import ctypes, resource\nfrom anyapi import hygiene\n"
        "before = hygiene.dumps_forbidden()\nhygiene.forbid_dumps()\n"
        "print(before, hygiene.dumps_forbidden(), resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    assert alone(code) == "False True (0, 0) 0"


def test_half_of_it_is_not_said_to_be_all():
    code = "import resource\nfrom anyapi import hygiene\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nprint(hygiene.dumps_forbidden())"
    assert alone(code) == "False"
    assert dumps_forbidden() is False, "the test run itself is left as it is"


def test_it_imports_next_to_nothing():
    code = "import sys, anyapi.hygiene; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    assert not {"msgspec", "uvloop", "asyncio", "click"} & set(alone(code).split())


@pytest.mark.parametrize("command", [["--version"], ["keys", "--help"]])
def test_every_command_begins_with_it(tmp_path, command):
    """Seen from outside: strace would need rights, so a module that is loaded last says how it found the process."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, ctypes, os\n"
        f"atexit.register(lambda: open({str(tmp_path / 'said')!r}, 'w').write(str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))))\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run([sys.executable, "-m", "anyapi", *command], check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path})
    assert (tmp_path / "said").read_text() == "0"


def test_a_gateway_says_what_the_kernel_confirmed(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        said = gateway.request("GET", "/v1/privacy").json()["process"]
    assert said == {"core_dumps": False, "attachable": False, "swap": swap().value}


NOBODY = 65534
WAITING = "import sys, time\nfrom anyapi import hygiene\n{}\nprint('ready', flush=True)\nsys.stdin.read()"
LOOKING = """
try:
    print("open" if open("/proc/{}/environ", "rb").read() else "empty")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(
    os.geteuid() != 0, reason="SKIPPED LOUDLY: needs root to become somebody else: whether others can look in is NOT checked"
)
@pytest.mark.parametrize(("begins", "seen"), [("hygiene.forbid_dumps()", "PermissionError"), ("", "open")])
def test_a_process_of_the_same_user_cannot_look_in(begins, seen):
    """`environ` needs what attaching needs (proc(5)), and no rule of the machine's about ptrace gets in the way. The second is the control."""
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WAITING.format(begins)], **as_nobody) as process:
        assert process.stdout.readline() == "ready\n"
        with subprocess.Popen([sys.executable, "-c", LOOKING.format(process.pid)], **as_nobody) as other:
            found = other.communicate(timeout=30)[0].strip()
        process.communicate(timeout=30)
    assert found == seen


@pytest.fixture
def machine(tmp_path):
    """Files as proc and the control groups have them."""

    def made(swaps, mine="0::/\n", limits=()):
        groups = tmp_path / "cgroup"
        (groups / "a/b/c").mkdir(parents=True, exist_ok=True)
        (tmp_path / "swaps").write_text(swaps)
        (tmp_path / "mine").write_text(mine)
        for path, limit in limits:
            (groups / path / "memory.swap.max").write_text(f"{limit}\n")
        return swap(tmp_path / "swaps", tmp_path / "mine", groups)

    return made


def test_a_machine_without_swap(machine):
    assert machine(HEAD) is Swap.OFF


def test_a_machine_with_swap(machine):
    assert machine(USED) is Swap.POSSIBLE
    assert machine(USED, "0::/a/b\n", [("a/b", "max"), ("a", "4096")]) is Swap.POSSIBLE
    assert machine(USED, "4:memory:/x\n") is Swap.POSSIBLE


def test_a_group_that_may_not_swap_and_one_within_it(machine):
    assert machine(USED, "0::/a/b\n", [("a/b", "0")]) is Swap.OFF
    assert machine(USED, "0::/a/b/c\n", [("a/b", "0"), ("a/b/c", "max")]) is Swap.OFF


def test_what_cannot_be_read_is_not_known(tmp_path):
    assert swap(tmp_path / "none") is Swap.UNKNOWN


def test_the_kernel_says_the_same_of_this_process():
    assert dumps_forbidden() is (ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0)
