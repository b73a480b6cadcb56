"""The process that draws the noise: it lives for that alone, is given nothing else, and whatever it does wrong releases nothing."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from anyapi.ranking import release
from anyapi.ranking.release import NoiseFailed, draw
from anyapi.ranking.terms import SHOWN_FROM


def test_counts_come_back_with_noise_and_small_ones_do_not():
    found = asyncio.run(draw([0, 500, 3, 0, 900, 19]))
    assert found.keys() == {1, 4}
    assert all(abs(found[place] - count) < 30 for place, count in ((1, 500), (4, 900)))


def test_this_process_does_not_load_opendp():
    code = (
        "import asyncio, sys; from anyapi.ranking.release import available, draw; assert available(); "
        "asyncio.run(draw([100])); assert 'opendp' not in sys.modules"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0


def replaced(monkeypatch, tmp_path, code):
    script = tmp_path / "noise.py"
    script.write_text(code)
    monkeypatch.setattr(release, "NOISE", script)


def test_it_gets_the_counts_and_no_environment_and_no_argument(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "not-for-it")
    seen = tmp_path / "seen"
    replaced(
        monkeypatch,
        tmp_path,
        f"import json, os, sys; given = json.load(sys.stdin)\n"
        f"open({str(seen)!r}, 'w').write(json.dumps([given, sorted(os.environ), sys.argv[1:], os.getcwd(), os.listdir('/proc/self/fd')]))\n"
        "print(json.dumps({'epsilon': 1.0, 'shown': [[0, 50]]}))",
    )
    assert asyncio.run(draw([49])) == {0: 50}
    given, environment, arguments, directory, descriptors = json.loads(seen.read_text())
    assert given == {"counts": [49], "scale": 1.0, "shown_from": SHOWN_FROM}
    assert set(environment) <= {"LC_CTYPE"}  # Python's own
    assert arguments == []
    assert directory == "/"
    assert len(descriptors) <= 5


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(1)",
        "print('{}')",
        "print('not json')",
        'print(\'{"epsilon": 2.0, "shown": []}\')',
        'print(\'{"epsilon": 1.0, "shown": []}\'); raise SystemExit(3)',
        "import os; os.kill(os.getpid(), 9)",
        "import opendp_that_is_not_there",
    ],
)
def test_whatever_goes_wrong_shows_nothing(monkeypatch, tmp_path, code):
    replaced(monkeypatch, tmp_path, code)
    with pytest.raises(NoiseFailed):
        asyncio.run(draw([100]))


def test_one_that_hangs_is_ended(monkeypatch, tmp_path):
    pid = tmp_path / "pid"
    replaced(monkeypatch, tmp_path, f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    monkeypatch.setattr(release, "NOISE_SECONDS", 1.0)
    with pytest.raises(NoiseFailed):
        asyncio.run(draw([100]))
    assert not Path(f"/proc/{pid.read_text()}").exists()
