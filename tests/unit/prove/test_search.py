"""The search counts what it read, by sink, and finds a canary in each kind of place."""

import os
import subprocess
import sys
import time

import pytest

from anyapi.prove.scanner import Mint, Scanner
from anyapi.prove.search import PAGES, Search, Skipped
from anyapi.prove.target import Answered

CANARY = Mint().new()


@pytest.fixture
def search():
    return Search(Scanner([CANARY]))


class Page:
    """A gateway whose answers hold the canary in their head."""

    key = ""

    def request(self, method, path, body=None, headers=None, timeout=30.0):
        return Answered(200, {"x-request-id": CANARY}, b"nothing")


def test_files_and_trees(search, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_text(f"x{CANARY}")
    search.folder("tree", tmp_path)
    search.file("file", tmp_path / "a/file")
    search.file("gone", tmp_path / "none")
    assert search.seen == {"tree": 25, "file": 25, "gone": 0}
    assert len(search.hits) == 2


def test_only_new_files_where_others_write_too(search, tmp_path):
    for name in ("old", "new", "skipped/file", "ours-1/file"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CANARY)
    os.utime(tmp_path / "old", (0, 0))
    since = time.time() - 100
    search.new_files("temporary", tmp_path, since, Skipped([tmp_path / "skipped"], ("ours-",)))
    assert [hit.sink for hit in search.hits] == [str(tmp_path / "new")]
    search.since = time.time() + 100
    search.new_files("later", tmp_path, since)
    assert search.seen == {"temporary": 24, "later": 0}


def test_directories_that_nothing_was_put_into_may_be_left_out(search, tmp_path):
    for name in ("old/file", "new/file"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(CANARY)
    os.utime(tmp_path / "old", (0, 0))
    search.new_files("some", tmp_path, time.time() - 100, Skipped(old=True))
    assert [hit.sink for hit in search.hits] == [str(tmp_path / "new/file")]
    search.new_files("all", tmp_path, time.time() - 100)
    assert search.seen == {"some": 24, "all": 48}


def test_every_page_with_its_head(search):
    search.pages(Page())
    assert len(search.hits) == len(PAGES)


def test_arguments_and_environments(search):
    says = "import sys; print(flush=True); sys.stdin.read()"
    pipe, environment = subprocess.PIPE, {**os.environ, "IN": CANARY}
    with subprocess.Popen([sys.executable, "-c", says, CANARY], stdin=pipe, stdout=pipe, env=environment) as child:
        child.stdout.readline()  # until it runs what it is to run, both may be found empty
        search.processes("processes")
        child.communicate()
    assert len(search.hits) >= 2
    assert set(search.seen) == {"processes"}


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED LOUDLY: needs root to read another process's memory: this is NOT checked")
def test_memory(search):
    code = f"import sys; kept = '{CANARY[:12]}' + '{CANARY[12:]}'; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        search.memory("memory", child.pid)
        child.communicate()
    assert search.hits
    assert search.seen["memory"] > 1_000_000
