"""Reads `[control.oidc]` and the secret that belongs to it. Asks nobody anything: the service is first contacted when somebody signs in.

INVARIANT: no text made here holds the secret or a part of it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import Form
from anyapi.config_secrets import Unreadable, from_file, weakness_of
from anyapi.config_values import Control, Oidc, is_loopback
from anyapi.crypto.secret import Secret
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Role
from anyapi.domain.sign_in import Joining, SignInService

SECRET = "ANYAPI_OIDC_CLIENT_SECRET"  # noqa: S105 a variable's name
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*"
_ISSUER = Form(
    re.compile(rf"https?://({_HOST})(:[0-9]{{1,5}})?(/[A-Za-z0-9._~-]+)*/?"), "an https URL without user name, query or fragment"
)
_HOST_NAME = Form(re.compile(rf"({_HOST})(:[0-9]{{1,5}})?"), "a host, with its port if that is not the usual one")
_DOMAIN = Form(re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+"), "a domain in lower case, such as example.org")
_SHORT = Form(re.compile(r"[^\x00-\x1f\x7f]{1,200}"), "1 to 200 printable characters")
_ID = Form(re.compile(r"[A-Za-z0-9._-]{1,64}"), "the id of an account")
_NAME = Form(re.compile(r"[^\x00-\x1f\x7f]{1,40}"), "1 to 40 printable characters")
_ROLES = {str(role): role for role in Role if role is not Role.OWNER}


def read_oidc(table: Table | None, here: Path) -> Oidc | None:
    """`[control.oidc]`; a path is relative to the directory `here`. None where there is no such section."""
    if table is None:
        return None
    issuer = table.text("issuer", _ISSUER)
    host = re.sub(r":[0-9]+$", "", issuer.partition("://")[2].partition("/")[0])
    if issuer.startswith("http://") and not is_loopback(host.strip("[]")):
        table.note("issuer", "must begin with https: over plain HTTP anybody on the way could sign in as anybody")
    secret_file = table.file_path("client_secret_file", here)
    service = SignInService(
        name=table.text("name", _NAME, "single sign-on"),
        issuer=issuer,
        client_id=table.text("client_id", _SHORT),
        hosts=frozenset(table.words("hosts", _HOST_NAME)),
        joining=_joining(table),
    )
    found = Oidc(service, secret_file, table.flag("public_client", default=False))
    table.done()
    return found


def check_oidc(control: Control, table: Table) -> None:
    """The service sends browsers back to an address: it has to be one that they can reach."""
    if control.enabled and control.oidc is not None and control.public_url is None and not control.listen.is_local:
        table.note("public_url", "is needed with [control.oidc]: the address under which people reach this gateway")


def read_oidc_secret(oidc: Oidc | None, env: Mapping[str, str], problems: Problems) -> Secret | None:
    """The client secret, from the environment or the file; None for a public client. Notes what is wrong, and gives None then."""
    given = env.get(SECRET)
    if oidc is None:
        if given:
            problems.note("environment", None, SECRET, "is set, but there is no [control.oidc]")
        return None
    sources = sum((bool(given), oidc.secret_file is not None, oidc.public))
    if sources != 1:
        wanted = f"exactly one is needed of {SECRET}, client_secret_file and public_client = true"
        problems.note("environment", None, SECRET, f"{'is missing' if sources == 0 else 'does not stand alone'}: {wanted}")
        return None
    return None if oidc.public else _read_secret(oidc, given, problems)


def _read_secret(oidc: Oidc, given: str | None, problems: Problems) -> Secret | None:
    file, place = ("environment", SECRET) if given else ("anyapi.toml", "control.oidc.client_secret_file")
    try:
        text = given or from_file(oidc.secret_file or Path())
    except Unreadable as error:
        problems.note(file, None, place, str(error))
        return None
    weakness = weakness_of(text)
    if weakness is not None:
        problems.note(file, None, place, weakness)
        return None
    return Secret(text)


def _joining(table: Table) -> tuple[Joining, ...]:
    found: dict[str, Joining] = {}
    for entry in table.children("join"):
        domain, account = entry.text("domain", _DOMAIN), entry.text("account", _ID)
        role = entry.text("role", _SHORT)
        if role not in _ROLES:
            entry.note("role", f"must be one of {', '.join(_ROLES)}: an owner is made by another owner")
        if domain in found:
            entry.note("domain", "is named twice")
        entry.done()
        found[domain] = Joining(domain, AccountId(account), _ROLES.get(role, Role.AUDITOR))
    return tuple(found.values())
