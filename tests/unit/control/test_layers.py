"""The layers above and at a subject: only an account's own, in their order, and what they ask together."""

import msgspec
import pytest
from tests.conformance.samples import key_row

from anyapi.control.layers import chain_of, has_project, key_of, requirement_at
from anyapi.domain.requirement import Layer, Settings
from anyapi.storage.rows import AccountRow, ProjectRow

GATEWAY = (Layer.GATEWAY, "")


@pytest.fixture
def services(control):
    for name in ("acme", "other"):
        control.store.add_account(AccountRow(name, name, control.now))
        control.store.add_project(ProjectRow(f"{name}-web", name, "Web", control.now))
    control.store.add_key(key_row(1, account="acme", project="acme-web"))
    control.store.add_key(key_row(2, account="acme"))
    control.store.add_key(key_row(3, account="other"))
    return control.services


def test_a_chain_goes_from_the_gateway_down(services):
    account = [GATEWAY, (Layer.ACCOUNT, "acme")]
    project, key, loose = (Layer.PROJECT, "acme-web"), key_row(1).id, key_row(2).id
    assert chain_of(services, Layer.GATEWAY, "", None) == [GATEWAY]
    assert chain_of(services, Layer.ACCOUNT, "acme", "acme") == account
    assert chain_of(services, Layer.PROJECT, "acme-web", "acme") == [*account, project]
    assert chain_of(services, Layer.KEY, key, "acme") == [*account, project, (Layer.KEY, key)]
    assert chain_of(services, Layer.KEY, loose, "acme") == [*account, (Layer.KEY, loose)]


@pytest.mark.parametrize(
    ("layer", "subject", "account"),
    [
        (Layer.GATEWAY, "", "acme"),
        (Layer.ACCOUNT, "other", "acme"),
        (Layer.ACCOUNT, "acme", None),
        (Layer.PROJECT, "other-web", "acme"),
        (Layer.PROJECT, "nowhere", "acme"),
        (Layer.KEY, key_row(3).id, "acme"),
        (Layer.KEY, "key_none", "acme"),
        (Layer.REQUEST, "acme", "acme"),
    ],
)
def test_there_is_none_to_what_is_not_this_accounts(services, layer, subject, account):
    assert chain_of(services, layer, subject, account) is None


def test_what_an_account_owns(services):
    assert key_of(services, "acme", key_row(1).id).id == key_row(1).id
    assert key_of(services, "other", key_row(1).id) is None
    assert key_of(services, "acme", "key_none") is None
    assert (has_project(services, "acme", "acme-web"), has_project(services, "other", "acme-web")) == (True, False)


def test_a_requirement_is_what_all_layers_ask_the_floor_too(services):
    services = msgspec.structs.replace(services, floor=Settings(retention_days=30.0))
    services.store.change_settings(Layer.ACCOUNT, "acme", lambda _: Settings(training_allowed=False), 0.0)
    services.store.change_settings(Layer.KEY, key_row(2).id, lambda _: Settings(retention_days=7.0), 0.0)
    chain = chain_of(services, Layer.KEY, key_row(2).id, "acme")
    found = requirement_at(services, chain)
    assert (found.retention_days, found.training_allowed) == (7.0, False)
    found = requirement_at(services, chain, last=Settings(paid_only=True))
    assert (found.retention_days, found.training_allowed, found.paid_only) == (30.0, False, True)
    found = requirement_at(services, chain, request=Settings(retention_days=1.0))
    assert (found.retention_days, found.training_allowed) == (1.0, False)
    found = requirement_at(services, chain, request=Settings(retention_days=90.0))
    assert found.retention_days == 7.0
