"""The sole reader of environment and `anyapi.toml`. Gives one frozen `Config`, or one `ConfigError` that lists everything wrong.

Where a thing can be said twice, the command line goes before the environment and the environment before the file. Does not connect to
anything and creates no directory. Never imports yaml.
"""

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.operator import Extension, apply, place_of, read_extension
from anyapi.catalogue.reading import Problems, Table
from anyapi.config_addresses import Surroundings
from anyapi.config_audit import read_audit, read_log_key
from anyapi.config_credentials import (
    Declared,
    Resolved,
    check_key_files,
    discover,
    read_credentials,
    resolve_declared,
    resolve_keyless,
)
from anyapi.config_oidc import read_oidc_secret
from anyapi.config_review import read_privacy_hook, read_smtp, read_updates, with_password
from anyapi.config_root_keys import read_root_keys, root_key_file
from anyapi.config_sections import (
    HOST_AND_PORT,
    known_names,
    listen_problem,
    parse_control_listen,
    parse_listen,
    read_control,
    read_metrics,
    read_networks,
    read_number,
    read_path,
    read_policy,
    read_presets,
    read_privacy,
    read_ranking,
    read_server,
    read_switch,
)
from anyapi.config_traces import read_traces, with_headers
from anyapi.config_values import Config, Control, Listen, Privacy, Server, ServerLimits, Tls, UpstreamLimits
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import ProviderId
from anyapi.domain.snapshot import Agreement, Credential, PolicyContext
from anyapi.regular_file import NOT_REGULAR, read_text

__all__ = [
    "ENVIRONMENT",
    "Config",
    "Control",
    "Listen",
    "Privacy",
    "Server",
    "ServerLimits",
    "Tls",
    "UpstreamLimits",
    "catalogue_over",
    "check_config_file",
    "known_names",
    "load_config",
    "not_served_yet",
    "policy_context",
    "read_agreements",
]

ENVIRONMENT = {
    "ANYAPI_AUDIT_KEY": "key that signs the audit log, in the form PRIVATE+KEY+name+id+base64",
    "ANYAPI_AUDIT_KEY_FILE": "file that holds the same, made at the first start where it is missing; goes before audit.key_file",
    "ANYAPI_CONTROL_LISTEN": "host:port of the control API and the dashboard; goes before control.listen",
    "ANYAPI_CONFIG": "path of the configuration file; without it, anyapi.toml in the working directory if there is one",
    "ANYAPI_DATABASE_URL": "postgresql://user:password@host/database; without it, SQLite in the data directory",
    "ANYAPI_DATA_DIR": "where keys, settings and usage are stored; goes before storage.data_dir",
    "ANYAPI_LISTEN": "host:port or unix:/path; goes before server.listen",
    "ANYAPI_METRICS_LISTEN": "host:port of the page for Prometheus; goes before metrics.listen",
    "ANYAPI_OIDC_CLIENT_SECRET": "what the gateway proves itself with to the sign-in service of [control.oidc]",
    "ANYAPI_PRIVACY_WEBHOOK_SECRET": "`whsec_` and at least 32 bytes in base64: what privacy.webhook_url is signed with",
    "ANYAPI_ROOT_KEY": "root key of stored credentials, 32 bytes in base64 or hex; several with white space between, the first seals",
    "ANYAPI_ROOT_KEY_FILE": "file that holds the same; goes before encryption.root_key_file",
    "ANYAPI_SCRUB": "true or false; goes before scrub.enabled",
    "ANYAPI_SMTP_PASSWORD": "password of the mail server; goes before smtp.password_file",
    "ANYAPI_TRACES_ENDPOINT": "URL that spans are sent to (OTLP over HTTP); goes before traces.endpoint",
    "ANYAPI_TRACES_HEADERS": "lines of `Name: value` that are sent with them; goes before traces.headers_file",
}
"""The variables of AnyAPI itself. Any other ANYAPI_* name is refused: a misspelt one must not pass unseen."""
_IGNORED = re.compile(r"ANYAPI_TEST_\w+|ANYAPI_PYTHON|ANYAPI_NO_DASHBOARD")
_ADDRESSES: dict[str, tuple[Callable[[str], Listen | None], Callable[[str], str]]] = {
    "ANYAPI_LISTEN": (parse_listen, listen_problem),
    "ANYAPI_CONTROL_LISTEN": (parse_control_listen, lambda _: HOST_AND_PORT),
    "ANYAPI_METRICS_LISTEN": (parse_control_listen, lambda _: HOST_AND_PORT),
}
"""Variables that hold an address: what reads it, and what to say of one that is none."""
_AUTHORITIES = "SSL_CERT_FILE"
_DEFAULT_FILE = "anyapi.toml"
_LONGEST_DAYS = 36_500.0
BaseOf: TypeAlias = Callable[[Path, Secret | None, Catalogue], Catalogue]
_TOML_REASONS = {
    "Cannot overwrite": ": the field stands there twice",
    "Cannot declare": ": the section stands there twice, or was written out in braces",
    "Cannot mutate": ": it adds to a table that was written out in braces",
    "Invalid value": ": no value begins there; text stands in quotation marks, and truth values are true and false",
    "Invalid statement": ": a line is `name = value`, `[section]` or a comment",
    "Expected '='": ": a name is followed by `=`",
    "Expected ']": ": the brackets of a section's name are not closed",
    "Expected newline": ": something stands behind the value on its line; text stands in quotation marks",
    "Unescaped": ": a backslash in text is written twice, or the text in single quotation marks",
    "Unclosed": ": a list or table is not closed",
    "Unterminated string": ": a text is not closed",
    'Expected "\'"': ": a text is not closed",
    "Illegal character": ": a text is not closed on its line, or holds a control character",
}
"""By how the parser's own words begin."""
_POSITION = re.compile(r"\(at (line \d+, column \d+|end of document)\)")


