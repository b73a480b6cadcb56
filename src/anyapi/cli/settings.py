"""`anyapi settings`: show and change what the stored layers ask. Every layer can only tighten, so no change here widens another's."""

import functools
from collections.abc import Callable

import click

from anyapi.cli.layers import GATEWAY, Subject, chain, named_by, only_one, refuse_missing
from anyapi.cli.output import print_json, print_table
from anyapi.cli.rules import apply, assignments, clear, stored_name
from anyapi.cli.stored import Place, confirm, finish, in_force_text, with_store
from anyapi.domain.requirement import Layer, Requirement, Settings
from anyapi.policy.as_fields import data_policy
from anyapi.policy.merge import merge
from anyapi.storage.rows import GATEWAY_SUBJECT, STORED_LAYERS


@click.group()
def settings() -> None:
    """Show and set the data policy of a layer: the gateway, an account, a project or a key."""


def _with_subject(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a layer, as one argument `subject`."""

    @click.option("--account", help="The account of this id.")
    @click.option("--project", help="The project of this id.")
    @click.option("--key", help="The API key of this id (key_...).")
    @click.option("--layer", type=click.Choice([layer.value for layer in STORED_LAYERS]), help="The layer, with --id (gateway has none).")
    @click.option("--id", "subject_id", help="The account, project or key of --layer.")
    @functools.wraps(command)
    def run(account: str | None, project: str | None, key: str | None, layer: str | None, subject_id: str | None, **rest: object) -> None:
        named = named_by(account, project, key)
        if layer is not None:
            if (subject_id is None) != (layer == Layer.GATEWAY):
                raise click.UsageError("--layer account, project or key needs --id; --layer gateway takes none")
            named.append((Layer(layer), subject_id or GATEWAY_SUBJECT))
        elif subject_id is not None:
            raise click.UsageError("--id needs --layer")
        command(subject=only_one(named, GATEWAY, " or --layer"), **rest)

    return run


@settings.command()
@_with_subject
@with_store
def show(place: Place, subject: Subject) -> None:
    """Show what one layer asks (the gateway if none is named), and what holds there with the layers above it."""
    refuse_missing(place.store, subject)
    own = place.store.settings(*subject)
    in_force = _in_force(place, subject)
    if place.as_json:
        layers = {field: sorted(in_force.layers[stored_name(field)]) for field in assignments(in_force)}
        print_json(
            {
                "layer": subject[0],
                "id": subject[1] or None,
                "settings": data_policy(own),
                "in_force": data_policy(in_force),
                "held_by": layers,
                "hash": in_force.hash,
            }
        )
        return
    rows = [
        (field, assignments(own).get(field, "-"), text, ", ".join(sorted(in_force.layers[stored_name(field)])))
        for field, text in assignments(in_force).items()
    ]
    title = f"{subject[0]} {subject[1]}".strip()
    if not rows:
        click.echo(f"{title}: nothing is asked; every provider may be used")
        return
    print_table(("setting", "asked here", "in force", "held by"), rows, title)


@settings.command("set")
@click.argument("assigned", nargs=-1, required=True, metavar="FIELD=VALUE...")
@_with_subject
@with_store
def set_(place: Place, subject: Subject, assigned: tuple[str, ...]) -> None:
    """Set fields of one layer: training_allowed=false retention_days=30 ... Fields that are not named stay as they are."""
    refuse_missing(place.store, subject)
    _change(place, subject, lambda current: apply(current, assigned, place.known))


@settings.command()
@click.argument("fields", nargs=-1, required=True, metavar="FIELD...")
@_with_subject
@with_store
def unset(place: Place, subject: Subject, fields: tuple[str, ...]) -> None:
    """Take fields of one layer back: it asks nothing about them any more. What other layers ask stays."""
    refuse_missing(place.store, subject)
    _change(place, subject, lambda current: clear(current, fields))


def _change(place: Place, subject: Subject, change: Callable[[Settings], Settings]) -> None:
    changed = place.store.change_settings(*subject, change, place.now)
    confirmation = confirm(place, "settings")
    in_force = _in_force(place, subject)
    if place.as_json:
        print_json(
            {
                "layer": subject[0],
                "id": subject[1] or None,
                "settings": data_policy(changed),
                "in_force": data_policy(in_force),
                "confirmation": confirmation,
            }
        )
    else:
        click.echo(f"{subject[0]} {subject[1]}".strip() + f" asks: {_line(assignments(changed))}")
        click.echo(f"with the layers above: {_line(assignments(in_force))}")
        click.echo(in_force_text(confirmation))
    finish(confirmation)


def _line(asked: dict[str, str]) -> str:
    return " ".join(f"{field}={text}" for field, text in asked.items()) or "nothing"


def _in_force(place: Place, subject: Subject) -> Requirement:
    """Give the requirement of a layer and those above it."""
    above = [(Layer.GATEWAY, place.config.policy)]
    above += [(layer, place.store.settings(layer, name)) for layer, name in chain(place.store, subject)]
    return merge(above, place.config.presets)
