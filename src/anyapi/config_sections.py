"""Reads the sections of `anyapi.toml` that stand alone. Takes parsed tables, gives values, notes problems; opens no file."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from anyapi.catalogue.reading import Table
from anyapi.catalogue.vocabulary import BASE_URL, PAGE_URL, PATH, Form
from anyapi.config_oidc import check_oidc, read_oidc
from anyapi.config_values import Control, Listen, Metrics, Networks, Privacy, Ranking, Server, ServerLimits, Tls, UpstreamLimits
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.data_policy import CERTIFICATIONS
from anyapi.domain.requirement import DataClass, Settings
from anyapi.errors import BadRequest
from anyapi.policy.merge import DEFAULT_PRESETS
from anyapi.policy.parse import Known, parse_data_policy
from anyapi.regular_file import NOT_REGULAR

_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+)):(?P<port>\d{1,5})")
_LISTEN = Form(re.compile(r"[^\x00-\x20\x7f]{1,300}"), "`host:port` or `unix:/path`")
_ORIGIN = Form(re.compile(r"\*|https?://[A-Za-z0-9.\[\]:-]+"), "`*` or an origin such as https://app.example.com, without path")
_CONTACT = Form(re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+|https?://\S+"), "an e-mail address or a URL")
_LONGEST_SECONDS = 86_400.0
_LONGEST_LEASE = 300.0
_LARGEST = 2**31 - 1
_LONGEST_SOCKET_PATH = 100
HOST_AND_PORT = "must be `host:port`, with a port below 65536"
_FIELDS: dict[str, tuple[str, ...]] = {
    "flagged_copies": ("flagged_copies_counted",),
    "providers": ("providers_only", "providers_ignore"),
}
"""Fields of a data policy whose settings are named otherwise."""
_S = TypeVar("_S", ServerLimits, UpstreamLimits)


def read_server(table: Table | None, here: Path, listen: str | None) -> Server:
    """`[server]`; paths are relative to the directory `here`; `listen` from the environment goes before the file's."""
    if table is None:
        return Server(listen=_parse_or_default(listen))
    tls_table, limits, upstream = table.child("tls"), table.child("limits"), table.child("upstream")
    own_listen = table.optional_text("listen", _LISTEN)
    if own_listen is not None and parse_listen(own_listen) is None:
        table.note("listen", listen_problem(own_listen))
    server = Server(
        listen=_parse_or_default(listen or own_listen),
        tls=None if tls_table is None else _read_tls(tls_table, here),
        limits=ServerLimits() if limits is None else _read_limits(limits, ServerLimits()),
        upstream=UpstreamLimits() if upstream is None else _read_limits(upstream, UpstreamLimits()),
        cors_origins=table.words("cors_origins", _ORIGIN),
        lease=table.number("lease", 1.0, _LONGEST_LEASE) or Server().lease,
        public_url=table.optional_text("public_url", BASE_URL),
    )
    table.done()
    return server


MOST_KEYS = 1_000_000


def read_control(top: Table, here: Path, listen: str | None) -> Control:
    """`[control]`, there or not. Plain HTTP is for loopback alone: sessions must not cross a network in the clear."""
    table = top.child("control") or Table({}, top.problems, top.file, path="control")
    tls_table = table.child("tls")
    own, keys = _own_listen(table), table.whole("keys_per_account", 1, MOST_KEYS)
    control = Control(
        enabled=table.flag("enabled", default=True),
        listen=_stated(listen) or own or Control().listen,
        tls=None if tls_table is None else _read_tls(tls_table, here),
        public_url=table.page("public_url"),
        oidc=read_oidc(table.child("oidc"), here),
        keys_per_account=Control().keys_per_account if keys is None else keys,
        proxies=_networks(table, "proxies"),
    )
    if control.enabled and control.tls is None and not control.listen.is_local:
        refused = "plain HTTP off loopback is refused: add [control.tls], or listen on 127.0.0.1 behind a proxy with TLS"
        if listen is None:
            table.note("listen", refused)
        else:
            table.problems.note("environment", None, "ANYAPI_CONTROL_LISTEN", refused)
    check_oidc(control, table)
    table.done()
    return control


def read_metrics(table: Table | None, listen: str | None) -> Metrics:
    """`[metrics]`; `listen` from the environment goes before the file's."""
    if table is None:
        return Metrics(_stated(listen))
    own = _own_listen(table)
    table.done()
    return Metrics(_stated(listen) or own)


def _own_listen(table: Table) -> Listen | None:
    """The table's `listen` as `host:port`; None where it has none, or one of another form, which is noted."""
    text = table.optional_text("listen", _LISTEN)
    found = _stated(text)
    if text is not None and found is None:
        table.note("listen", HOST_AND_PORT)
    return found


def _stated(text: str | None) -> Listen | None:
    return None if text is None else parse_control_listen(text)


def parse_control_listen(text: str) -> Listen | None:
    """`host:port`; None for anything else, unix sockets too: browsers and scrapers cannot reach them."""
    found = parse_listen(text)
    return found if found is not None and found.socket is None else None


