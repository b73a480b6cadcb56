"""What the tests of coding agents install, without installing it: exact releases, with hashes, of no place in particular, as pages say."""

import json
import re
from pathlib import Path

import pytest
from tests.clients.coding_agents import page

LOCKS = Path(__file__).parent / "agents"
PACKAGES = json.loads((LOCKS / "package-lock.json").read_text())["packages"]


def released(name):
    """The release of a program in its lock file."""
    if name in ("aider", "llm"):
        return re.search(rf"^{name}(?:-chat)?==(\S+) ", (LOCKS / f"{name}.lock").read_text(), re.MULTILINE)[1]
    found = {entry["version"].partition("-")[0] for path, entry in PACKAGES.items() if name in path.rpartition("/")[2]}
    (version,) = found
    return version


@pytest.mark.parametrize("name", ["claude-code", "codex", "opencode", "aider", "llm"])
def test_a_page_names_the_release_that_its_tests_run(name):
    stated = re.search(rf"`tests/clients/test_agents_{name.replace('-', '_')}\.py`, (\d+(?:\.\d+)+)", page(name))
    assert stated, "the page names no release"
    assert stated[1] == released(name)


def test_everything_has_a_hash_and_no_address():
    assert all(entry["integrity"].startswith("sha512-") for path, entry in PACKAGES.items() if path)
    assert "resolved" not in (LOCKS / "package-lock.json").read_text()
    for name in ("aider", "llm"):
        lock = (LOCKS / f"{name}.lock").read_text()
        assert "://" not in lock
        assert all("--hash=sha256:" in pinned for pinned in re.split(r"^(?=\w)", lock, flags=re.MULTILINE) if "==" in pinned)
