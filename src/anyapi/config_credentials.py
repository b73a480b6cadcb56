"""Provider credentials: those that `[[credentials]]` declares and those that the environment holds under a catalogue's names.

Reads key files; never the process environment (it is passed in). INVARIANT: no text made here holds a secret or a part of one.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from anyapi.catalogue.provider_record import host_of, is_private_host
from anyapi.catalogue.reading import Table
from anyapi.catalogue.vocabulary import CREDENTIAL_ID, ENVIRONMENT_NAME, PLACEHOLDER_VALUE, PROVIDER_ID, REGION, WORD, Form
from anyapi.config_values import Config, Listen, is_loopback
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Auth, Catalogue, Provider, ProviderKind
from anyapi.domain.ids import CredentialId, ProviderId
from anyapi.domain.snapshot import Credential, Tier

OWN = "own:"
"""Begins the id of a credential that an account brought; no entry of a file may take it, or one could stand for the other."""
SHORTEST_SECRET = 8
_LARGEST_KEY_FILE = 16_384
_SECRET_FORM = re.compile(r"[\x21-\x7e]{1,8192}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PATH = Form(re.compile(r"[^\x00-\x1f\x7f]{1,1000}"), "a path")
_INLINE = ("key", "api_key", "apikey", "secret", "token", "password", "value", "bearer")
_WEAK = frozenset(
    {
        "changeme", "changethis", "replaceme", "secret", "mysecret", "topsecret", "password", "passw0rd", "example", "placeholder", "dummy",
        "dummykey", "fake", "fakekey", "test", "testing", "testtest", "testkey", "testapikey", "apikey", "myapikey", "yourapikey",
        "yourapikeyhere", "yourkey", "yourkeyhere", "yoursecret", "yourtoken", "yourtokenhere", "insertkeyhere", "insertyourkeyhere",
        "enteryourkey", "none", "null", "undefined", "todo", "default", "admin", "letmein", "12345678", "123456789", "1234567890",
        "abcdefgh", "qwertyui", "notneeded", "nokey", "nokeyneeded",
    }
)  # fmt: skip
"""Texts that stand where a key should, in lower case without anything but letters and digits."""


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
    notices: list[str] = []


class Surroundings(msgspec.Struct, frozen=True):
    """What decides whether a credential can be used."""

    catalogue: Catalogue
    env: Mapping[str, str]
    listen: Listen
    private_addresses: tuple[str, ...]


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
    key_file = table.optional_text("key_file", _PATH)
    variables_table = table.child("variables")
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
        ),
        env=table.optional_text("env", ENVIRONMENT_NAME),
        key_file=None if key_file is None else here / Path(key_file).expanduser(),
        variables={}
        if variables_table is None
        else {name: variables_table.text(name, PLACEHOLDER_VALUE) for name in variables_table.names()},
    )
    _check_name(table, declared)
    provider = catalogue.providers.get(declared.credential.provider)
    if declared.credential.provider and provider is None:
        table.note("provider", "must be a provider of the catalogue, or one of [providers]")
    if provider is not None:
        _check_key_source(table, provider, declared)
    table.done()
    return declared


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
    if declared.env is None and declared.key_file is None and not _needs_no_key(provider) and not table.has("env"):
        table.note("env", "is missing: name the environment variable that holds the key (or a file with `key_file`)")


def resolve_declared(declared: list[Declared], around: Surroundings, top: Table, found: Resolved) -> None:
    """Look up the secret and base URL of every declared credential; what is missing is noted as a problem."""
    for entry in declared:
        provider = around.catalogue.providers.get(entry.credential.provider)
        if provider is None:
            continue
        secret = _lookup(entry, around.env, top)
        variables = _variables(provider, around.env) | entry.variables
        base_url, problem = _usable_url(provider, variables, around)
        if problem is not None:
            top.problems.note(top.file, entry.place, "provider", problem)
        _keep(found, entry.credential, secret, base_url)


def resolve_keyless(names: tuple[str, ...], around: Surroundings, top: Table, found: Resolved) -> None:
    """A server without a key that `[providers.NAME]` mentions and no credential serves is used: saying so is declaring it."""
    served = {credential.provider for credential in found.credentials}
    for name in names:
        provider = around.catalogue.providers.get(ProviderId(name))
        if provider is None or provider.id in served or provider.kind is not ProviderKind.LOCAL or not _needs_no_key(provider):
            continue
        base_url, problem = _usable_url(provider, _variables(provider, around.env), around)
        if problem is not None:
            top.problems.note(top.file, f"providers.{name}", "api.base_url", problem)
        _keep(found, Credential(CredentialId(f"local:{name}"), provider.id), None, base_url)


def discover(around: Surroundings, top: Table, found: Resolved) -> None:
    """Credentials under the catalogue's own variable names, for every provider that no declared credential serves.

    An empty variable counts as not set (container files pass them on so); a weak one is a problem. Their tier is undeclared.
    """
    served = {credential.provider for credential in found.credentials}
    for provider in around.catalogue.providers.values():
        names = (provider.api.env, *provider.api.env_alternatives)
        name = next((name for name in names if name and around.env.get(name)), None)
        if name is None or provider.id in served:
            continue
        weakness = weakness_of(around.env[name])
        if weakness is not None:
            top.problems.note("environment", None, name, f"{weakness}; set the key of {provider.name}, or unset the variable")
            continue
        base_url, problem = _usable_url(provider, _variables(provider, around.env), around)
        if problem is not None:
            found.notices.append(f"{name} is set, but {provider.id} is not used: {problem}.")
            continue
        _keep(found, Credential(CredentialId(f"env:{name}"), provider.id), Secret(around.env[name]), base_url)


def own_base_url(config: Config, provider: Provider, variables: Mapping[str, str]) -> tuple[str, str | None]:
    """Where an account's own credential is used, and why it cannot be (None when it can).

    Placeholders are filled from `variables` alone: the operator's own deployment is not where an account's key belongs.
    """
    around = Surroundings(config.catalogue, {}, config.server.listen, config.private_addresses)
    return _usable_url(provider, variables, around)


def weakness_of(text: str) -> str | None:
    """Why a text cannot be a provider's key, in words that do not hold it; None when it can."""
    if not text:
        return "is empty"
    if not _SECRET_FORM.fullmatch(text):
        return "has spaces, line ends or characters outside ASCII, or is longer than 8192"
    if len(text) < SHORTEST_SECRET:
        return f"is shorter than {SHORTEST_SECRET} characters, so it is no key"
    bare = re.sub(r"[^a-z0-9]", "", text.lower()).removeprefix("sk")
    if bare in _WEAK or len(set(bare)) <= 1 or text.startswith(("<", "${", "{{")):
        return "is a placeholder, not a key"
    return None


