"""The stored layers that hold for somebody, from the gateway down. Reads a store; changes nothing and merges nothing."""

import click

from anyapi.cli.stored import refuse_unknown
from anyapi.domain.ids import KeyId
from anyapi.domain.requirement import Layer
from anyapi.storage.rows import GATEWAY_SUBJECT
from anyapi.storage.sql_store import SqlStore

Subject = tuple[Layer, str]
GATEWAY: Subject = (Layer.GATEWAY, GATEWAY_SUBJECT)


def named_by(account: str | None, project: str | None, key: str | None) -> list[Subject]:
    """What the options --account, --project and --key name."""
    given = ((Layer.ACCOUNT, account), (Layer.PROJECT, project), (Layer.KEY, key))
    return [(layer, name) for layer, name in given if name is not None]


def only_one(named: list[Subject], otherwise: Subject, more: str = "") -> Subject:
    """The one that is named. Raises `click.UsageError` if there are several: a key has an account and may have a project already."""
    if len(named) > 1:
        raise click.UsageError(f"name one layer: --account, --project, --key{more}")
    return named[0] if named else otherwise


def chain(store: SqlStore, subject: Subject) -> list[Subject]:
    """The stored layers from the gateway down to `subject`."""
    layer, name = subject
    if layer is Layer.KEY:
        key = store.key(KeyId(name))
        if key is None:
            return [GATEWAY]
        project = [] if key.project is None else [(Layer.PROJECT, str(key.project))]
        return [GATEWAY, (Layer.ACCOUNT, key.account), *project, subject]
    if layer is Layer.PROJECT:
        owners = [(Layer.ACCOUNT, str(row.account)) for row in store.projects() if row.id == name]
        return [GATEWAY, *owners, subject]
    return [GATEWAY] if layer is Layer.GATEWAY else [GATEWAY, subject]


def refuse_missing(store: SqlStore, subject: Subject) -> None:
    """Raise `click.ClickException` with near names for an account, project or key that the store has not."""
    layer, name = subject
    if layer is Layer.ACCOUNT:
        refuse_unknown("account", name, (row.id for row in store.accounts()))
    elif layer is Layer.PROJECT:
        refuse_unknown("project", name, (row.id for row in store.projects()))
    elif layer is Layer.KEY:
        known = store.keys()
        refuse_unknown("key", name, [row.id for row in known], " `anyapi keys list` shows the ids.")
