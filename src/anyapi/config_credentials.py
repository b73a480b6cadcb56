"""Provider credentials: those that `[[credentials]]` declares and those that the environment holds under a catalogue's names.

Reads key files; never the process environment (it is passed in). INVARIANT: no text made here holds a secret or a part of one.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from anyapi.catalogue.check import unknown_provider
from anyapi.catalogue.reading import Table
from anyapi.catalogue.vocabulary import CREDENTIAL_ID, ENVIRONMENT_NAME, PLACEHOLDER_VALUE, PROVIDER_ID, REGION, UPSTREAM_MODEL, WORD, Form
from anyapi.config_addresses import Surroundings, region_of, usable_url
from anyapi.config_secrets import ACCESS_KEY, Unreadable, access_key_in, from_file, from_variable, variables_in, variables_of, weakness_of
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Auth, Catalogue, Provider, ProviderKind
from anyapi.domain.ids import OWN, CredentialId, ProviderId
from anyapi.domain.snapshot import Credential, Tier

_MISSING = "is missing: name the variable that holds the key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_INLINE = ("key", "api_key", "apikey", "secret", "token", "password", "value", "bearer", *ACCESS_KEY)


class Declared(msgspec.Struct, frozen=True):
    """One `[[credentials]]` entry before its secret is looked up. `place` names it in problems."""

    place: str
    credential: Credential
    env: str | None
    key_file: Path | None
    variables: dict[str, str]


class Resolved(msgspec.Struct):
    """Credentials that can be used, as they are gathered."""

    credentials: list[Credential] = []
    secrets: dict[CredentialId, Secret] = {}
    base_urls: dict[CredentialId, str] = {}
    variables: dict[CredentialId, dict[str, str]] = {}
    notices: list[str] = []


def read_credentials(top: Table, catalogue: Catalogue, here: Path) -> list[Declared]:
    """Read `[[credentials]]`; paths are relative to `here`. Looks up no secret."""
    declared: list[Declared] = []
    for table in top.children("credentials"):
        entry = _read_credential(table, catalogue, here)
        if any(other.credential.id == entry.credential.id for other in declared):
            table.problems.note(table.file, entry.place, "id", "is there twice")
        declared.append(entry)
    return declared


def _read_credential(table: Table, catalogue: Catalogue, here: Path) -> Declared:
    identity = table.peek("id")
    place = f"credentials.{identity}" if isinstance(identity, str) and CREDENTIAL_ID.fits(identity) else table.path
    table.record, table.path = place, ""
    _refuse_inline_secrets(table)
    key_file = table.file_path("key_file", here)
    declared = Declared(
        place,
        Credential(
            id=CredentialId(table.text("id", CREDENTIAL_ID)),
            provider=ProviderId(table.text("provider", PROVIDER_ID)),
            tier=table.choice("tier", Tier, Tier.UNDECLARED),
            region=table.optional_text("region", REGION),
            caller_region=table.optional_text("caller_region", REGION),
            account_states=frozenset(table.words("account_states", WORD)),
            terms=frozenset(table.words("terms", WORD)),
            deployments=_named(table, "deployments", UPSTREAM_MODEL, UPSTREAM_MODEL),
        ),
        env=table.optional_text("env", ENVIRONMENT_NAME),
        key_file=key_file,
        variables=_named(table, "variables", None, PLACEHOLDER_VALUE),
    )
    _check_name(table, declared)
    provider = catalogue.providers.get(declared.credential.provider)
    if declared.credential.provider and provider is None:
        table.note("provider", unknown_provider(declared.credential.provider, catalogue.providers))
    if provider is not None:
        _check_key_source(table, provider, declared)
    table.done()
    return declared


def _named(table: Table, key: str, names: Form | None, values: Form) -> dict[str, str]:
    """A table of texts, each name and value in its form."""
    child = table.child(key)
    found = {} if child is None else {name: child.text(name, values) for name in child.names()}
    for name in found:
        if names is not None and not names.fits(name):
            table.note(key, f"each name must be {names.description}")
        if name in ACCESS_KEY:
            table.note(key, f"{name} is a secret, which never stands in this file: name its environment variable with `env`")
    return found


def _refuse_inline_secrets(table: Table) -> None:
    for name in _INLINE:
        if table.peek(name) is not None:
            table.raw(name)
            table.note(name, "a secret never stands in this file: name its environment variable with `env`, or its file with `key_file`")


def _check_name(table: Table, declared: Declared) -> None:
    if declared.credential.id.startswith(OWN):
        table.note("id", f"`{OWN}` begins the ids of credentials that accounts bring; choose another")


def _check_key_source(table: Table, provider: Provider, declared: Declared) -> None:
    if declared.env is not None and declared.key_file is not None:
        table.note("key_file", "stands beside `env`; keep one of them")
    if provider.api.auth is Auth.SIGV4:
        return  # without a key of its own it is the access key of the environment
    if declared.env is None and declared.key_file is None and not _needs_no_key(provider) and not table.has("env"):
        table.note("env", "is missing: name the environment variable that holds the key (or a file with `key_file`)")


def resolve_declared(declared: list[Declared], around: Surroundings, top: Table, found: Resolved) -> None:
    """Look up the secret and base URL of every declared credential; what is missing is noted as a problem."""
    for entry in declared:
        provider = around.catalogue.providers.get(entry.credential.provider)
        if provider is None:
            continue
        secret = _lookup(entry, provider, around.env, top)
        problem = _keep(found, provider, entry.credential, secret, around, entry.variables)
        if problem is not None:
            top.problems.note(top.file, entry.place, "provider", problem)


def check_key_files(declared: list[Declared], catalogue: Catalogue, top: Table) -> None:
    """Note each `key_file` that cannot be read, or holds no usable key. Looks nothing up in the environment and keeps nothing."""
    for entry in declared:
        provider = catalogue.providers.get(entry.credential.provider)
        if provider is not None and entry.key_file is not None:
            _lookup(entry, provider, {}, top)


def resolve_keyless(names: tuple[str, ...], around: Surroundings, top: Table, found: Resolved) -> None:
    """A server without a key that `[providers.NAME]` mentions and no credential serves is used: saying so is declaring it."""
    served = {credential.provider for credential in found.credentials}
    for name in names:
        provider = around.catalogue.providers.get(ProviderId(name))
        if provider is None or provider.id in served or provider.kind is not ProviderKind.LOCAL or not _needs_no_key(provider):
            continue
        problem = _keep(found, provider, Credential(CredentialId(f"local:{name}"), provider.id), None, around)
        if problem is not None:
            top.problems.note(top.file, f"providers.{name}", "api.base_url", problem)


def discover(around: Surroundings, top: Table, found: Resolved) -> None:
    """Credentials under the catalogue's own variable names, for every provider that no declared credential serves.

    An empty variable counts as not set (container files pass them on so); a weak one is a problem. Their tier is undeclared.
    """
    served = {credential.provider for credential in found.credentials}
    for provider in around.catalogue.providers.values():
        text, name = _found_in(provider, around.env)
        if not name or provider.id in served:
            continue
        auth = provider.api.auth
        try:
            text = from_variable(text, auth)
            weakness = weakness_of(text, auth)
        except Unreadable as error:
            weakness = str(error)
        if weakness is not None and auth is not Auth.SERVICE_ACCOUNT:
            top.problems.note("environment", None, name, f"{weakness}; set the key of {provider.name}, or unset the variable")
            continue
        # Google's variable is there for many other programs, and may name a file of another kind: no reason not to start.
        problem = (
            f"it {weakness}"
            if weakness
            else _keep(found, provider, Credential(CredentialId(f"env:{name}"), provider.id), Secret(text), around)
        )
        if problem is not None:
            found.notices.append(f"{name} is set, but {provider.id} is not used: {problem}.")


def _found_in(provider: Provider, env: Mapping[str, str]) -> tuple[str, str]:
    """What the environment holds of a provider's secret, and under which name; empty where there is none."""
    names = (provider.api.env, *provider.api.env_alternatives)
    name = next((name for name in names if name and env.get(name)), None)
    return (env[name], name) if name else access_key_in(provider, env) or ("", "")


