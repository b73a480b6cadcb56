"""What a store says of the policy in force, for a command that asks and needs no server. Makes no store and changes none."""

from collections.abc import Mapping

import click
import msgspec

from anyapi.cli.installed import current_store
from anyapi.cli.layers import Subject, chain, refuse_missing
from anyapi.config import Config
from anyapi.control.adopting import held
from anyapi.control.publish import contradicted, own_credentials
from anyapi.domain.ids import AccountId, ProviderId
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Contradicted, Credential, Past, PolicyContext
from anyapi.errors import StorageError
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sql_store import SqlStore


class Stored(msgspec.Struct, frozen=True):
    """What is stored of the layers that hold for somebody, and of what endpoints are judged by. Nothing, where there is no store."""

    layers: tuple[tuple[Subject, Settings], ...] = ()
    """From the gateway down, also those that ask for nothing."""
    contradictions: Contradicted = {}
    credentials: Mapping[AccountId, Mapping[ProviderId, tuple[Credential, ...]]] = {}
    held: Mapping[AccountId, tuple[Past, ...]] = {}
    source: str = ""
    """Where that is, or why it is nothing, in words."""

    @property
    def account(self) -> AccountId | None:
        """Whose requests are meant."""
        return next((AccountId(name) for (layer, name), _ in self.layers if layer is Layer.ACCOUNT), None)

    def over(self, context: PolicyContext) -> PolicyContext:
        """The context of the configuration with what is stored."""
        own = {account: dict(mine) for account, mine in self.credentials.items()}
        return msgspec.structs.replace(context, contradicted=self.contradictions, own_credentials=own, held=dict(self.held))


def stored_for(config: Config, subject: Subject, *, named: bool) -> Stored:
    """What the store of a configuration says for an account, project or key.

    Where there is none, or it cannot be read, that is nothing, and a word about it; for a `named` subject it is an error.
    Raises `click.ClickException` and `StorageError` then, and for one that is not there.
    """
    try:
        driver = current_store(config.data_dir, config.database_url)
        if driver is None:
            return _without(_place(config), named=named)
        with SqlStore(driver) as store, SqlReview(driver) as review:
            if named:
                refuse_missing(store, subject)
            return Stored(
                tuple((one, store.settings(*one)) for one in chain(store, subject)),
                contradicted(store.contradictions()),
                own_credentials(store.credentials()),
                held(review),
                f"what is stored in {_place(config)}",
            )
    except StorageError as error:
        if named:
            raise
        click.echo(f"Without what is stored: {error.message}", err=True)
        return Stored(source=f"what is stored in {_place(config)} cannot be read")


def _place(config: Config) -> str:
    return str(config.data_dir) if config.database_url is None else "the database"


def _without(place: str, *, named: bool) -> Stored:
    if named:
        raise click.ClickException(f"Nothing is stored in {place} yet, so there is no account, project or key of that id.")
    return Stored(source=f"nothing is stored in {place} yet")
