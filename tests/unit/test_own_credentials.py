"""Providers' keys that accounts bring, checked and sealed. What the command and the control API say of them: their tests."""

import datetime as dt

import msgspec
import pytest

from anyapi.config import load_config
from anyapi.crypto.envelope import unseal
from anyapi.crypto.sealed import Binding, CannotOpen, Sealed
from anyapi.domain.snapshot import Tier
from anyapi.errors import BadRequest
from anyapi.own_credentials import Keeper, check_scope, sealed_anew, secret_of, variables_of
from anyapi.storage.rows import CredentialRow, Declared

SECRET = "sk-live-0123456789abcdef"
ZERO = {"id": "zdr", "attested_by": "Ada", "document": "17", "valid_from": "2026-01-01", "valid_until": "2027-01-01", "training": "never"}


@pytest.fixture
def keeper(tmp_path):
    return Keeper(
        load_config(None, {"HOME": str(tmp_path), "ANYAPI_ROOT_KEY": bytes(range(32)).hex()}, dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
    )


def draft(keeper, provider="openai", **declared):
    return CredentialRow(keeper.new_id(), "acme", provider, Tier.PAID, "", Declared(**declared), "", b"", b"", 0, 1.0)


def opened(keeper, row):
    return unseal(
        Sealed(row.key_id, row.wrapped, row.ciphertext), Binding(row.account, row.provider, row.id, row.version), keeper.config.root_keys
    )


def test_each_seal_has_the_next_version_and_opens_for_its_own_row_alone(keeper):
    first = keeper.sealed(draft(keeper), SECRET)
    second = sealed_anew(first, keeper.config.root_keys)
    assert (first.version, second.version) == (1, 2)
    assert opened(keeper, first).reveal() == opened(keeper, second).reveal() == SECRET
    assert first.ciphertext != second.ciphertext
    for strange in ({"account": "other"}, {"version": 1}, {"id": "own:0"}):
        with pytest.raises(CannotOpen):
            opened(keeper, msgspec.structs.replace(second, **strange))


def test_ids_are_never_the_same(keeper):
    names = {keeper.new_id() for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("own:") for name in names)


def test_agreements_are_about_the_keys_own_provider_whatever_they_say(keeper):
    (found,) = keeper.agreements([{**ZERO, "provider": "anthropic"}], "openai")
    assert found.provider == "openai"
    with pytest.raises(BadRequest, match="twice"):
        keeper.agreements([ZERO, ZERO], "openai")
    with pytest.raises(BadRequest, match="with openai, the key with anthropic"):
        check_scope((found,), "anthropic")


def test_what_an_address_needs(keeper):
    providers = keeper.config.catalogue.providers
    assert variables_of(providers["amazon-bedrock"]) == {"region"}, "and never the access key, which is the secret"
    assert (keeper.asked_of(providers["azure"]), keeper.asked_of(providers["openai"]), keeper.asked_of(providers["ollama"])) == (
        ("resource",),
        (),
        None,
    )


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        ("openai", ""),
        ("openai", "your-key-here"),
        ("amazon-bedrock", "AKIAABCDEFGHIJKLMNOP:0"),
        ("google-vertex", '{"type": "service_account", "token_uri": "https://evil.example/token"}'),
    ],
)
def test_no_refusal_holds_the_text(keeper, provider, text):
    found = keeper.config.catalogue.providers[provider]
    with pytest.raises(BadRequest) as refused:
        secret_of(
            text,
            found,
            Declared(),
            keeper.config,
        )
    assert not text or text not in refused.value.message
