"""All that is held of an account as one ZIP archive, made while it is sent: one page of rows is in memory at a time, no file on the disk.

What goes in is what the inventory of `/v1/privacy` lists, record by record, and every column that the store has of it. A record that is
not known here stops the archive before its first byte: nothing is left out in silence. Secrets are described and never held.
"""

import datetime as dt
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self

import msgspec

from anyapi.control.spreadsheet import written
from anyapi.errors import StorageError
from anyapi.storage.contract_holdings import HoldingStore
from anyapi.storage.holdings import HOLDINGS, NOT_HELD, Cell, Holding
from anyapi.storage.rows import AccountRow

FORMAT = "anyapi-account-archive/1"
PAGE = 500
AS_CSV = frozenset({"usage"})
"""Many flat rows, for spreadsheets; everything else is JSON."""
Progress = Callable[[str, int], None]
"""Hears which record is written and how many rows of all were so far."""


class Subject(msgspec.Struct, frozen=True):
    """Whose archive it is, and what stands in it beside the rows. `now` in Unix seconds."""

    account: AccountRow
    inventory: Sequence[Mapping[str, object]]
    """The records of `/v1/privacy`."""
    contact: str | None
    now: float
    version: str


class _File(msgspec.Struct):
    """One file of the archive as the manifest names it."""

    path: str
    sha256: str
    bytes: int
    record: str | None = None
    rows: int | None = None


