"""`anyapi prove`: plants canaries through every path of a running gateway, searches all it can write to, and prints a signed report.

A key of its own is made for that, and revoked at the end. Without --model nothing is sent to a provider. What it leaves behind: usage rows
of its requests, a revoked key, a line in the log that says that it was planted.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from anyapi.audit.notes import SigningKey
from anyapi.cli.stored import NOT_CONFIRMED, Place, confirm, with_store
from anyapi.config_audit import key_file_of
from anyapi.crypto.log_keys import LogKeys
from anyapi.domain.ids import AccountId
from anyapi.prove.caller import Caller
from anyapi.prove.demo import demo
from anyapi.prove.eligible import Chosen
from anyapi.prove.examine import Say, long_prompts
from anyapi.prove.examine import prove as examine
from anyapi.prove.outcomes import outcomes
from anyapi.prove.report import Report, key_of, signed, verified
from anyapi.prove.running import Asked, classes, installation, new_key, stored_key
from anyapi.prove.sinks import Installation, sinks_of
from anyapi.storage.rows import DEFAULT_ACCOUNT

NOT_PROVEN = 1
LONG_PROMPTS = 28
WAIT = 5.0


@click.command()
@click.option("--demo", "as_demo", is_flag=True, help="Prove a gateway that this command starts itself, before simulated providers.")
@click.option("--url", help="Where the gateway answers on this machine (default: as configured).")
@click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="Whose API key is made for it.")
@click.option("--model", "models", multiple=True, help="A model that may really be asked, by provider and at your cost. Repeatable.")
@click.option("--log", "logs", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A log file. Repeatable.")
@click.option(
    "--spans", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A file of the collector's. Repeatable."
)
@click.option("--postgres-data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="PostgreSQL's data directory.")
@click.option("--wait", default=WAIT, show_default=True, type=click.FloatRange(0, 600), help="Seconds before memory is searched.")
@click.option("--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help="Configuration (default: anyapi.toml here).")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where keys, settings and usage are stored.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@click.option(
    "--verify", "report", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Only check the signature of a report."
)
@click.option("--public-key", help="With --verify: the key that must have signed it, as `anyapi audit key` prints it.")
def prove(as_demo: bool, as_json: bool, report: Path | None, public_key: str | None, wait: float, **asked: object) -> None:
    """Search a gateway for what it must not keep, and print a signed report. Exits with 1 if it is not proven."""
    if report is not None:
        _print(verified(report.read_bytes(), public_key), "", as_json=as_json)
        click.echo("the signature holds", err=True)
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # what was made for it is ended too
    click.get_current_context().call_on_close(lambda: signal.signal(signal.SIGTERM, before))
    say: Say = (lambda _text: None) if as_json else (lambda text: click.echo(text, err=True))
    if as_demo:
        with demo(os.environ) as (caller, where):
            made = examine(caller, [*outcomes(), *long_prompts(sent=True, times=LONG_PROMPTS)], sinks_of(where), wait, say)
        key = key_of(None)
    else:
        at = {name: asked.pop(name) for name in ("config_file", "data_dir")}
        made, key = _of_running(**at, as_json=as_json, wait=wait, asked=msgspec.convert(asked, Asked), say=say)
    sealed = signed(made, key)
    _print(made, msgspec.json.encode(sealed).decode(), as_json=as_json)
    if not made.proven:
        click.get_current_context().exit(NOT_PROVEN)


@with_store
def _of_running(place: Place, wait: float, asked: Asked, say: Say) -> tuple[Report, SigningKey]:
    """Prove the gateway that runs on a store; the report, and the key that signs it."""
    with _running(place, asked) as (caller, where, chosen):
        known = [*classes(chosen.untried, asked.models), *long_prompts(sent=False, times=LONG_PROMPTS)]
        made = examine(caller, known, sinks_of(where), wait, say, chosen.untried)
    return made, key_of(LogKeys(key_file_of(place.config.audit, place.config.data_dir), place.config.audit_key))


@contextlib.contextmanager
def _running(place: Place, asked: Asked) -> Iterator[tuple[Caller, Installation, Chosen]]:
    """The gateway that runs here, with a key for it that ends with the block; exits where none says that it takes the key."""
    secret, row = new_key(AccountId(asked.account))
    with stored_key(place.store, row):
        confirmation = confirm(place, "keys")
        if confirmation.snapshot is None:
            click.echo(confirmation.problem or "No gateway runs on this data directory.", err=True)
            click.get_current_context().exit(NOT_CONFIRMED)
        yield installation(place.config, place.driver, secret, asked)
    confirm(place, "keys")


def _print(report: Report, sealed: str, *, as_json: bool) -> None:
    """One line, with what it was signed with; or lines for people, and what was signed in the last one."""
    if as_json:
        seal = {name: value for name, value in json.loads(sealed or "{}").items() if name != "report"}
        click.echo(json.dumps({**msgspec.to_builtins(report), **seal}))
        return
    for line in _lines(report):
        click.echo(line)
    if sealed:
        click.echo(sealed)


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.requests:,} requests, {report.outcome_classes} classes of outcomes, {report.canaries:,} canaries, {report.sinks} sinks"
    for name, size in report.searched.items():
        yield f"  searched {name}: {size:,} bytes"
    for name, why in report.unsearched.items():
        yield f"  NOT searched: {name}: {why}"
    for name in report.missed:
        yield f"  NOT proven: {name}: a leak that was planted there was not found"
    for line in report.ended_otherwise:
        yield f"  NOT proven: ended otherwise than it should: {line}"
    for line in report.found:
        yield f"  LEAK: {line}"
    for line in report.absent:
        yield f"  {line}"
    yield from _untried(report)
    yield f"  planted leaks found: {report.planted_leaks_found} of {report.planted_leaks}"
    yield f"  in memory after {report.waited:g} s: something of {report.short_left} of {report.short_texts} requests with short texts"
    yield _verdict(report)


def _untried(report: Report) -> Iterator[str]:
    """What was not tried, by reason."""
    for why in dict.fromkeys(report.untried.values()):
        yield f"  not tried: {'; '.join(name for name, reason in report.untried.items() if reason == why)}: {why}"


def _verdict(report: Report) -> str:
    """The last line. Where nothing was found it does not read as if something had been."""
    if report.proven:
        return f"proven: {report.hits} hits" + (" in all that was tried; what was not is named above" if report.untried else "")
    if report.hits:
        return f"NOT PROVEN: {report.hits} hits"
    gaps = (
        (len(report.ended_otherwise), "kinds of requests ended otherwise than they should"),
        (len(report.unsearched), "places could not be searched"),
        (len(report.missed), "searches did not find the leak that was planted for them"),
        (report.short_left, "requests with short texts left something in memory, more than one in a hundred"),
    )
    named = [f"{count} {what}" for count, what in gaps[:3] if count] or [f"{count} {what}" for count, what in gaps[3:]]
    return f"NOT PROVEN: 0 hits, nothing was found; but {', '.join(named)}"
