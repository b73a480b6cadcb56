"""The line between a command and a running server: "I changed the store" and "it is in force". Carries no data, only that.

A unix socket `control.sock` in the data directory, mode 0600; one JSON object a line, each way. A command commits its change first and
then asks; the server reads the store again, publishes, and answers with the version in force. The lock file beside the socket tells a
running server from a socket that a killed one left.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from anyapi.errors import AnyAPIError, ConfigError, StorageError

SOCKET_NAME = "control.sock"
CONFIRM_SECONDS = 10.0
_LONGEST_LINE = 4096
_MOST_UNUSABLE = 50
_ASK_SECONDS = 5.0
"""How long the server waits for a connected command to say what it wants."""


class Reload(msgspec.Struct, frozen=True):
    """A command's question. `reload` says what changed: `keys`, `settings`, `credentials` or `evidence`."""

    reload: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The server's answer: the snapshot version in force, or why there is no new one. An error here means that the old one serves on."""

    version: int | None = None
    error: str | None = None
    unusable: dict[str, str] = {}
    """Stored credentials that the server cannot use, each with the code of the reason: they are left out of the snapshot."""


class InForce(msgspec.Struct, frozen=True):
    """What a reload put into force, as the server tells it to a command."""

    version: int
    unusable: Mapping[str, str] = {}


class NotConfirmed(AnyAPIError):
    """The store was changed, but the running server did not say that the change is in force."""


class Channel:
    """The server's end. Close it before the store."""

    def __init__(self, server: asyncio.AbstractServer, path: Path, lock: int) -> None:
        """`lock` is the descriptor of the held lock file."""
        self._server, self._path, self._lock = server, path, lock
        self._closed = False

    def close(self) -> None:
        """Stop listening and remove the socket; commands then find no running server."""
        if self._closed:
            return
        self._closed = True
        self._server.close()
        self._path.unlink(missing_ok=True)
        os.close(self._lock)


def _nothing_unusable() -> Mapping[str, str]:
    return {}


async def serve_channel(
    path: Path, on_reload: Callable[[], Awaitable[int]], unusable: Callable[[], Mapping[str, str]] = _nothing_unusable
) -> Channel:
    """Listen on `path`; call `on_reload` for each question and answer with the version that it gives, which must be in force by then.

    `unusable` is asked afterwards for the stored credentials that could not be used.

    MUST be open before the first snapshot is read from the store, or be followed by one reload: a command that finds nobody here
    takes its change to be read at the start. Raises `ConfigError` if another server uses the data directory or the path cannot be used.
    """
    lock = _take(path.with_suffix(".lock"))
    one_at_a_time = asyncio.Lock()

    async def reload() -> Answer:
        # Each question gets a reading of the store that began after it was asked.
        async with one_at_a_time:
            return Answer(version=await on_reload(), unusable=_newest(unusable()))

    try:
        server = await asyncio.start_unix_server(
            lambda reader, writer: _answer(reader, writer, reload), sock=_bind(path), limit=_LONGEST_LINE
        )
    except OSError as error:
        os.close(lock)
        raise ConfigError(f"cannot listen for commands on {path} ({_reason(error)}): choose another data directory") from None
    return Channel(server, path, lock)


def request_reload(path: Path, changed: str, timeout: float = CONFIRM_SECONDS) -> int | None:
    """Tell a running server that `changed` ("keys", "settings") was committed; give the snapshot version in force, None if none runs.

    Raises what `ask_reload` raises.
    """
    in_force = ask_reload(path, changed, timeout)
    return None if in_force is None else in_force.version


def ask_reload(path: Path, changed: str, timeout: float = CONFIRM_SECONDS) -> InForce | None:
    """The same, with all that the server says about what it put into force.

    Raises `NotConfirmed` if a server listens but does not confirm within `timeout` seconds, or refuses.
    """
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise NotConfirmed(f"the running server could not be asked ({_reason(error)})") from None
        try:
            connection.sendall(msgspec.json.encode(Reload(changed)) + b"\n")
            answer = _read_answer(connection, deadline)
        except TimeoutError:
            raise NotConfirmed(f"the running server did not confirm within {timeout:g} s") from None
        except (OSError, msgspec.DecodeError):
            raise NotConfirmed("the running server broke off before it confirmed") from None
    if answer.version is None:
        raise NotConfirmed(f"the running server could not put it into force ({answer.error or 'unknown'}); it serves on as before")
    return InForce(answer.version, answer.unusable)


def _newest(unusable: Mapping[str, str]) -> dict[str, str]:
    """As many as fit a line, those that were added last: what a command has just added is among them."""
    return dict(list(unusable.items())[-_MOST_UNUSABLE:])


def _read_answer(connection: socket.socket, deadline: float) -> Answer:
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        received = connection.recv(_LONGEST_LINE)
        if not received:
            raise ConnectionResetError
        line += received
    return msgspec.json.decode(line, type=Answer)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reload: Callable[[], Awaitable[Answer]]) -> None:
    """Serve one command. Whatever fails, the connection ends without a version, and the command says that nothing was confirmed."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            msgspec.json.decode(await reader.readline(), type=Reload)
        try:
            answer = await reload()
        except StorageError:
            answer = Answer(error="the store could not be read")
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()
    except (OSError, TimeoutError, ValueError, msgspec.DecodeError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _bind(path: Path) -> socket.socket:
    """Give a socket at `path`, for us alone. Whatever lies there is left over: the lock says that no other server runs."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        # Nobody can connect before somebody listens, so there is no moment in which others could.
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


def _take(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write to the data directory {path.parent} ({_reason(error)}): check its owner and permissions") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ConfigError(f"another AnyAPI server is running on {path.parent}: stop it, or choose another data directory") from None
    return descriptor


def _reason(error: OSError) -> str:
    """Say why, in the system's words; a path that is too long for a socket has no error number."""
    return error.strerror or str(error)
