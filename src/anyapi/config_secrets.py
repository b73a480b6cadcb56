"""What the text of a provider's secret may look like, and how it is read from a variable or a file.

INVARIANT: no text made here holds a secret or a part of one.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from anyapi.domain.catalogue import Auth, Provider
from anyapi.regular_file import read_regular

SHORTEST_SECRET = 8
ACCESS_KEY = ("access_key_id", "secret_access_key", "session_token")
"""Variables of a provider record that hold a secret: together they are an access key, the last one if it is temporary."""
_LARGEST = 16_384
_FORM = re.compile(r"[\x21-\x7e]{1,8192}")
_ASSIGNED = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+=.")
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


class Unreadable(Exception):
    """A secret that cannot be read; the text says why, and holds nothing of it."""


class _KeyFile(msgspec.Struct):
    """Of a Google key file what is needed here. Its key is not."""

    type: str = ""
    project_id: str = ""


def weakness_of(text: str, auth: Auth = Auth.BEARER) -> str | None:
    """Why a text cannot be a provider's secret, in words that do not hold it; None when it can."""
    if not text:
        return "is empty"
    if auth is Auth.SERVICE_ACCOUNT:
        return None if _key_file(text).type == "service_account" else "is not the JSON key file of a Google service account"
    if not _FORM.fullmatch(text):
        return "has spaces, line ends or characters outside ASCII, or is longer than 8192"
    if (around := _around(text)) is not None:
        return around
    if len(text) < SHORTEST_SECRET:
        return f"is shorter than {SHORTEST_SECRET} characters, so it is no key"
    bare = re.sub(r"[^a-z0-9]", "", text.lower()).removeprefix("sk")
    if bare in _WEAK or len(set(bare)) <= 1 or text.startswith(("<", "${", "{{")):
        return "is a placeholder, not a key"
    return None


def _around(text: str) -> str | None:
    """What an env file leaves around a key, where no shell reads it; None for nothing."""
    if text[0] == text[-1] and text[0] in "\"'":
        return "stands in quotation marks, which are a part of it where no shell reads it (an env file, a key file): leave them out"
    return "begins with the name of a variable: leave out NAME= before the key" if _ASSIGNED.match(text) else None


def from_file(path: Path) -> str:
    """The text of a key file, without the line end at its end. Raises `Unreadable`."""
    try:
        return read_regular(path, _LARGEST).decode().rstrip("\r\n")
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise Unreadable("cannot be read (not UTF-8 text)") from None


def from_variable(text: str, auth: Auth) -> str:
    """The secret that a variable holds. Google's names a file, as its libraries have it; the JSON itself will do. Raises `Unreadable`."""
    if auth is not Auth.SERVICE_ACCOUNT or text.lstrip().startswith("{"):
        return text
    try:
        return from_file(Path(text).expanduser())
    except Unreadable as error:
        raise Unreadable(f"names a file that {error}") from None


def access_key_in(provider: Provider, env: Mapping[str, str]) -> tuple[str, str] | None:
    """The access key under the names of a provider's record, and the name of its first variable; None where it is not whole."""
    if provider.api.auth is not Auth.SIGV4:
        return None
    names = dict(provider.api.variables)
    identity, secret, session = (env.get(names.get(name, "")) for name in ACCESS_KEY)
    if not identity or not secret:
        return None
    return ":".join(filter(None, (identity, secret, session))), names[ACCESS_KEY[0]]


def variables_in(provider: Provider, env: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of a provider's address. Never a secret."""
    return {name: env[variable] for name, variable in provider.api.variables if name not in ACCESS_KEY and env.get(variable)}


def variables_of(text: str, auth: Auth) -> dict[str, str]:
    """What a secret itself says of the address: the project of a Google service account."""
    project = _key_file(text).project_id if auth is Auth.SERVICE_ACCOUNT else ""
    return {"project": project} if project else {}


def _key_file(text: str) -> _KeyFile:
    try:
        return msgspec.json.decode(text, type=_KeyFile)
    except (ValueError, RecursionError):
        return _KeyFile()