class _Sink(io.RawIOBase):
    """Collects what the archive writes until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def records(inventory: Sequence[Mapping[str, object]]) -> list[tuple[Holding, Mapping[str, object]]]:
    """Each record of an account with what the inventory says of it. Raises `StorageError` if either list has one that the other lacks."""
    known = {one.record: one for one in HOLDINGS}
    listed = {str(entry["record"]): entry for entry in inventory}
    strange = sorted(listed.keys() ^ (known.keys() | NOT_HELD.keys()))
    if strange:
        raise StorageError(f"an archive would not be whole: {', '.join(strange)} is in one of the lists of what is stored alone")
    return [(known[name], entry) for name, entry in listed.items() if name in known]


def archive(store: HoldingStore, subject: Subject, progress: Progress) -> Iterator[bytes]:
    """Give the archive in pieces. Raises `StorageError` before the first piece if it would not be whole, and while it is read."""
    return _pieces(store, subject, records(subject.inventory), progress)


def _pieces(store: HoldingStore, subject: Subject, held: list[tuple[Holding, Mapping[str, object]]], progress: Progress) -> Iterator[bytes]:
    sink, files, done = _Sink(), [], 0
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as bundle:
        for holding, _ in held:
            kind = "csv" if holding.record in AS_CSV else "json"
            file = _File(f"{holding.record}.{kind}", "", 0, holding.record, 0)
            with _Member(bundle, file, subject.now) as member:
                for rows in _pages(store, holding, subject):
                    member.write(_csv(rows, first=file.rows == 0) if kind == "csv" else _json(rows, holding, first=file.rows == 0))
                    file.rows = (file.rows or 0) + len(rows)
                    done += len(rows)
                    progress(holding.record, done)
                    yield sink.taken()
                if kind == "json":
                    member.write(b"\n]\n" if file.rows else b"[]\n")
            files.append(file)
        files.append(_text(bundle, "README.md", readme(subject, held, files), subject.now))
        _text(bundle, "manifest.json", _manifest(subject, files), subject.now)
    yield sink.taken()


class _Member:
    """One file of the archive while it is written: counted and summed as it goes."""

    def __init__(self, bundle: zipfile.ZipFile, file: _File, now: float) -> None:
        info = zipfile.ZipInfo(file.path, dt.datetime.fromtimestamp(now, dt.UTC).timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        self._into, self._file, self._sum = bundle.open(info, "w", force_zip64=True), file, hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._into.close()
        self._file.sha256 = self._sum.hexdigest()

    def write(self, data: bytes) -> None:
        """Add some."""
        self._into.write(data)
        self._sum.update(data)
        self._file.bytes += len(data)


def _text(bundle: zipfile.ZipFile, path: str, text: str, now: float) -> _File:
    file = _File(path, "", 0)
    with _Member(bundle, file, now) as member:
        member.write(text.encode())
    return file


def _pages(store: HoldingStore, holding: Holding, subject: Subject) -> Iterator[list[dict[str, Cell]]]:
    """Pages of rows. The order columns go with every page, so that the next one can begin where it ended."""
    after: tuple[Cell, ...] = ()
    most = min(PAGE, holding.page)
    while rows := store.page(holding, subject.account.id, after, most):
        after = tuple(rows[-1][name.strip('"')] for name in holding.order)
        withheld = {name for name, _ in holding.withheld}
        yield [{name: value for name, value in row.items() if name not in withheld} for row in rows]
        if len(rows) < most:
            return


def _json(rows: list[dict[str, Cell]], holding: Holding, *, first: bool) -> bytes:
    """Objects of an array that the first page opens."""
    texts = [msgspec.json.encode({name: _value(holding, name, value) for name, value in row.items()}) for row in rows]
    return (b"[\n" if first else b",\n") + b",\n".join(texts)


def _value(holding: Holding, name: str, value: Cell) -> object:
    if name not in holding.json:
        return value
    return msgspec.Raw(value if isinstance(value, bytes) else str(value).encode()) if value else None


def _csv(rows: list[dict[str, Cell]], *, first: bool) -> bytes:
    head = [rows[0].keys()] if first else []
    return written([*head, *(row.values() for row in rows)]).encode()


def _manifest(subject: Subject, files: list[_File]) -> str:
    """What is in the archive with SHA-256 sums; written last, and so not in itself."""
    held = {
        "format": FORMAT,
        "account": subject.account.id,
        "made_at": _date(subject.now),
        "made_by": f"AnyAPI {subject.version}",
        "files": files,
        "withheld": {one.record: dict(one.withheld) for one in HOLDINGS if one.withheld},
        "not_of_the_account": dict(NOT_HELD),
    }
    return msgspec.json.format(msgspec.json.encode(held), indent=1).decode() + "\n"


def readme(subject: Subject, held: list[tuple[Holding, Mapping[str, object]]], files: Sequence[_File]) -> str:
    """The archive in words: what each file and field is, how long it is kept here, and what is not in it."""
    rows = {file.record: file for file in files}
    lines = [
        f"# All that AnyAPI holds of the account {subject.account.id}",
        "",
        f"Made {_date(subject.now)} by AnyAPI {subject.version}, from the list that this gateway publishes at `/v1/privacy`.",
        f"Questions: {subject.contact or 'the operator of this gateway, in the dashboard under Privacy requests'}.",
        "",
        "No prompt, no answer and no file is in here in clear, because none is stored so. If the account keeps a prompt log, its entries",
        "are here as they are stored: for each `entry` the `piece` values (base64) in the order of `number` are an age file, which opens",
        "with an identity of one of its recipients. Times are Unix seconds, UTC; inside an `entry` of `audit_entries.json` they are",
        "milliseconds, durations microseconds, and costs billionths of a US dollar.",
        "`manifest.json` has the SHA-256 sum of every other file. In CSV a text that a spreadsheet would take for a formula has an",
        "apostrophe before it.",
    ]
    for holding, entry in held:
        file = rows[holding.record]
        lines += ["", f"## {file.path}", "", f"{file.rows} rows. Kept: {_kept(subject.account, entry)}.", ""]
        fields: object = entry["fields"]
        lines += [f"- `{_column(field['field'])}`: {field['purpose']}" for field in msgspec.convert(fields, list[dict[str, str]])]
        lines += [f"- `{name}` is **not in this file**: {why}" for name, why in holding.withheld]
    lines += ["", "## Not in this archive", ""]
    lines += [f"- `{name}`: {why}" for name, why in NOT_HELD.items()]
    lines += [
        "- what the operator wrote into the gateway's configuration, such as agreements that name this account",
        "- backups that the operator may have made",
        "- what providers keep: see their data policies; which of them saw a request stands in `usage.csv`",
        "",
    ]
    return "\n".join(lines)


def _kept(account: AccountRow, entry: Mapping[str, object]) -> str:
    """How long a record's rows are kept: of those with a number of days the account may have said another."""
    days = entry.get("ttl_days")
    if not isinstance(days, int | float):
        return str(entry.get("note", ""))
    return f"{days if account.usage_days is None else account.usage_days:g} days"


def _column(field: str) -> str:
    """A field of the inventory as its table and the file here call it: `tokens.prompt` is `prompt_tokens`."""
    whole, _, part = field.partition(".")
    return field if not part else f"{part}_tokens" if whole == "tokens" else f"{whole}_{part}"


def _date(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
