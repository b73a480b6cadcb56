"""Looks through the places a gateway can write to. Knows how to read them, not which belong to which gateway.

`seen` counts the bytes of each kind of sink, since a search that read nothing proves nothing.
"""

import contextlib
import json
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from anyapi.prove.caller import Place
from anyapi.prove.scanner import Hit, Scanner

LARGEST = 64 << 20
"""Bytes of a file in a directory that others use too."""
PAGES = (
    "/",
    "/healthz",
    "/readyz",
    "/v1/privacy",
    "/.well-known/anyapi-privacy.json",
    "/v1/models",
    "/v1/key",
    "/metrics",
    "/debug",
    "/logs",
)


class Skipped(NamedTuple):
    """Directories that are not looked into: these, those whose name begins so, and, if `old`, those that nothing was put into since."""

    folders: Collection[Path] = ()
    prefixes: tuple[str, ...] = ()
    old: bool = False


NOTHING = Skipped()


class Search:
    """Collects hits by sink."""

    def __init__(self, scanner: Scanner) -> None:
        """`scanner` knows the canaries. `since` may be set to look at nothing older in places that others use too (Unix seconds)."""
        self.scanner, self.since = scanner, 0.0
        self.seen: dict[str, int] = {}
        self.hits: list[Hit] = []
        self.by_sink: dict[str, list[Hit]] = {}

    def _take(self, sink: str, hits: Sequence[Hit], before: int) -> None:
        self.hits += hits
        self.by_sink.setdefault(sink, []).extend(hits)
        self.seen[sink] = self.seen.get(sink, 0) + self._read() - before

    def _read(self) -> int:
        return sum(self.scanner.scanned.values())

    def text(self, sink: str, data: bytes) -> None:
        """Search bytes that were read elsewhere."""
        before = self._read()
        self._take(sink, self.scanner.scan_bytes(data, sink), before)

    def folder(self, sink: str, folder: Path) -> None:
        """Search all regular files under a directory."""
        before = self._read()
        self._take(sink, self.scanner.scan_tree(folder), before)

    def file(self, sink: str, path: Path) -> None:
        """Search one file; one that is gone, or not a file any more, is another program's."""
        before = self._read()
        hits: list[Hit] = []
        with contextlib.suppress(OSError):
            hits = self.scanner.scan_file(path)
        self._take(sink, hits, before)

    def new_files(self, sink: str, folder: Path, since: float, skipped: Skipped = NOTHING) -> None:
        """Search files under a directory that were written since then (Unix seconds), none of them huge."""
        self.seen.setdefault(sink, 0)
        for path in _written_since(folder, max(since, self.since), skipped):
            self.file(sink, path)

    def processes(self, sink: str = "{} of processes") -> None:
        """Search arguments and environment of everything that runs on this machine, as far as it may be read."""
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.text(sink.format(name), (folder / name).read_bytes())

    def pages(self, place: Place, sink: str = "answer of {}") -> None:
        """Search what a gateway serves about itself; pages that are not there must not leak either."""
        for page in PAGES:
            answer = place.request("GET", page)
            self.text(sink.format(page), json.dumps(dict(answer.headers)).encode() + answer.body)

    def memory(self, sink: str, pid: int) -> None:
        """Search the memory of a process. Raises `PermissionError` where it may not be read."""
        before = self._read()
        hits = [hit for hit in self.scanner.scan_process(pid) if hit.sink.startswith("memory")]
        self._take(sink, hits, before)


def _written_since(folder: Path, since: float, skipped: Skipped) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _is_looked_into(Path(place, name), since, skipped)]
        for name in files:
            path = os.path.join(place, name)  # noqa: PTH118 a `Path` for each of many thousands takes most of the time
            with contextlib.suppress(OSError):
                found = os.lstat(path)
                if stat.S_ISREG(found.st_mode) and found.st_mtime >= since - 1 and found.st_size <= LARGEST:
                    yield Path(path)


def _is_looked_into(folder: Path, since: float, skipped: Skipped) -> bool:
    if folder.name.startswith(skipped.prefixes) or folder in skipped.folders:
        return False
    try:
        return not skipped.old or folder.lstat().st_mtime >= since - 1
    except OSError:
        return False