def _lookup(entry: Declared, env: Mapping[str, str], top: Table) -> Secret | None:
    if entry.env is not None:
        if entry.env not in env:
            top.problems.note(top.file, entry.place, "env", f"{entry.env} is not set in the environment; set it to the key")
            return None
        return _checked(env[entry.env], entry.place, "env", f"the value of {entry.env}", top)
    if entry.key_file is None:
        return None
    try:
        with entry.key_file.open("rb") as file:
            text = file.read(_LARGEST_KEY_FILE).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        top.problems.note(top.file, entry.place, "key_file", f"cannot be read ({why})")
        return None
    return _checked(text, entry.place, "key_file", "its content", top)


def _checked(text: str, place: str, field: str, subject: str, top: Table) -> Secret | None:
    weakness = weakness_of(text)
    if weakness is None:
        return Secret(text)
    top.problems.note(top.file, place, field, f"{subject} {weakness}")
    return None


def _keep(found: Resolved, credential: Credential, secret: Secret | None, base_url: str) -> None:
    found.credentials.append(credential)
    found.base_urls[credential.id] = base_url
    if secret is not None:
        found.secrets[credential.id] = secret


def _needs_no_key(provider: Provider) -> bool:
    return provider.api.auth is Auth.NONE or provider.api.key_optional


def _variables(provider: Provider, env: Mapping[str, str]) -> dict[str, str]:
    return {name: env[variable] for name, variable in provider.api.variables if env.get(variable)}


def _usable_url(provider: Provider, variables: Mapping[str, str], around: Surroundings) -> tuple[str, str | None]:
    """The filled base URL, and why it cannot be used (None when it can)."""
    names = dict(provider.api.variables)
    base_url = provider.api.base_url
    for name in _PLACEHOLDER.findall(base_url):
        hint = f"{names[name]}, or `variables.{name}` of a credential" if name in names else f"`variables.{name}` of a credential"
        if name not in variables:
            return base_url, f"its address needs {name}: set {hint}"
        # A value with a slash or a dot would send the key to a host of somebody else's choice.
        if not PLACEHOLDER_VALUE.fits(variables[name]):
            return base_url, f"{name} must be {PLACEHOLDER_VALUE.description}: correct {hint}"
        base_url = base_url.replace(f"{{{name}}}", variables[name])
    host = host_of(base_url)
    if _is_ourselves(base_url, host, around.listen):
        return base_url, "its address is where this gateway listens itself; give it another port"
    if is_private_host(host) and not _allowed(host, around.private_addresses):
        network = "127.0.0.0/8" if host == "localhost" else f"{host}/{128 if ':' in host else 32}"
        return base_url, f'its address is private; to allow it, write [network] private_addresses = ["{network}"]'
    return base_url, None


def _is_ourselves(base_url: str, host: str, listen: Listen) -> bool:
    if listen.port is None or listen.host is None or not is_loopback(host):
        return False
    port = re.fullmatch(r"https?://(?:\[[^\]]*\]|[^/:]*):(\d+)(?:/.*)?", base_url)
    return port is not None and int(port.group(1)) == listen.port and (listen.is_local or listen.host in ("0.0.0.0", "::"))


def _allowed(host: str, networks: tuple[str, ...]) -> bool:
    addresses = ("127.0.0.1", "::1") if host == "localhost" or host.endswith(".localhost") else (host,)
    for text in networks:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            continue  # noted where the section was read
        if any(ipaddress.ip_address(address) in network for address in addresses):
            return True
    return False
