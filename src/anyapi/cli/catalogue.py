"""`anyapi catalogue`: check source files and operator files, show records, compare two catalogues. What changes something is beside it."""

import datetime as dt
import os
import re
from pathlib import Path

import click

from anyapi.catalogue.diff import diff as difference
from anyapi.catalogue.load import PACKAGED, decode, load_catalogue
from anyapi.catalogue.source import MODELS_FILE, PROVIDERS_FILE, read_catalogue, read_files
from anyapi.cli.catalogue_update import accept, compile_, pending, update
from anyapi.cli.installed import installed_if_current
from anyapi.cli.output import print_json, print_table
from anyapi.cli.records import endpoint_row, print_provider, provider_row
from anyapi.config import check_config_file, load_config
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import ModelId, ProviderId
from anyapi.errors import CatalogueError, ConfigError
from anyapi.policy.nearest import nearest
from anyapi.regular_file import read_regular

_EXISTING = click.Path(path_type=Path, exists=True)


@click.group()
def catalogue() -> None:
    """Check, show, compare and update catalogues of providers and models."""


for _command in (update, pending, accept, compile_):
    catalogue.add_command(_command)


@catalogue.command()
@click.argument("files", nargs=-1, type=_EXISTING)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Check FILES: a directory with YAML, single YAML files, or an anyapi.toml. Without FILES, the catalogue of this installation.

    Prints everything that is wrong, each with file, record and field, and exits with 1. The files that an anyapi.toml names for keys are
    read as `anyapi serve` reads them; the environment is not.
    """
    found: list[CatalogueError | ConfigError] = []
    lines: list[str] = []
    for path in files or (PACKAGED,):
        try:
            lines.append(f"{path}: {_summary(_checked(path, files=True))}")
        except (CatalogueError, ConfigError) as error:
            found += error.problems or (error,)
    if as_json:
        print_json({"ok": not found, "checked": lines, "problems": [_as_problem(problem) for problem in found]})
    else:
        _print_checked(lines, found)
    ctx.exit(1 if found else 0)


@catalogue.command()
@click.argument("name", required=False, metavar="[PROVIDER|MODEL]")
@click.option(
    "--config",
    "config_file",
    type=_EXISTING,
    help="Show the catalogue as this file extends it (default: anyapi.toml here, if there is one).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(name: str | None, config_file: Path | None, as_json: bool) -> None:
    """Show all providers, one PROVIDER with its data policy and sources, or one MODEL with its endpoints.

    As a gateway here has them: with what the configuration adds and corrects, and with the newest installed update.
    """
    shown = load_config(config_file, os.environ, dt.datetime.now(dt.UTC), secrets=False, base_of=installed_if_current).catalogue
    if name is None:
        _show_all(shown, as_json=as_json)
    elif ProviderId(name) in shown.providers:
        provider = shown.providers[ProviderId(name)]
        endpoints = [endpoint for model in shown.models.values() for endpoint in model.endpoints if endpoint.provider == name]
        if as_json:
            print_json({"provider": provider, "endpoints": endpoints})
        else:
            print_provider(provider, endpoints)
    elif ModelId(name) in shown.models:
        model = shown.models[ModelId(name)]
        if as_json:
            print_json(model)
        else:
            columns = ("endpoint", "status", "context", "$/M in", "$/M out", "free", "region", "abilities")
            print_table(columns, map(endpoint_row, model.endpoints), f"{model.id} ({model.name})")
    else:
        near = nearest(name, [*shown.providers, *shown.models])
        hint = f" Close to it: {', '.join(near)}." if near else ""
        raise click.ClickException(f"no provider and no model is called that.{hint} `anyapi catalogue show` lists them all")


@catalogue.command()
@click.argument("old", type=_EXISTING)
@click.argument("new", type=_EXISTING)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Say what changed from OLD to NEW: catalogue.json files, directories with YAML, or anyapi.toml files."""
    before, after = _any_catalogue(old), _any_catalogue(new)
    changes = difference(before, after)
    if as_json:
        print_json({"old": before.version, "new": after.version, "changes": changes})
        return
    click.echo(f"{before.version[:12]} -> {after.version[:12]}: {len(changes)} changes")
    for change in changes:
        click.echo(change.text)


def _checked(path: Path, *, files: bool = False) -> Catalogue:
    """Read a path in the way that its kind asks for; raises `CatalogueError` or `ConfigError`.

    `files`: those that an anyapi.toml names for secrets are to be such as a start would take.
    """
    if path.is_dir():
        return read_catalogue(path)
    if path.suffix == ".toml":
        return check_config_file(path, dt.datetime.now(dt.UTC), files=files)
    if path.suffix == ".json":
        return decode(read_regular(path), path.name)
    # A single file is checked against the other one of this installation.
    if re.search(rb"^providers:", read_regular(path), re.MULTILINE):
        return read_files(path, PACKAGED / MODELS_FILE)
    return read_files(PACKAGED / PROVIDERS_FILE, path)


def _print_checked(lines: list[str], found: list[CatalogueError | ConfigError]) -> None:
    for line in lines:
        click.echo(line)
    for problem in found:
        click.echo(problem.message, err=True)
    if found:
        click.echo(f"{len(found)} problems" if len(found) > 1 else "1 problem", err=True)


def _any_catalogue(path: Path) -> Catalogue:
    return load_catalogue(path) if path.is_dir() and not (path / PROVIDERS_FILE).exists() else _checked(path)


def _summary(checked: Catalogue) -> str:
    endpoints = sum(len(model.endpoints) for model in checked.models.values())
    return f"{len(checked.providers)} providers, {len(checked.models)} models, {endpoints} endpoints; version {checked.version[:12]}"


def _as_problem(error: CatalogueError | ConfigError) -> dict[str, str | None]:
    record = error.record if isinstance(error, CatalogueError) else None
    return {"file": error.file, "record": record, "field": error.field, "message": error.message}


def _show_all(shown: Catalogue, *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    served: dict[ProviderId, int] = {}
    for model in shown.models.values():
        for endpoint in model.endpoints:
            served[endpoint.provider] = served.get(endpoint.provider, 0) + 1
    columns = ("provider", "kind", "training", "retention", "zero retention", "review", "certifications", "regions", "known", "endpoints")
    rows = (provider_row(provider, served.get(provider.id, 0)) for provider in shown.providers.values())
    print_table(columns, rows, f"{_summary(shown)}, compiled {shown.compiled}")