def parse_listen(text: str) -> Listen | None:
    """`host:port`, `[v6]:port` or `unix:/path`; None when it is none of these. A name other than localhost is resolved later."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return Listen(socket=Path(path)) if path and len(path.encode()) <= _LONGEST_SOCKET_PATH else None
    found = _HOST_PORT.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        return None
    return Listen(found["v6"] or found["name"], int(found["port"]))


def _parse_or_default(text: str | None) -> Listen:
    return (parse_listen(text) if text else None) or Listen("127.0.0.1", 8080)


def listen_problem(text: str) -> str:
    """Why `parse_listen` took a text for none of its forms."""
    if text.startswith("unix:/"):
        return f"the path of a socket has at most {_LONGEST_SOCKET_PATH} bytes: take a shorter one"
    return "must be `host:port` or `unix:/path`, with a port below 65536"


def _read_tls(table: Table, here: Path) -> Tls:
    paths = {}
    for key in ("certificate", "key"):
        paths[key] = here / Path(table.text(key, PATH)).expanduser()
        if table.has(key) and not paths[key].is_file():
            table.note(key, f"cannot be read ({NOT_REGULAR})" if paths[key].exists() else "no such file; it holds PEM text")
    table.done()
    return Tls(paths["certificate"], paths["key"])


def _read_limits(table: Table, defaults: _S) -> _S:
    """Every limit is finite: 0 or nothing would be no limit."""
    changes: dict[str, float | int] = {}
    for name in defaults.__struct_fields__:
        seconds = isinstance(getattr(defaults, name), float)
        value = table.number(name, 0.001, _LONGEST_SECONDS) if seconds else table.whole(name, 1, _LARGEST)
        if value is not None:
            changes[name] = value
    table.done()
    return msgspec.structs.replace(defaults, **changes)


def read_privacy(table: Table | None) -> Privacy:
    """`[privacy]`."""
    if table is None:
        return Privacy()
    privacy = Privacy(table.page("policy_url"), table.optional_text("terms_url", PAGE_URL), table.optional_text("contact", _CONTACT))
    days = table.number("answer_days", 1.0, 365.0)
    hook = table.optional_text("webhook_url", PAGE_URL)
    table.done()
    return msgspec.structs.replace(privacy, answer_days=privacy.answer_days if days is None else days, webhook_url=hook)


def read_ranking(table: Table | None) -> Ranking:
    """`[ranking]`."""
    if table is None:
        return Ranking()
    share = table.number("share", 0.000_001, 1.0)
    enabled = table.optional_flag("enabled")
    table.done()
    return Ranking(enabled, Ranking().share if share is None else share)


def read_networks(table: Table | None) -> Networks:
    """`[network]`, checked."""
    if table is None:
        return Networks()
    found = Networks(_networks(table, "private_addresses"), _networks(table, "webhook_addresses"))
    table.done()
    return found


def _networks(table: Table, key: str) -> tuple[str, ...]:
    texts = table.words(key, _LISTEN)
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            table.note(key, "each must be a network such as 127.0.0.0/8 or 10.1.2.3/32, without host bits")
            break
    return texts


def read_number(table: Table | None, key: str, default: float, most: float) -> float:
    """The only field of a section: a number above 0."""
    if table is None:
        return default
    value = table.number(key, 0.001, most)
    table.done()
    return default if value is None else value


def read_switch(table: Table | None, key: str, *, default: bool) -> bool:
    """The only field of a section: true or false."""
    if table is None:
        return default
    value = table.flag(key, default=default)
    table.done()
    return value


def read_path(table: Table | None, key: str, here: Path) -> Path | None:
    """The only field of a section: a path, relative to `here`."""
    if table is None:
        return None
    path = table.file_path(key, here)
    table.done()
    return path


def known_names(catalogue: Catalogue) -> Known:
    """What a data policy may name: the catalogue's providers, and every certification there is a word for."""
    return Known(providers=frozenset(catalogue.providers), certifications=CERTIFICATIONS)


def read_policy(table: Table | None, known: Known) -> Settings:
    """`[policy]`: the gateway's floor, with the fields of a request's `data_policy`."""
    return Settings() if table is None else _parse(table, known)


def read_presets(table: Table | None, known: Known) -> dict[DataClass, Settings]:
    """`[classes.NAME]` over the default presets, field by field. That some classes need a durable record cannot be edited."""
    presets = dict(DEFAULT_PRESETS)
    if table is None:
        return presets
    for name in DataClass:
        edit = table.child(name.value)
        if edit is None:
            continue
        if edit.has("data_class"):
            edit.note("data_class", "a class cannot name another; write its settings")
            continue
        changed = _parse(edit, known)
        fields = [field for key in edit.names() for field in _FIELDS.get(key, (key,)) if field in changed.__struct_fields__]
        presets[name] = msgspec.structs.replace(presets[name], **{field: getattr(changed, field) for field in fields})
    table.done()
    return presets


def _parse(table: Table, known: Known) -> Settings:
    values: Mapping[str, object] = table.values()
    try:
        return parse_data_policy(values, known)
    except BadRequest as error:
        field = (error.field or "").removeprefix("data_policy.").removeprefix("data_policy")
        table.problems.note(table.file, table.record, f"{table.path}.{field}" if field else table.path, error.message)
        return Settings()