def packaged_alone(_data_dir: Path, _database_url: Secret | None, packaged: Catalogue) -> Catalogue:
    """For callers that know no store: the catalogue that ships with the product."""
    return packaged


def load_config(
    path: Path | None, env: Mapping[str, str], now: dt.datetime, *, secrets: bool = True, base_of: BaseOf = packaged_alone
) -> Config:
    """Read and check everything; `now` (UTC) dates the operator's own records. Raises `ConfigError`, and what `base_of` raises.

    `base_of` says which catalogue the operator's records are laid over: it is given the data directory, the URL of the
    database and the packaged one.

    Without `secrets` no credential is looked up: for commands that only need the store and the rules, and run where the keys are not.
    `path` is what the command line names; a file named there or by ANYAPI_CONFIG must exist.
    """
    problems = Problems()
    file = _file(path, env, problems)
    top = _parse(file, problems)
    config, declared = _read(top, file, env, now, base_of)
    _check_names(env, declared, problems)
    _check_authorities(env, problems)
    around = Surroundings(config.catalogue, env, config.server.listen, config.networks.private_addresses)
    found = Resolved()
    if secrets:
        resolve_declared(declared, around, top, found)
        resolve_keyless(_provider_sections(top), around, top, found)
        discover(around, top, found)
        keys = read_root_keys(config.root_key_file, env, problems, file)
        smtp = with_password(config.smtp, env, problems)
        oidc_secret = read_oidc_secret(config.control.oidc, env, problems)
        hook = read_privacy_hook(config.privacy, env, problems)
        audit_key, traces = read_log_key(env, problems), with_headers(config.traces, env, problems)
        config = msgspec.structs.replace(
            config, root_keys=keys, smtp=smtp, oidc_secret=oidc_secret, privacy_hook=hook, audit_key=audit_key, traces=traces
        )
    problems.raise_config_error()
    return msgspec.structs.replace(
        config,
        credentials=tuple(found.credentials),
        secrets=found.secrets,
        base_urls=found.base_urls,
        variables=found.variables,
        notices=tuple(found.notices),
    )


def check_config_file(path: Path, now: dt.datetime, *, files: bool = False) -> Catalogue:
    """Check a file without looking anything up in the environment; gives the catalogue it makes. Raises `ConfigError`.

    With `files`, what it names as holding a secret is read as at the start, and nothing of it kept.
    """
    problems = Problems()
    top = _parse(path, problems)
    config, declared = _read(top, path, {"HOME": "/"}, now, packaged_alone)
    if files:
        _check_files(config, declared, top)
    problems.raise_config_error()
    return config.catalogue


def read_agreements(path: Path, config: Config) -> tuple[Agreement, ...]:
    """The `[[agreements]]` of a file of their own, in the words of `anyapi.toml`; anything else in it is refused. Raises `ConfigError`."""
    problems = Problems()
    top = _parse(path, problems)
    extension = read_extension(top, config.catalogue, config.loaded_at.date())
    top.done()
    if extension.providers or extension.models or not extension.agreements:
        problems.note(str(path), None, None, "must hold [[agreements]] and nothing else")
    problems.raise_config_error()
    return extension.agreements


def policy_context(
    config: Config, catalogue: Catalogue, served_protocols: frozenset[str], served_embeddings: frozenset[str] = frozenset()
) -> PolicyContext:
    """What `decide` needs, over `catalogue` (usually `config.catalogue`); `served_protocols` are those that have an adapter.

    `served_embeddings` are those that have one for embeddings.
    """
    credentials: dict[ProviderId, tuple[Credential, ...]] = {}
    for credential in config.credentials:
        credentials[credential.provider] = (*credentials.get(credential.provider, ()), credential)
    return PolicyContext(catalogue, credentials, config.agreements, served_protocols, config.span_days, served_embeddings=served_embeddings)