def _lookup(entry: Declared, provider: Provider, env: Mapping[str, str], top: Table) -> Secret | None:
    """The secret of a declared credential; None where it needs none, or a problem was noted."""
    auth, field = provider.api.auth, "key_file" if entry.key_file is not None else "env"
    try:
        if entry.key_file is not None:
            subject, text = "its content", from_file(entry.key_file)
        elif entry.env is not None:
            if entry.env not in env:
                top.problems.note(top.file, entry.place, field, f"{entry.env} is not set in the environment; set it to the key")
                return None
            subject, text = f"the value of {entry.env}", from_variable(env[entry.env], auth)
        else:
            found = access_key_in(provider, env)
            if found is None:
                if auth is Auth.SIGV4:
                    top.problems.note(top.file, entry.place, field, _MISSING)
                return None
            text, subject = found
    except Unreadable as error:
        top.problems.note(top.file, entry.place, field, str(error))
        return None
    weakness = weakness_of(text, auth)
    if weakness is None:
        return Secret(text)
    top.problems.note(top.file, entry.place, field, f"{subject} {weakness}")
    return None


def _keep(
    found: Resolved,
    provider: Provider,
    credential: Credential,
    secret: Secret | None,
    around: Surroundings,
    declared: Mapping[str, str] | None = None,
) -> str | None:
    """Keep a credential with the address it is used at and the region that is in; why it cannot be used (None when it can)."""
    stated = {} if secret is None else variables_of(secret.reveal(), provider.api.auth)
    variables = stated | variables_in(provider, around.env) | dict(declared or {})
    base_url, problem = usable_url(provider, variables, around)
    region, misplaced = region_of(credential.region, variables)
    if problem or misplaced:
        return problem or misplaced
    found.credentials.append(msgspec.structs.replace(credential, region=region))
    found.base_urls[credential.id], found.variables[credential.id] = base_url, variables
    if secret is not None:
        found.secrets[credential.id] = secret
    return None


def _needs_no_key(provider: Provider) -> bool:
    return provider.api.auth is Auth.NONE or provider.api.key_optional
