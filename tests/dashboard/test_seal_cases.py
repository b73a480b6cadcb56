"""What the seal of Python refuses to open, the one of the browser refuses too: the same files, in the page's own code."""

import os
import shutil
import subprocess
import sys

import pytest
from tests.dashboard.conftest import ROOT

VITEST = ROOT / "dashboard/node_modules/.bin/vitest"


def test_the_page_refuses_the_same_files(tmp_path):
    if not VITEST.exists() or shutil.which("node") is None:
        pytest.skip("vitest is not installed: it needs npm, then `make setup`")
    cases = tmp_path / "cases.json"
    subprocess.run([sys.executable, "-m", "tests.tools.age_cases", str(cases)], cwd=ROOT, check=True, timeout=60)
    done = subprocess.run(
        [VITEST, "run", "src/words/seal.test.ts", "--reporter=verbose"],
        cwd=ROOT / "dashboard",
        env={**os.environ, "AGE_CASES": str(cases), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout.count("✓") >= 55
    assert "skipped" not in done.stdout
