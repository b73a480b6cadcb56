"""`anyapi audit`: check the audit log, export it, show its newest checkpoint, and change the key that signs it."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from anyapi.audit.entries import own_entry
from anyapi.audit.fsck import check, problem_lines
from anyapi.audit.notes import Checkpoint, PublicKey, SigningKey, signer_of, split_note
from anyapi.audit.tiles import bundle, edge_of, tile_path
from anyapi.audit.tree import TILE_WIDTH
from anyapi.cli.output import print_json
from anyapi.cli.stored import Place, with_store, with_store_that_is_there
from anyapi.config_audit import key_file_of
from anyapi.control.spreadsheet import written, written_time
from anyapi.crypto.log_keys import LOOK_SECONDS, make_key, put_in_place, read_key, replace_key
from anyapi.errors import AuditError, ConfigError
from anyapi.storage.audit_log import AppendedLog
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.driver import Conflict

FOUND = 4
"""Exit code of a check that found something wrong."""
_LARGEST_NOTE = 4096
_TRIES = 8
_COLUMNS = ("position", "kind", "at", "account", "key", "decision", "model", "endpoint", "outcome", "entry")


@click.group()
def audit() -> None:
    """Check, export and sign the log of what was decided, done and changed."""


@audit.command()
@click.option("--checkpoint", "saved", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A checkpoint kept elsewhere.")
@click.option("--key", "key_text", metavar="NAME+ID+KEY", help="The key that signs the log. Without it: that of this installation.")
@with_store_that_is_there
def fsck(place: Place, saved: Path | None, key_text: str | None) -> None:
    """Check the whole log: every entry, tile and checkpoint, against the key and against a checkpoint that was kept elsewhere."""
    note = None if saved is None else _read_note(saved)
    with AuditReader(place.driver) as reader, reader.at_rest():
        checked, waiting = check(reader, _key(place, key_text), note), reader.waiting()
    lines = problem_lines(checked, note)
    if place.as_json:
        print_json({"entries": checked.size, "sealed": checked.sealed, "problems": checked.problems, "checkpoint": checked.newest})
    else:
        for line in lines:
            click.echo(line, err=True)
        if waiting:
            click.echo(f"{waiting} changes wait for a running server to enter them", err=True)
        verdict = "NOT WHOLE" if checked.problems else "whole" if checked.size else "nothing to check"
        click.echo(f"{checked.size} entries, signed up to {checked.sealed}: {verdict}")
    if checked.problems:
        click.get_current_context().exit(FOUND)
    if not checked.size:
        where = "the database" if place.config.database_url is not None else place.config.data_dir
        raise click.ClickException(
            f"No log has been begun in {where}, so nothing was checked. Is it the gateway's? --data-dir names another."
        )


@audit.command()
@with_store_that_is_there
def checkpoint(place: Place) -> None:
    """Print the newest checkpoint. Keep it where nobody who can write the database can write: `fsck --checkpoint` holds the log to it."""
    with AuditReader(place.driver) as reader:
        newest = reader.newest()
    if newest is None:
        raise click.ClickException("There is no checkpoint yet: a running server signs the first one within a second.")
    click.echo(newest[1], nl=False)


@audit.command()
@with_store
def key(place: Place) -> None:
    """Print the public key of the log and its fingerprint: for those who verify receipts."""
    public = read_key(key_file_of(place.config.audit, place.config.data_dir)).public
    if place.as_json:
        print_json({"key": str(public), "fingerprint": public.fingerprint})
    else:
        click.echo(str(public))
        click.echo(f"fingerprint {public.fingerprint}", err=True)


@audit.command("make-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def make_key_file(file: Path) -> None:
    """Make a signing key in a new FILE, for workers that need the same one from their first start on, and print the public key."""
    if file.exists():
        raise click.ClickException(f"{file} is there already. A log that was signed with that key needs it; name a new file.")
    click.echo(str(make_key(file.absolute()).public))


@audit.command()
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv", "tiles"]), default="jsonl", show_default=True, help="How it is written."
)
@click.option("--names", is_flag=True, help="With the ids of accounts, keys and people behind the random ones, where they are still known.")
@click.argument("where", type=click.Path(path_type=Path), required=False)
@with_store_that_is_there
def export(place: Place, form: str, names: bool, where: Path | None) -> None:
    """Write the log out: lines of JSON or CSV (to WHERE, or standard output), or the files of a C2SP tile log (to the directory WHERE)."""
    if form == "tiles" and (where is None or names):
        raise click.ClickException("Tiles are written to a directory, and hold what was signed: name one, and leave out --names.")
    with AuditReader(place.driver) as reader:
        with reader.at_rest():
            count = _export(reader, form, where, with_names=names)
        reader.add_waiting(round(place.now * 1000), "audit_exported", {"entries": count, "format": form, "names": int(names)})
    click.echo(f"{count} entries written", err=True)


@audit.command()
@with_store_that_is_there
def rotate(place: Place) -> None:
    """Make a new signing key. The old one signs that the new one takes over, and the new one that it did; a server goes on with it."""
    file = key_file_of(place.config.audit, place.config.data_dir)
    _refuse_another_log(place, file)
    old, new = replace_key(file)
    driver = place.driver
    with driver.translated("extend the audit log"), contextlib.closing(driver.connect(everybody=True)) as connection:
        log = AppendedLog(driver, connection)
        log.announce(old.public, round(place.now * 1000))
        log.announce(new.public, round(place.now * 1000))
        log.seal(old)
    put_in_place(file)
    time.sleep(LOOK_SECONDS + 0.1)  # by then a running server has read it: no checkpoint of the old key comes behind this one's
    if not any(_signed_anew(place, new) for _ in range(_TRIES)):
        click.echo("A server enters much: its next checkpoint is the new key's first one.", err=True)
    if place.as_json:
        print_json({"old": str(old.public), "new": str(new.public), "fingerprint": new.public.fingerprint})
    else:
        click.echo(str(new.public))
        click.echo(f"fingerprint {new.public.fingerprint}; the old key {old.public.id.hex()} signed that it takes over", err=True)


def _refuse_another_log(place: Place, file: Path) -> None:
    """Refuse where the key of the file has not signed the log that is here: it is that of another, which would lose it."""
    key = read_key(file).public
    with AuditReader(place.driver) as reader:
        newest = reader.newest()
    if newest is None or signer_of(newest[1], [key]) is None:
        where = place.config.data_dir if place.config.database_url is None else "the database"
        raise click.ClickException(
            f"The newest checkpoint in {where} is not signed with the key of {file}, or there is none yet: nothing was changed. "
            "Is it the gateway's? --data-dir or ANYAPI_DATABASE_URL names another."
        )


def _signed_anew(place: Place, key: SigningKey) -> bool:
    """Have the new key sign the log, with an entry of its own, since a checkpoint stands over the others; False if another wrote then."""
    driver, name = place.driver, {"fingerprint": key.public.fingerprint}
    try:
        with driver.translated("extend the audit log"), contextlib.closing(driver.connect(everybody=True)) as connection:
            log = AppendedLog(driver, connection)
            with log.alone():
                log.append([(None, own_entry("key_signs", round(place.now * 1000), name))])
            log.seal(key)
    except Conflict:
        return False
    return True


def _key(place: Place, text: str | None) -> PublicKey | None:
    """The key that was named, or this installation's; none where that is held elsewhere."""
    try:
        if text is not None:
            return PublicKey.parse(text)
        return read_key(key_file_of(place.config.audit, place.config.data_dir)).public
    except AuditError as error:
        raise click.BadParameter(str(error), param_hint="--key") from None
    except ConfigError as error:
        click.echo(f"{error}; the key that the log itself names last is taken, which shows damage but no forgery", err=True)
        return None


