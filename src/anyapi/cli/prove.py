"""`anyapi prove`: plants canaries through every path of a running gateway, searches all it can write to, and prints a signed report.

A key of its own is made for that, and revoked at the end. Without --model nothing is sent to a provider. What it leaves behind: usage rows
of its requests, a revoked key, a line in the log that says that it was planted.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from anyapi.cli.stored import NOT_CONFIRMED, Place, confirm, with_store
from anyapi.domain.ids import AccountId
from anyapi.prove.caller import Caller
from anyapi.prove.demo import demo
from anyapi.prove.examine import Say, long_prompts
from anyapi.prove.examine import prove as examine
from anyapi.prove.outcomes import outcomes
from anyapi.prove.report import KEY_NAME, Report, Signed, key_of, signed, verified
from anyapi.prove.running import Asked, classes, installation, models_of, new_key, stored_key
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
@click.option("--wait", default=WAIT, show_default=True, type=click.FloatRange(0, 600), help="Seconds before memory is searched.")
@click.option("--verify", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Check the signature of a report.")
@click.option("--public-key", help="With --verify: the key that must have signed it, in base64.")
@with_store
def prove(place: Place, /, as_demo: bool, account: str, wait: float, file: Path | None, public_key: str | None, **asked: object) -> None:
    """Search a gateway for what it must not keep, and print a signed report."""
    say: Say = (lambda _text: None) if place.as_json else (lambda text: click.echo(text, err=True))
    if file is not None:
        _print(place, Signed(verified(file.read_bytes(), public_key), public_key or "", ""), "the signature holds")
        return
    if as_demo:
        with demo() as (caller, where):
            report = examine(caller, [*outcomes(), *long_prompts(sent=True, times=LONG_PROMPTS)], sinks_of(where), wait, say)
        key = key_of(None)
    else:
        words = msgspec.convert(asked, Asked)
        with _running(place, AccountId(account), words, say) as (caller, where):
            known = [*classes(vectors=models_of(place.config.catalogue, words.models)[1] is not None, models=words.models)]
            report = examine(caller, [*known, *long_prompts(sent=False, times=LONG_PROMPTS)], sinks_of(where), wait, say)
        key = key_of(place.config.data_dir / KEY_NAME)
    _print(place, signed(report, key), "signed")
    if not report.proven:
        click.get_current_context().exit(NOT_PROVEN)


@contextlib.contextmanager
def _running(place: Place, account: AccountId, asked: Asked, say: Say) -> Iterator[tuple[Caller, Installation]]:
    """The gateway that runs here, with a key for it. Raises `click.ClickException` where none takes the key."""
    secret, row = new_key(account)
    with stored_key(place.store, row):
        confirmation = confirm(place, "keys")
        if confirmation.snapshot is None:
            say(confirmation.problem or "no gateway runs on this data directory")
            click.get_current_context().exit(NOT_CONFIRMED)
        caller, where, said = installation(place.config, place.driver, secret, asked)
        for line in said:
            say(line)
        yield caller, where
    confirm(place, "keys")


def _print(place: Place, made: Signed, verdict: str) -> None:
    report = made.report
    if place.as_json:
        click.echo(json.dumps({**msgspec.to_builtins(report), **_seal(made)}))
        return
    for line in _lines(report):
        click.echo(line)
    click.echo(f"{verdict}: {msgspec.json.encode(made).decode()}" if made.signature else verdict)


def _seal(made: Signed) -> dict[str, str]:
    return {"public_key": made.public_key, "signature": made.signature} if made.signature else {}


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
    yield f"  planted leaks found: {report.planted_leaks_found} of {report.planted_leaks}"
    yield f"  in memory after {report.waited:g} s: something of {report.short_left} of {report.short_texts} requests with short texts"
    yield f"{'proven' if report.proven else 'NOT PROVEN'}: {report.hits} hits"
