"""T03: the unit tests of the policy core and of its nouns take every branch. They run once more for it, under coverage: 15 seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_every_branch_of_policy_and_domain_is_taken(tmp_path):
    data, report = f"--data-file={tmp_path / 'data'}", tmp_path / "report.json"
    coverage = [sys.executable, "-m", "coverage"]
    suite = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/policy", "tests/unit/domain", "tests/unit/gateway/test_outlets.py"]
    subprocess.run([*coverage, "run", "--branch", "--source=anyapi.policy,anyapi.domain", data, *suite], cwd=ROOT, check=True)
    subprocess.run([*coverage, "json", data, "-o", report], cwd=ROOT, check=True)
    files = json.loads(report.read_text())["files"]
    assert len(files) > 30, "the product was not looked at"
    missing = {name: (file["missing_lines"], file["missing_branches"]) for name, file in files.items()}
    assert {name: what for name, what in missing.items() if what != ([], [])} == {}
