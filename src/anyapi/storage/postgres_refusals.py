"""Why a connection to PostgreSQL could not be opened. libpq gives no SQLSTATE for that, only words.

INVARIANT: the words are looked at and never repeated: they may hold the host, the role or what stands in the URL by mistake.
"""

from typing import NamedTuple

_CHECK = "check that PostgreSQL runs and that the URL is right"
_ENCODED = "characters such as @ / : # of the password are written as %40 %2F %3A %23"


class Refusal(NamedTuple):
    """What such a failure is called, and what to do."""

    state: str
    advice: str


UNREACHABLE = Refusal("08000", f"it cannot be reached, or broke off: {_CHECK}")
_PASSWORD = Refusal("28P01", "user or password of the URL is wrong")
_NO_ENTRY = Refusal("28000", "its pg_hba.conf lets this user not in from here, or not without TLS")
_NO_ROLE = Refusal("28000", "there is no user of the URL's name: create it, or correct the URL")
_NO_DATABASE = Refusal("3D000", "there is no database of that name: create it, or correct the URL")
_FULL = Refusal("53300", "it has no connection left: free some")
_STARTING = Refusal("57P03", "it is starting or stopping: wait for it")
_CERTIFICATE = Refusal(
    "08000", "its certificate does not do for the URL's sslmode: set sslrootcert to its authority's, or correct the host"
)
_NO_TLS = Refusal("08000", "it does not speak TLS, which the URL's sslmode asks for: switch `ssl` on there")
_NO_HOST = Refusal("08001", f"it cannot be reached: the host of the URL is not known here; {_ENCODED}")
_URL = Refusal("08001", f"the URL is not one that libpq reads (host, port, sslmode, parameters); {_ENCODED}")
_NOBODY = Refusal("08000", f"it cannot be reached: nothing listens at the host and port of the URL: {_CHECK}")
_SILENT = Refusal("08000", f"it cannot be reached: the host of the URL does not answer: {_CHECK}, and that no firewall is between")
_WORDS = {
    "password authentication failed": _PASSWORD,
    "no password supplied": _PASSWORD,
    "pg_hba.conf": _NO_ENTRY,
    "too many c": _FULL,
    "connection slots are reserved": _FULL,
    "is starting up": _STARTING,
    "is shutting down": _STARTING,
    "in recovery mode": _STARTING,
    "certificate": _CERTIFICATE,
    "does not support ssl": _NO_TLS,
    "failed to resolve host": _NO_HOST,
    "could not translate host name": _NO_HOST,
    "invalid uri": _URL,
    "invalid integer value": _URL,
    "invalid port": _URL,
    "invalid percent": _URL,
    " value: ": _URL,
    "unexpected character": _URL,
    "connection refused": _NOBODY,
    "no such file or directory": _NOBODY,
    "timeout expired": _SILENT,
    "no route to host": _SILENT,
    "network is unreachable": _SILENT,
}
"""The first that is found says it. Role and database stand in words that others hold too: see `refusal_of`."""


def refusal_of(words: str) -> Refusal:
    """What libpq's words mean; `UNREACHABLE` for those that are not known, as in a server's own language."""
    text = words.lower()
    if '" does not exist' in text and ("database" in text or "role" in text) and "certificate" not in text:
        return _NO_ROLE if 'fatal:  role "' in text else _NO_DATABASE
    return next((refusal for part, refusal in _WORDS.items() if part in text), UNREACHABLE)
