r"""Canary scanner: makes unique markers, and finds them again in bytes, files, SQLite databases and the memory of a process.

A test plants a canary where content travels (a prompt, an answer, a key), then scans every sink: each hit is a leak. A canary is
24 hex digits; those of one `Mint` share their first 8, so that the time of a scan does not grow with the number of canaries.

Found: the text itself (lower and upper case), base64 at all three alignments (also broken into lines), `\\u0061` escapes (once
and twice), UTF-16 and UTF-32 in both byte orders, URL-encoding, `\\x61` escapes, the hex of its bytes, and all of these inside gzip and
zlib streams and in SQLite values that are split over pages.
Not found: what was encrypted or hashed (pass the digest to `Scanner.watch` to find that too), what was compressed twice or first
compressed and then encoded, and a compressed stream after its first 64 MiB.
"""

import base64
import os
import re
import secrets
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

PREFIX = 8
"""Leading characters by which canaries are looked for; the rest is compared only where these stand."""
SHORTEST = 12
FILE_CHUNK = 256 << 20
MEMORY_CHUNK = 8 << 20
PAGE = 4096
ZEROS = bytes(PAGE)
OVERLAP = 4096
"""Longer than any form of a canary of 256 characters, so that none hides on the border of two chunks."""
UNPACKED_MOST = 64 << 20
STREAM_STARTS = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
UNREADABLE_MAPS = ("[vvar]", "[vvar_vclock]", "[vsyscall]")


class Hit(NamedTuple):
    """Where a canary was found. `offset` counts bytes from the start of the sink (an address for memory)."""

    canary: str
    sink: str
    form: str
    offset: int


