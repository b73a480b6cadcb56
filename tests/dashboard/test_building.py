"""Where the dashboard is built and where it is not: packages need it or say so, clones do without it."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from tests.dashboard.conftest import ROOT

SAID = "set ANYAPI_NO_DASHBOARD=1 to package AnyAPI without it"


@pytest.fixture
def clone(tmp_path):
    """What a fresh clone has, as files of its own: nothing built."""
    made = tmp_path / "clone"
    made.mkdir()
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    if not listed:
        pytest.skip("needs a git clone, to know what belongs to it")
    for name in listed:
        if name.startswith(("src/", "scripts/", "dashboard/", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md")):
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes((ROOT / name).read_bytes())
    return made


def run(clone, *command, **environment):
    """In the clone, without npm: nothing is on the PATH."""
    env = {**os.environ, "PATH": str(clone), "PYTHONPATH": "", **environment}
    return subprocess.run([sys.executable, *command], cwd=clone, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_package_without_npm_is_refused_in_one_sentence_or_made_without_the_dashboard(clone):
    refused = run(clone, "-m", "hatchling", "build", "-t", "wheel")
    assert refused.returncode != 0
    assert refused.stderr.count(SAID) == 1
    assert "Traceback" not in refused.stderr
    made = run(clone, "-m", "hatchling", "build", "-t", "wheel", ANYAPI_NO_DASHBOARD="1")
    assert made.returncode == 0, made.stderr
    assert dashboards(clone) == []


def test_a_package_takes_the_pages_that_are_built_already(clone):
    built = clone / "src/anyapi/dashboard"
    built.mkdir()
    (built / "index.html").write_text("<title>page</title>")
    made = run(clone, "-m", "hatchling", "build", "-t", "wheel")
    assert made.returncode == 0, made.stderr
    assert dashboards(clone) == ["anyapi/dashboard/index.html"]


def test_setup_without_npm_says_so_and_goes_on(clone):
    done = run(clone, "scripts/build_dashboard.py")
    assert done.returncode == 0
    assert "setup: !!!" in done.stderr
    assert run(clone, "scripts/build_dashboard.py", ANYAPI_NO_DASHBOARD="1").stderr == ""


def test_an_editable_install_builds_no_page(clone):
    asked = "import hatchling.build; hatchling.build.build_editable('dist')"
    (clone / "dist").mkdir()
    done = run(clone, "-c", asked)
    assert done.returncode == 0, done.stderr
    assert not (clone / "src/anyapi/dashboard").exists()


def dashboards(clone):
    (wheel,) = (clone / "dist").glob("*.whl")
    return [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("anyapi/dashboard/")]


@pytest.mark.parametrize("script", ["check", "test"])
def test_types_and_what_the_page_computes(script):
    if shutil.which("npm") is None or not (ROOT / "dashboard/node_modules").exists():
        pytest.skip("needs npm, then `make setup`")
    done = subprocess.run(["npm", "--silent", "run", script], cwd=ROOT / "dashboard", capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