def not_served_yet(config: Config, served_protocols: frozenset[str]) -> tuple[Credential, ...]:
    """Credentials that were found for providers whose protocol has no adapter: named at start, used by nothing."""
    providers = config.catalogue.providers
    return tuple(item for item in config.credentials if providers[item.provider].api.protocol not in served_protocols)


def _read(top: Table, file: Path | None, env: Mapping[str, str], now: dt.datetime, base_of: BaseOf) -> tuple[Config, list[Declared]]:
    """Read every section; the credentials come back as they are declared, not looked up."""
    here = file.parent if file else Path()
    data_dir = _data_dir(read_path(top.child("storage"), "data_dir", here), env, top.problems)
    database_url = _database_url(env, top.problems)
    base = base_of(data_dir, database_url, load_catalogue())
    catalogue, extension = _catalogue(top, base, now.date())
    updates = read_updates(top.child("catalogue"))
    known = known_names(catalogue)
    declared = read_credentials(top, catalogue, here)
    _check_agreements(extension.agreements, declared, top)
    config = Config(
        file=file,
        loaded_at=now,
        server=read_server(top.child("server"), here, _address("ANYAPI_LISTEN", env, top.problems)),
        data_dir=data_dir,
        policy=read_policy(top.child("policy"), known),
        presets=read_presets(top.child("classes"), known),
        catalogue=catalogue,
        base=base,
        operator_records={name: top.peek(name) for name in ("providers", "models") if top.has(name)},
        span_days=updates.span_days,
        agreements=extension.agreements,
        networks=read_networks(top.child("network")),
        usage_ttl_days=read_number(top.child("usage"), "ttl_days", 90.0, _LONGEST_DAYS),
        scrub=_scrub(read_switch(top.child("scrub"), "enabled", default=True), env, top.problems),
        privacy=read_privacy(top.child("privacy")),
        control=read_control(top, here, _address("ANYAPI_CONTROL_LISTEN", env, top.problems)),
        metrics=read_metrics(top.child("metrics"), _address("ANYAPI_METRICS_LISTEN", env, top.problems)),
        traces=read_traces(top.child("traces"), here, env, top.problems),
        ranking=read_ranking(top.child("ranking")),
        audit=read_audit(top.child("audit"), here, env),
        updates=updates,
        smtp=read_smtp(top.child("smtp"), here),
        database_url=database_url,
        root_key_file=root_key_file(read_path(top.child("encryption"), "root_key_file", here), env),
    )
    top.done()
    return config, declared


def catalogue_over(config: Config, base: Catalogue) -> Catalogue:
    """Another base with the operator's part over it, as the file had it at the start. Raises `ConfigError` if they do not fit together."""
    problems = Problems()
    top = Table(config.operator_records, problems, _DEFAULT_FILE if config.file is None else str(config.file))
    catalogue, _ = _catalogue(top, base, config.loaded_at.date())
    problems.raise_config_error()
    return catalogue


def _catalogue(top: Table, base: Catalogue, today: dt.date) -> tuple[Catalogue, Extension]:
    """The base with the operator's part over it; references are checked only between sound records."""
    before = len(top.problems.found)
    extension = read_extension(top, base, today)
    sound = len(top.problems.found) == before
    return apply(base, extension, top.problems if sound else Problems()), extension


def _check_agreements(agreements: tuple[Agreement, ...], declared: list[Declared], top: Table) -> None:
    """An agreement that names a credential nobody declares would cover nothing, silently."""
    providers = {entry.credential.id: entry.credential.provider for entry in declared}
    for agreement in agreements:
        for name in sorted(agreement.credentials):
            if name.startswith("env:"):
                continue
            if providers.get(name) != agreement.provider:
                top.problems.note(
                    top.file, place_of(agreement), "credentials", "each must be the id of a [[credentials]] entry of the same provider"
                )
                break


def _check_files(config: Config, declared: list[Declared], top: Table) -> None:
    """Note every file of a secret that the start would refuse. A key of the audit log is made there where it is missing."""
    problems, oidc = top.problems, config.control.oidc
    check_key_files(declared, config.catalogue, top)
    read_root_keys(config.root_key_file, {}, problems, config.file)
    if config.smtp is not None and config.smtp.password_file is not None:
        with_password(config.smtp, {}, problems)
    if oidc is not None and oidc.secret_file is not None:
        read_oidc_secret(oidc, {}, problems)
    if config.traces.endpoint is not None:  # which the environment may name instead: then there is nothing to hold them against
        with_headers(config.traces, {}, problems)


