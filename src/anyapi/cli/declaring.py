"""What people declare about a credential of an account: options and agreement files to checked values. Stores nothing."""

import functools
from collections.abc import Callable
from pathlib import Path

import click

from anyapi.catalogue.vocabulary import PLACEHOLDER, PLACEHOLDER_VALUE, REGION, UPSTREAM_MODEL, WORD, Form
from anyapi.cli.stored import refuse_unknown
from anyapi.config import Config, read_agreements
from anyapi.domain.catalogue import Provider
from anyapi.domain.ids import ProviderId
from anyapi.domain.snapshot import Agreement
from anyapi.errors import BadRequest
from anyapi.own_credentials import check_scope, checked_provider
from anyapi.storage.rows import Declared


def with_declaration(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that describe a credential, as one argument `declared`."""

    @click.option("--region", help="Where the provider pins this key's traffic.")
    @click.option("--caller-region", help="Where the caller counts as being, for terms that depend on it.")
    @click.option("--account-state", "states", multiple=True, help="A state that the provider has imposed on its account. Repeatable.")
    @click.option("--term", "terms", multiple=True, help="Terms of the provider that were accepted. Repeatable.")
    @click.option(
        "--variable", "variables", multiple=True, metavar="NAME=VALUE", help="Fills {NAME} of the provider's address. Repeatable."
    )
    @click.option(
        "--deployment",
        "deployments",
        multiple=True,
        metavar="MODEL=NAME",
        help="Its own name of a provider's model. Repeatable: then no other.",
    )
    @functools.wraps(command)
    def run(
        region: str | None,
        caller_region: str | None,
        states: tuple[str, ...],
        terms: tuple[str, ...],
        variables: tuple[str, ...],
        deployments: tuple[str, ...],
        **rest: object,
    ) -> None:
        declared = Declared(
            region=_fitting(region, REGION, "--region"),
            caller_region=_fitting(caller_region, REGION, "--caller-region"),
            account_states=frozenset(_checked(state, WORD, "--account-state") for state in states),
            terms=frozenset(_checked(term, WORD, "--term") for term in terms),
            variables=dict(_pair(text, PLACEHOLDER, PLACEHOLDER_VALUE, "--variable") for text in variables),
            deployments=dict(_pair(text, UPSTREAM_MODEL, UPSTREAM_MODEL, "--deployment") for text in deployments),
        )
        command(declared=declared, **rest)

    return run


def check_provider(config: Config, name: str, declared: Declared) -> Provider:
    """The provider of this id, if an account's key can be used there with these variables. Raises `click.ClickException`."""
    refuse_unknown("provider", name, config.catalogue.providers, " `anyapi catalogue show` lists them.")
    try:
        return checked_provider(config, ProviderId(name), declared)
    except BadRequest as error:
        raise click.ClickException(f"{error.message} Variables of a key are given with --variable.") from None


def agreements_of(file: Path | None, provider: ProviderId, config: Config) -> tuple[Agreement, ...]:
    """The agreements of a file, each about this provider and no other credential; none without a file.

    Raises `ConfigError`, or `BadRequest` for one that is about something else.
    """
    agreements = () if file is None else read_agreements(file, config)
    check_scope(agreements, provider)
    return agreements


def _fitting(text: str | None, form: Form, option: str) -> str | None:
    return None if text is None else _checked(text, form, option)


def _checked(text: str, form: Form, option: str) -> str:
    if not form.fits(text):
        raise click.BadParameter(f"must be {form.description}", param_hint=option)
    return text


def _pair(text: str, names: Form, values: Form, option: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not names.fits(name) or not values.fits(value):
        raise click.BadParameter(f"must be NAME=VALUE, the value of {values.description}", param_hint=option)
    return name, value