class Mint:
    """Makes canaries that share one random prefix."""

    def __init__(self) -> None:
        """Choose the prefix."""
        self.prefix = secrets.token_hex(PREFIX // 2)
        self.made: list[str] = []

    def new(self) -> str:
        """Give a canary that was never given before: 24 lower-case hex digits."""
        self.made.append(self.prefix + secrets.token_hex(8))
        return self.made[-1]


def forms(text: str) -> dict[str, set[bytes]]:
    """Every encoding of an ASCII text that a scan looks for, by name. Of base64 only the characters that its neighbours cannot change."""
    raw = text.encode("ascii")
    upper = text.upper().encode("ascii")
    codes = {"%02x", "%02X"}

    def each(before: str) -> set[bytes]:
        return {"".join(before + code % byte for byte in raw).encode() for code in codes}

    found = {
        "plain": {raw},
        "upper": {upper} - {raw},
        "json-escaped": each("\\u00"),
        "json-escaped-twice": each("\\\\u00"),
        "backslash-x": each("\\x"),
        "url-encoded": each("%") | {quote(text, safe="").encode()} - {raw},
        "hex": each(""),
        # Without the outer zeros one needle serves both byte orders.
        "utf-16": {b"\0".join(bytes([byte]) for byte in raw)},
        "utf-32": {b"\0\0\0".join(bytes([byte]) for byte in raw)},
    }
    for alignment in range(3):
        found[f"base64+{alignment}"] = set(_base64(raw, alignment))
    return {name: needles for name, needles in found.items() if needles}


def _base64(raw: bytes, alignment: int) -> Iterator[bytes]:
    unstable = (0, 2, 3)[alignment]
    whole = (alignment + len(raw)) * 8 // 6
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        yield encode(bytes(alignment) + raw)[unstable:whole]


class Scanner:
    """Looks for a set of canaries. `scanned` counts the bytes read in each sink: a scan that read nothing proves nothing."""

    def __init__(self, canaries: Iterable[str]) -> None:
        """Canaries are ASCII texts of at least 12 characters: those of a `Mint`, API keys, provider keys."""
        self.scanned: dict[str, int] = {}
        self._starts: dict[bytes, list[tuple[str, str, bytes]]] = {}
        self._base64_starts: dict[bytes, list[tuple[str, str, bytes]]] = {}
        for canary in dict.fromkeys(canaries):
            if len(canary) < SHORTEST or not canary.isascii():
                raise ValueError("a canary is an ASCII text of at least 12 characters: a shorter one is found by chance")
            for form, needles in forms(canary).items():
                for needle in needles:
                    self._add(canary, form, needle)

    def watch(self, canary: str, form: str, needle: bytes) -> None:
        """Look for these exact bytes too (for example the SHA-256 of a prompt) and report them as this form."""
        self._add(canary, form, needle)

    def _add(self, canary: str, form: str, needle: bytes) -> None:
        start = needle[: _start_length(form, len(needle))]
        self._starts.setdefault(start, []).append((canary, form, needle))
        if form.startswith("base64"):
            self._base64_starts.setdefault(start, []).append((canary, f"{form}, in lines", needle))

    # bytes

    def scan_bytes(self, data: bytes | bytearray | memoryview, sink: str = "bytes") -> list[Hit]:
        """Find every canary in `data`, compressed streams included."""
        return sorted(self._scan_stream([bytes(data)], sink))

    def _count(self, sink: str, size: int) -> None:
        self.scanned[sink] = self.scanned.get(sink, 0) + size

    def _scan_stream(self, chunks: Iterable[bytes], sink: str, base: int = 0) -> set[Hit]:
        """Each chunk is scanned together with the end of the one before it."""
        hits: set[Hit] = set()
        self._count(sink, 0)
        tail, at = b"", base
        for chunk in chunks:
            self._count(sink, len(chunk))
            window = tail + chunk if tail else chunk
            hits.update(self._find_all(window, sink, at - len(tail)))
            at += len(chunk)
            tail = window[-OVERLAP:]
        return hits

    def _find_all(self, data: bytes, sink: str, base: int) -> Iterator[Hit]:
        for at, part in _without_zeros(data):
            yield from _find(self._starts, part, sink, base + at)
            unwrapped = part.replace(b"\r", b"").replace(b"\n", b"")
            if len(unwrapped) != len(part):
                yield from self._only_in_lines(part, unwrapped, sink, base + at)
            for match in STREAM_STARTS.finditer(part):
                kind = "gzip" if match[0].startswith(b"\x1f") else "zlib"
                for hit in _find(self._starts, _unpack(data, at + match.start()), sink, 0):
                    yield Hit(hit.canary, sink, f"{kind}:{hit.form}", base + at + match.start())

    def _only_in_lines(self, data: bytes, unwrapped: bytes, sink: str, base: int) -> Iterator[Hit]:
        """Base64 that a line break cuts. The offset is that of its beginning, as near as it can be told."""
        for hit in _find(self._base64_starts, unwrapped, sink, 0):
            start = unwrapped[hit.offset : hit.offset + 4]
            near = data.find(start, hit.offset)
            yield hit._replace(offset=base + (near if near >= 0 else hit.offset))

    # files

    def scan_file(self, path: Path) -> list[Hit]:
        """Scan a file's name and bytes, and, if it is a SQLite database, every value in it. A file that vanishes meanwhile is empty."""
        sink = str(path)
        hits = set(_find(self._starts, os.fsencode(path.name), f"name of {sink}", 0))
        try:
            with path.open("rb") as file:
                first = file.read(16)
                file.seek(0)
                hits.update(self._scan_stream(iter(lambda: file.read(FILE_CHUNK), b""), sink))
        except FileNotFoundError:
            return sorted(hits)
        if first == b"SQLite format 3\0":
            hits.update(self._scan_sqlite(path))
        return sorted(hits)

    def scan_tree(self, *roots: Path) -> list[Hit]:
        """Scan all regular files under the directories (databases with their -wal and -shm among them). Links are not followed."""
        hits: list[Hit] = []
        for root in roots:
            if not root.is_dir():
                raise NotADirectoryError(f"{root} is not a directory, so there is nothing to scan")
            for folder, folders, files in os.walk(root):
                for name in (*folders, *files):
                    path = Path(folder, name)
                    if name in files and path.is_file() and not path.is_symlink():
                        hits += self.scan_file(path)
                    else:
                        hits += _find(self._starts, os.fsencode(name), f"name of {path}", 0)
        return hits

    def _scan_sqlite(self, path: Path) -> Iterator[Hit]:
        """A long value is split over pages with a pointer in between: only SQLite puts it together again. Works on a copy."""
        with tempfile.TemporaryDirectory(prefix="canary-") as folder:
            copy = Path(folder, "copy.db")
            for suffix in ("", "-wal"):
                if (source := path.with_name(path.name + suffix)).exists():
                    shutil.copyfile(source, copy.with_name(copy.name + suffix))
            database = sqlite3.connect(copy)
            database.text_factory = bytes
            try:
                tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for (name,) in tables:
                    table = name.decode()
                    quoted = table.replace('"', '""')
                    for row in database.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 the name of a table, quoted
                        for value in row:
                            if isinstance(value, bytes):
                                yield from self.scan_bytes(value, f"{path}: table {table}")
            except sqlite3.DatabaseError:
                return  # copied in the middle of a write: the raw bytes have been scanned all the same
            finally:
                database.close()

    # processes

    def scan_process(self, pid: int) -> list[Hit]:
        """Scan all readable memory of a process, its environment and its arguments. PermissionError if it may not be read."""
        hits = set()
        for name in ("environ", "cmdline"):
            hits.update(self.scan_bytes(Path(f"/proc/{pid}/{name}").read_bytes(), f"{name} of {pid}"))
        before = sum(self.scanned.values())
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for low, high, label in _readable_maps(pid):
                hits.update(self._scan_stream(_read_map(memory.fileno(), low, high), f"memory of {pid}: {label}", low))
        if sum(self.scanned.values()) == before:
            raise PermissionError(f"no memory of process {pid} could be read")
        return sorted(hits)


def _start_length(form: str, length: int) -> int:
    """How much of a needle all canaries with the same first 8 characters share."""
    per_character = {"json-escaped": 6, "json-escaped-twice": 7, "backslash-x": 4, "url-encoded": 3, "hex": 2}
    if form.startswith("base64"):
        return min(length // 2, PREFIX)
    if form in per_character:
        return min(length, PREFIX * per_character[form])
    if form in {"utf-16", "utf-32"}:
        return min(length, (PREFIX - 1) * (2 if form == "utf-16" else 4) + 1)
    return min(length, PREFIX)


def _find(starts: dict[bytes, list[tuple[str, str, bytes]]], data: bytes, sink: str, base: int) -> Iterator[Hit]:
    for start, needles in starts.items():
        at = data.find(start)
        while at >= 0:
            for canary, form, needle in needles:
                if data.startswith(needle, at):
                    yield Hit(canary, sink, form, base + at)
            at = data.find(start, at + 1)


def _without_zeros(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What stands between pages of zeros, with its place: half of a process's memory is such pages, and no form of a canary spans one."""
    start = 0
    for at in range(0, len(data), PAGE):
        if data[at : at + PAGE] == ZEROS:
            if start < at:
                yield start, data[start:at]
            start = at + PAGE
    if start < len(data):
        yield start, data[start:]


def _unpack(data: bytes, start: int) -> bytes:
    """What the stream that begins at `start` holds; empty if it is none. A stream cut short gives what it has."""
    unpacker = zlib.decompressobj(wbits=47)
    out = bytearray()
    for at in range(start, len(data), 1 << 14):
        try:
            out += unpacker.decompress(data[at : at + (1 << 14)], UNPACKED_MOST - len(out))
        except zlib.error:
            break
        if unpacker.eof or len(out) >= UNPACKED_MOST:
            break
    return bytes(out)


def _readable_maps(pid: int) -> Iterator[tuple[int, int, str]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, rights, _, _, _, *name = line.split(maxsplit=5)
        label = name[0] if name else "anonymous"
        if rights.startswith("r") and label not in UNREADABLE_MAPS:
            low, high = (int(part, 16) for part in addresses.split("-"))
            yield low, high, label


def _read_map(memory: int, low: int, high: int) -> Iterator[bytes]:
    at = low
    while at < high:
        try:
            chunk = os.pread(memory, min(MEMORY_CHUNK, high - at), at)
        except OSError:
            chunk = b""
        if chunk:
            yield chunk
        at += len(chunk) or PAGE  # a page may be gone since the map was read, or belong to a device
