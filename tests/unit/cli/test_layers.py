"""Which stored layers hold for somebody, and what is said of one that is not there."""

import click
import pytest
from tests.conformance.samples import key_row

from anyapi.cli.layers import GATEWAY, chain, named_by, only_one, refuse_missing
from anyapi.domain.requirement import Layer
from anyapi.storage.rows import AccountRow, ProjectRow
from anyapi.storage.sqlite import SqliteStore

ACME, WEB = (Layer.ACCOUNT, "acme"), (Layer.PROJECT, "web")


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path) as opened:
        opened.add_account(AccountRow("acme", "Acme", 0.0))
        opened.add_project(ProjectRow("web", "acme", "Web", 0.0))
        opened.add_key(key_row(1, account="acme", project="web"))
        opened.add_key(key_row(2, account="acme"))
        yield opened


@pytest.mark.parametrize(
    ("subject", "layers"),
    [
        (GATEWAY, [GATEWAY]),
        (ACME, [GATEWAY, ACME]),
        (WEB, [GATEWAY, ACME, WEB]),
        ((Layer.KEY, "key_1"), [GATEWAY, ACME, WEB, (Layer.KEY, "key_1")]),
        ((Layer.KEY, "key_2"), [GATEWAY, ACME, (Layer.KEY, "key_2")]),
        ((Layer.KEY, "key_3"), [GATEWAY]),
    ],
)
def test_from_the_gateway_down(store, subject, layers):
    assert chain(store, subject) == layers


def test_one_is_named_or_none(store):
    assert named_by(None, None, None) == []
    assert only_one(named_by("acme", None, None), GATEWAY) == ACME
    assert only_one([], GATEWAY) == GATEWAY
    with pytest.raises(click.UsageError, match="name one layer"):
        only_one(named_by("acme", "web", None), GATEWAY)


@pytest.mark.parametrize(
    ("subject", "near"), [((Layer.ACCOUNT, "acm"), "acme"), ((Layer.PROJECT, "wep"), "web"), ((Layer.KEY, "x"), "list")]
)
def test_what_is_not_there_is_refused_with_near_names(store, subject, near):
    for known in (GATEWAY, ACME, WEB, (Layer.KEY, "key_1")):
        refuse_missing(store, known)
    with pytest.raises(click.ClickException, match=near):
        refuse_missing(store, subject)
