"""Reads `[catalogue]` and `[smtp]`: how the catalogue is kept up to date, and how people are written to. Reads the password file, if asked.

INVARIANT: no text made here holds a secret or a part of one.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from anyapi.catalogue.provider_record import host_of, is_private_host
from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import PAGE_URL, Form
from anyapi.config_secrets import Unreadable, from_file
from anyapi.config_values import Privacy, PrivacyHook, Smtp, SmtpSecurity, Updates, is_loopback
from anyapi.crypto.root_keys import is_random
from anyapi.crypto.secret import Secret

PASSWORD = "ANYAPI_SMTP_PASSWORD"  # noqa: S105 a name
HOOK_SECRET = "ANYAPI_PRIVACY_WEBHOOK_SECRET"  # noqa: S105 a name
_HOOK_SECRET = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){10,}(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)")
LONGEST_DAYS = 36_500.0
PORTS = {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465, SmtpSecurity.NONE: 25}
_KEY = Form(
    re.compile(r"[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{59}="), "an Ed25519 public key in base64: 32 bytes, or what `openssl pkey -pubout` prints"
)
_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes in a SubjectPublicKeyInfo (RFC 8410)."""
_HOST = Form(re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}"), "a host name or an address")
_ADDRESS = Form(re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}"), "an e-mail address without a name")
_USER = Form(re.compile(r"[\x21-\x7e]{1,320}"), "a user name without spaces")


def read_updates(table: Table | None) -> Updates:
    """`[catalogue]`."""
    if table is None:
        return Updates()
    span = table.number("span_days", 0.001, LONGEST_DAYS)
    url = table.optional_text("update_url", PAGE_URL)
    keys = tuple(_key(text) for text in table.words("public_keys", _KEY) if _KEY.fits(text))
    if any(len(key) != 32 for key in keys):
        table.note("public_keys", f"each must be {_KEY.description}")
    if url is not None:
        _check_source(table, url, keys)
    table.done()
    return Updates(180.0 if span is None else span, url, keys)


def _check_source(table: Table, url: str, keys: tuple[bytes, ...]) -> None:
    if url.startswith("http://") and not is_private_host(host_of(url)):
        table.note("update_url", "must be https; plain http is for this machine and private addresses")
    if not keys:
        table.note("public_keys", "is missing: an update from a URL is taken only if one of these keys signed it")


def _key(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
    return raw.removeprefix(_SPKI) if len(raw) == len(_SPKI) + 32 else raw


def read_smtp(table: Table | None, here: Path) -> Smtp | None:
    """`[smtp]`; paths are relative to the directory `here`. Reads no password."""
    if table is None:
        return None
    security = table.choice("security", SmtpSecurity, SmtpSecurity.STARTTLS)
    port, file = table.whole("port", 1, 65535), table.file_path("password_file", here)
    found = Smtp(
        host=table.text("host", _HOST),
        port=PORTS[security] if port is None else port,
        security=security,
        sender=table.text("sender", _ADDRESS),
        username=table.optional_text("username", _USER),
        password_file=file,
    )
    if security is SmtpSecurity.NONE and not is_loopback(found.host):
        table.note("security", "`none` is for a mail server on this machine; elsewhere use starttls or tls")
    if security is SmtpSecurity.NONE and found.username is not None:
        table.note("username", "would cross the network readable with its password: use starttls or tls")
    if table.has("password"):
        table.note("password", f"must not stand in this file: name a file in password_file, or set {PASSWORD}")
        table.raw("password")
    table.done()
    return found


def with_password(smtp: Smtp | None, env: Mapping[str, str], problems: Problems) -> Smtp | None:
    """The same with the password, where there is one to look up."""
    if smtp is None or smtp.username is None:
        return smtp
    text = env.get(PASSWORD) or ""
    if not text and smtp.password_file is not None:
        try:
            text = from_file(smtp.password_file)
        except Unreadable as error:
            problems.note(str(smtp.password_file), None, None, f"the password of the mail server (`smtp.password_file`) {error}")
            return smtp
    if not text:
        problems.note("environment", None, PASSWORD, "is missing: `smtp.username` needs a password, here or in `smtp.password_file`")
    return msgspec.structs.replace(smtp, password=Secret(text))


def read_privacy_hook(privacy: Privacy, env: Mapping[str, str], problems: Problems) -> PrivacyHook | None:
    """The privacy team's webhook with its secret; None without one. Notes what is wrong, and gives None then."""
    secret = env.get(HOOK_SECRET) or ""
    if privacy.webhook_url is None:
        if secret:
            problems.note("environment", None, HOOK_SECRET, "is set, but there is no privacy.webhook_url")
        return None
    if not _HOOK_SECRET.fullmatch(secret):
        state = "is not one" if secret else "is missing"
        problems.note(
            "environment", None, HOOK_SECRET, f"{state}: `privacy.webhook_url` is signed with `whsec_` and 32 bytes or more in base64"
        )
        return None
    if not is_random(base64.b64decode(secret.removeprefix("whsec_"))):
        how = "make one with `echo whsec_$(openssl rand -base64 32)`"
        problems.note("environment", None, HOOK_SECRET, f"is not random, so anybody could sign as this gateway: {how}")
        return None
    return PrivacyHook(privacy.webhook_url, Secret(secret))
