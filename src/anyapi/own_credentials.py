"""Providers' keys that accounts bring: what is declared of one is checked, its secret is checked and sealed. Stores nothing.

`anyapi credentials` and the control API share it. INVARIANT: no text made here holds a secret or a part of one.
"""

import re
import secrets

import msgspec

from anyapi.catalogue.operator import read_extension
from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import REGION, UPSTREAM_MODEL
from anyapi.config_addresses import own_base_url, region_of
from anyapi.config_secrets import ACCESS_KEY, weakness_of
from anyapi.config_values import Config
from anyapi.crypto.envelope import seal, unseal
from anyapi.crypto.root_keys import RootKeys
from anyapi.crypto.sealed import Binding, Sealed
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Auth, Provider
from anyapi.domain.ids import OWN, CredentialId, ProviderId
from anyapi.domain.snapshot import Agreement
from anyapi.errors import BadRequest, ConfigError
from anyapi.storage.rows import CredentialRow, Declared
from anyapi.upstream.bedrock_credential import is_access_key, signer_of
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.google_token import ServiceAccount
from anyapi.upstream.token_bearing import check_token_uri

_NAMES = re.compile(r"\{([^{}]*)\}")


class Keeper(msgspec.Struct, frozen=True):
    """Checks and seals for the accounts of one gateway, by its configuration."""

    config: Config

    def new_id(self) -> CredentialId:
        """For a credential that an account brings."""
        return new_id()

    def sealed(self, row: CredentialRow, text: str) -> CredentialRow:
        """The row with this secret in it, under the next version. Raises `BadRequest`, also where there is no root key to seal with."""
        if not self.config.root_keys:
            raise BadRequest(
                "This gateway has no root key, so it cannot keep a provider's key safely. Its operator makes one "
                "(openssl rand -base64 32 > root.key) and names the file in ANYAPI_ROOT_KEY_FILE, then starts the gateway again."
            )
        provider = checked_provider(self.config, row.provider, row.declared)
        return sealed_with(row, secret_of(text, provider, row.declared, self.config), self.config.root_keys)

    def agreements(self, stated: list[dict[str, object]], provider: ProviderId) -> tuple[Agreement, ...]:
        """What was signed for one key, from fields in the words of `anyapi.toml`. Raises `BadRequest` that names the first wrong field."""
        problems = Problems()
        table = Table({"agreements": [{**one, "provider": provider} for one in stated]}, problems, "agreements")
        found = read_extension(table, self.config.catalogue, self.config.loaded_at.date()).agreements
        if problems.found:
            first = problems.found[0]
            raise BadRequest(f"The agreement cannot be kept: {first.field or 'it'} {first.message}.", first.field)
        check_scope(found, provider)
        return found

    def asked_of(self, provider: Provider) -> tuple[str, ...] | None:
        """What a key of this provider needs besides itself (the variables of its address); None where the provider takes no key."""
        return None if provider.api.auth is Auth.NONE else tuple(sorted(variables_of(provider)))


def new_id() -> CredentialId:
    """For a credential that an account brings."""
    return CredentialId(f"{OWN}{secrets.token_hex(8)}")


def sealed_with(row: CredentialRow, secret: Secret, keys: RootKeys) -> CredentialRow:
    """The row with this secret sealed in it under the first root key and the next version: an older seal opens nowhere any more."""
    sealed = seal(secret, Binding(row.account, row.provider, row.id, row.version + 1), keys)
    return msgspec.structs.replace(row, key_id=sealed.key_id, wrapped=sealed.wrapped, ciphertext=sealed.ciphertext, version=row.version + 1)


def sealed_anew(row: CredentialRow, keys: RootKeys) -> CredentialRow:
    """The row with its own secret sealed again. Raises `CannotOpen`."""
    bound = Binding(row.account, row.provider, row.id, row.version)
    return sealed_with(row, unseal(Sealed(row.key_id, row.wrapped, row.ciphertext), bound, keys), keys)


def checked_provider(config: Config, name: ProviderId, declared: Declared) -> Provider:
    """The provider of this id, if an account's key can be used there with these variables. Raises `BadRequest`."""
    provider = config.catalogue.providers.get(name)
    if provider is None:
        raise BadRequest("There is no provider of that id in the catalogue.", "provider")
    if provider.api.auth is Auth.NONE:
        raise BadRequest(f"{provider.name} takes no key.", "provider")
    _check_forms(declared)
    known = variables_of(provider)
    strange = sorted(declared.variables.keys() - known)
    if strange:
        listed = f"known: {', '.join(sorted(known))}" if known else "it has none"
        raise BadRequest(f"{provider.name} has no variable {strange[0]}; {listed}.", "variables")
    problem = own_base_url(config, provider, declared.variables)[1] or region_of(declared.region, declared.variables)[1]
    if problem is not None:
        raise BadRequest(f"A key for {provider.name} cannot be used: {problem}.", "variables")
    return provider


def _check_forms(declared: Declared) -> None:
    if declared.region is not None and not REGION.fits(declared.region):
        raise BadRequest(f"region must be {REGION.description}.", "region")
    for pair in declared.deployments.items():
        if not all(map(UPSTREAM_MODEL.fits, pair)):
            raise BadRequest(f"deployments must be pairs of a model and its name, each {UPSTREAM_MODEL.description}.", "deployments")


def variables_of(provider: Provider) -> set[str]:
    """The names of what an account may have to say besides the key: what the provider's address and signature hold."""
    known = {*dict(provider.api.variables), *_NAMES.findall(provider.api.base_url)} - {*ACCESS_KEY}
    # A signature names the region, also where the address does not.
    return known | {"region"} if provider.api.auth is Auth.SIGV4 else known


def check_scope(agreements: tuple[Agreement, ...], provider: ProviderId) -> None:
    """Raise `BadRequest` unless each agreement is with this provider and about no other credential."""
    for agreement in agreements:
        if agreement.provider != provider:
            raise BadRequest(f"The agreement {agreement.id} is with {agreement.provider}, the key with {provider}.", "agreements")
        if agreement.credentials or agreement.accounts:
            raise BadRequest(
                f"The agreement {agreement.id} covers this key alone: remove `credentials` and `accounts` from it.", "agreements"
            )


def secret_of(text: str, provider: Provider, declared: Declared, config: Config) -> Secret:
    """The text as a secret, if it can be one of this provider. Raises `BadRequest`."""
    weakness = weakness_of(text, provider.api.auth)
    if weakness is not None:
        raise BadRequest(f"The key {weakness}.", "secret")
    try:
        if provider.api.auth is Auth.SERVICE_ACCOUNT:
            check_token_uri(ServiceAccount(text.encode()).token_uri, Dialer(config.networks.private_addresses))
        elif provider.api.auth is Auth.SIGV4 and is_access_key(text):
            signer_of(text, declared.variables)
    except ConfigError as error:
        raise BadRequest(f"The key cannot be used: {error.message}.", "secret") from None
    return Secret(text)