def _read_note(file: Path) -> str:
    with file.open("rb") as opened:
        try:
            note = opened.read(_LARGEST_NOTE).decode()
            Checkpoint.parse(split_note(note)[0])
        except (UnicodeDecodeError, AuditError):
            raise click.BadParameter("not a checkpoint: `anyapi audit checkpoint` prints one", param_hint="--checkpoint") from None
    return note


def _export(reader: AuditReader, form: str, where: Path | None, *, with_names: bool) -> int:
    if form == "tiles" and where is not None:
        return _write_tiles(reader, where)
    rows = _named_rows(reader, with_names=with_names)
    if where is None:
        return _write_rows(rows, sys.stdout.write, as_csv=form == "csv")
    with where.open("x", encoding="utf-8", newline="") as file:
        return _write_rows(rows, file.write, as_csv=form == "csv")


def _named_rows(reader: AuditReader, *, with_names: bool) -> Iterator[tuple[int, dict[str, object]]]:
    """Position and fields of every entry; random ids replaced by what they stand for, if that is asked for and known."""
    known: dict[str, str] = {}
    for position, _, entry in reader.entries():
        fields: dict[str, object] = msgspec.json.decode(entry, type=dict[str, object])
        for name, value in fields.items():
            if with_names and isinstance(value, str) and value.startswith("log_"):
                if value not in known:
                    found = reader.named(value)
                    known[value] = value if found is None else found[2]
                fields[name] = known[value]
        yield position, fields


def _write_rows(rows: Iterator[tuple[int, dict[str, object]]], write: Callable[[str], object], *, as_csv: bool) -> int:
    count = 0
    if as_csv:
        write(written([_COLUMNS]))
    for position, fields in rows:
        count += 1
        if as_csv:
            whole = msgspec.json.encode(fields, order="sorted").decode()
            readable = {**fields, "at": _time(fields.get("at"))}
            write(written([[position, *(readable.get(name, "") for name in _COLUMNS[1:-1]), whole]]))
        else:
            write(msgspec.json.encode({"position": position, **fields}).decode() + "\n")
    return count


def _time(at: object) -> str:
    """Milliseconds as a date that a spreadsheet can read; the entry beside it has them as they are."""
    return written_time(at / 1000) if isinstance(at, int) else ""


def _write_tiles(reader: AuditReader, where: Path) -> int:
    """The files of C2SP tlog-tiles up to the newest checkpoint. Full ones that are there already are left: they cannot change."""
    newest = reader.newest()
    if newest is None:
        raise click.ClickException("There is no checkpoint yet: a running server signs the first one within a second.")
    size, note = newest
    for level, number, width in edge_of(size):
        for each in range(number):
            _write_once(where / tile_path(level, each), lambda each=each, level=level: reader.tile(level, each, TILE_WIDTH))  # type: ignore[misc]
        if width:
            (target := where / tile_path(level, number, width)).parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(reader.tile(level, number, width))
    for first in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - first)
        _write_once(
            where / tile_path("entries", first // TILE_WIDTH, width),
            lambda first=first, width=width: bundle(reader.some_entries(first, first + width)),  # type: ignore[misc]
        )
    (where / "checkpoint").write_text(note, encoding="utf-8")
    return size


def _write_once(file: Path, make: Callable[[], bytes]) -> None:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make())