def _file(path: Path | None, env: Mapping[str, str], problems: Problems) -> Path | None:
    named = path or (Path(env["ANYAPI_CONFIG"]) if env.get("ANYAPI_CONFIG") else None)
    if named is None:
        default = Path(_DEFAULT_FILE)
        return default if default.is_file() else None
    if not named.is_file():
        reason = f"cannot be read ({NOT_REGULAR})" if named.exists() else "no such file"
        origin = "" if path else "; ANYAPI_CONFIG names it: correct or unset that, or name another with --config"
        problems.note(str(named), None, None, reason + origin)
        return None
    return named


def _parse(file: Path | None, problems: Problems) -> Table:
    name = _DEFAULT_FILE if file is None else str(file)
    content: dict[str, object] = {}
    try:
        content = {} if file is None else tomllib.loads(read_text(file, "utf-8-sig"))  # some editors write a byte order mark
    except OSError as error:
        problems.note(name, None, None, f"cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        problems.note(name, None, None, "must be UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        # The position, and a reason in words of ours: the parser's own may quote the file, and the file may hold what it should not.
        said = str(error)
        position, reason = _POSITION.search(said), next((text for start, text in _TOML_REASONS.items() if said.startswith(start)), "")
        problems.note(name, None, None, f"not valid TOML{f' at {position.group(1)}' if position else ''}{reason}")
    except (ValueError, RecursionError):
        problems.note(name, None, None, "not valid TOML: it nests too deep, or holds a number of thousands of digits")
    return Table(content, problems, name)


def _check_authorities(env: Mapping[str, str], problems: Problems) -> None:
    """OpenSSL reads them when something is connected to first: it would wait on a pipe then, and trust nobody where there is no file."""
    named = Path(env.get(_AUTHORITIES, ""))
    if env.get(_AUTHORITIES) and not named.is_file():
        reason = f"cannot be read ({NOT_REGULAR})" if named.exists() else "names no file: no provider's certificate could be checked"
        problems.note("environment", None, _AUTHORITIES, reason)


def _check_names(env: Mapping[str, str], declared: list[Declared], problems: Problems) -> None:
    named = {entry.env for entry in declared}
    for name in sorted(env):
        if name.startswith("ANYAPI_") and name not in ENVIRONMENT and name not in named and not _IGNORED.fullmatch(name):
            problems.note("environment", None, name, f"unknown variable; known: {', '.join(ENVIRONMENT)}")


def _address(name: str, env: Mapping[str, str], problems: Problems) -> str | None:
    """The address of a name of `_ADDRESSES`; None where it is not set, or is of another form, which is noted."""
    text = env.get(name) or None
    parse, problem_of = _ADDRESSES[name]
    if text is not None and parse(text) is None:
        problems.note("environment", None, name, problem_of(text))
        return None
    return text


def _scrub(configured: bool, env: Mapping[str, str], problems: Problems) -> bool:  # noqa: FBT001
    text = env.get("ANYAPI_SCRUB") or None
    if text is None:
        return configured
    if text not in ("true", "false"):
        problems.note("environment", None, "ANYAPI_SCRUB", "must be true or false")
    return text != "false"


def _data_dir(configured: Path | None, env: Mapping[str, str], problems: Problems) -> Path:
    """The first of ANYAPI_DATA_DIR, storage.data_dir, $XDG_DATA_HOME/anyapi, ~/.local/share/anyapi (XDG base directories 0.8)."""
    if env.get("ANYAPI_DATA_DIR"):
        return Path(env["ANYAPI_DATA_DIR"])
    if configured is not None:
        return configured
    if env.get("XDG_DATA_HOME", "").startswith("/"):
        return Path(env["XDG_DATA_HOME"]) / "anyapi"
    if env.get("HOME", "").startswith("/"):
        return Path(env["HOME"]) / ".local" / "share" / "anyapi"
    problems.note("environment", None, "ANYAPI_DATA_DIR", "there is no HOME to store under; set it, or storage.data_dir in anyapi.toml")
    return Path()


def _database_url(env: Mapping[str, str], problems: Problems) -> Secret | None:
    text = env.get("ANYAPI_DATABASE_URL") or None
    if text is not None and not text.startswith(("postgresql://", "postgres://")):
        problems.note("environment", None, "ANYAPI_DATABASE_URL", "must be postgresql://user:password@host:port/database")
        return None
    return None if text is None else Secret(text)


def _provider_sections(top: Table) -> tuple[str, ...]:
    providers = top.peek("providers")
    return tuple(providers) if isinstance(providers, dict) else ()
