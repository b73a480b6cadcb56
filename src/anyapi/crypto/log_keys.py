"""The key that signs the audit log's checkpoints: from a file that is made at the first start, or given from outside.

INVARIANT: no text made here holds a key or a part of one. The file is readable by its owner alone.
"""

import contextlib
import os
import secrets
import stat
import time
from pathlib import Path

from anyapi.audit.notes import SigningKey
from anyapi.errors import AuditError, ConfigError
from anyapi.regular_file import open_regular

KEY_NAME = "audit.key"
"""Its file in the data directory, where nothing else is configured."""
_LARGEST = 4096
LOOK_SECONDS = 1.0
"""How old what is known of the file may be: a key that was rotated signs from then on."""


class LogKeys:
    """Gives the signing key of now: the one that was given, or the one in the file, read again when that changes."""

    def __init__(self, file: Path | None, given: SigningKey | None = None) -> None:
        """`given` goes before `file`."""
        self._file, self._given = file, given
        self._read: SigningKey | None = None
        self._stamp: tuple[int, int] = (0, 0)
        self._looked = -LOOK_SECONDS

    def __call__(self) -> SigningKey:
        """The key. Raises `ConfigError` for a file that is not there, not the owner's alone, or no key."""
        if self._given is not None:
            return self._given
        if self._file is None:
            raise ConfigError("there is no key to sign the audit log with")
        now = time.monotonic()
        if self._read is None or now - self._looked >= LOOK_SECONDS:
            self._looked = now
            try:
                found = self._file.stat()
            except OSError as error:
                raise ConfigError(f"the key of the audit log cannot be read ({error.strerror})", file=str(self._file)) from None
            if self._read is None or (found.st_mtime_ns, found.st_ino) != self._stamp:
                self._read = read_key(self._file)
                self._stamp = found.st_mtime_ns, found.st_ino
        return self._read


def read_key(file: Path) -> SigningKey:
    """The key of a file. Raises `ConfigError`."""
    try:
        with open_regular(file) as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise ConfigError("the key of the audit log can be read by others: `chmod 600` it", file=str(file))
            return parse_key(opened.read(_LARGEST).decode("ascii"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigError(f"the key of the audit log cannot be read ({why})", file=str(file)) from None


def parse_key(text: str, place: str) -> SigningKey:
    """The key of a text that `place` holds. Raises `ConfigError`."""
    try:
        return SigningKey.parse(text)
    except AuditError as error:
        raise ConfigError(f"no usable key of the audit log: {error}", file=place) from None


def make_key(file: Path, name: str | None = None) -> SigningKey:
    """Make a new key in a new file (0600), of this name or a random one; the key of the file where there is one. Raises `ConfigError`."""
    if file.exists():
        return read_key(file)
    key = SigningKey(name or f"anyapi/{secrets.token_hex(6)}", secrets.token_bytes(32))
    try:
        _write(file, key)
        # Of two that start at once the first one's stays.
        os.link(_beside(file), file)
    except FileExistsError:
        return read_key(file)
    except OSError as error:
        raise ConfigError(f"the key of the audit log cannot be written ({error.strerror})", file=str(file)) from None
    finally:
        with contextlib.suppress(OSError):
            _beside(file).unlink()
    return key


def replace_key(file: Path) -> tuple[SigningKey, SigningKey]:
    """Make a key of the same name that waits beside the file for `put_in_place`; gives the old and the new one. Raises `ConfigError`."""
    old = read_key(file)
    new = SigningKey(old.public.name, secrets.token_bytes(32))
    try:
        _write(file, new)
    except OSError as error:
        raise ConfigError(f"the new key of the audit log cannot be written ({error.strerror})", file=str(file)) from None
    return old, new


def put_in_place(file: Path) -> None:
    """Have the key that `replace_key` made sign from now on; the old one is gone then. Raises `ConfigError`."""
    try:
        _beside(file).rename(file)
    except OSError as error:
        raise ConfigError(f"the new key of the audit log cannot be put in place ({error.strerror})", file=str(file)) from None


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.{os.getpid()}.new")


def _write(file: Path, key: SigningKey) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(_beside(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"{key.reveal()}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
