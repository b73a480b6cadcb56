"""The line between a command and a running server, over a real socket."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading

import pytest

from anyapi.control.channel import InForce, NotConfirmed, ask_reload, request_reload, serve_channel
from anyapi.errors import ConfigError, StorageError


def serving(path, on_reload, ask):
    """Serve on `path` while `ask` runs on a thread, as a command does in its own process; give what `ask` gives."""

    async def main():
        channel = await serve_channel(path, on_reload)
        try:
            return await asyncio.to_thread(ask)
        finally:
            channel.close()

    return asyncio.run(main())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


class Reload:
    """Counts its calls and gives their number as the version."""

    def __init__(self):
        self.calls = 0

    async def __call__(self):
        self.calls += 1
        return self.calls


def test_asked_it_reloads_and_gives_the_version_in_force(path):
    reload = Reload()
    assert serving(path, reload, lambda: [request_reload(path, "keys"), request_reload(path, "settings")]) == [1, 2]
    assert reload.calls == 2


def test_nobody_there(path):
    assert request_reload(path, "keys") is None


def test_after_close_nobody_is_there_and_another_may_serve(path):
    assert serving(path, Reload(), lambda: None) is None
    assert not path.exists()
    assert request_reload(path, "keys") is None
    assert serving(path, Reload(), lambda: request_reload(path, "keys")) == 1


def test_closing_twice(path):
    async def main():
        channel = await serve_channel(path, Reload())
        channel.close()
        channel.close()

    asyncio.run(main())


def test_the_socket_is_for_us_alone(path):
    assert serving(path, Reload(), lambda: path.stat().st_mode & 0o777) == 0o600


def test_a_socket_left_by_a_killed_server(path):
    code = f"""
import asyncio, os, signal, pathlib
from anyapi.control.channel import serve_channel
async def reload(): return 1
async def main():
    await serve_channel(pathlib.Path({str(path)!r}), reload)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert path.is_socket()
    assert request_reload(path, "keys") is None
    assert serving(path, Reload(), lambda: request_reload(path, "keys")) == 1


def test_a_second_server_on_the_same_directory_refuses_and_the_first_goes_on(path):
    async def main():
        first = await serve_channel(path, Reload())
        with pytest.raises(ConfigError, match="another AnyAPI server"):
            await serve_channel(path, Reload())
        assert await asyncio.to_thread(request_reload, path, "keys") == 1
        first.close()

    asyncio.run(main())


@pytest.mark.parametrize("place", ["gone/control.sock", "x" * 110], ids=["no directory", "too long"])
def test_a_path_that_cannot_be_used(tmp_path, place):
    async def main():
        await serve_channel(tmp_path / place, Reload())

    with pytest.raises(ConfigError, match="data directory"):
        asyncio.run(main())


def test_a_server_that_does_not_answer_in_time(path):
    async def never():
        await asyncio.Event().wait()

    def ask():
        with pytest.raises(NotConfirmed, match=r"within 0\.05 s"):
            request_reload(path, "keys", timeout=0.05)

    serving(path, never, ask)


def test_a_listener_that_never_accepts(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(NotConfirmed, match="did not confirm"):
            request_reload(path, "keys", timeout=0.05)


def test_a_server_that_cannot_read_its_store_says_so_and_lives(path):
    answers = [StorageError("disk on fire"), None]

    async def reload():
        error = answers.pop(0)
        if error is not None:
            raise error
        return 5

    def ask():
        with pytest.raises(NotConfirmed, match="the store could not be read") as caught:
            request_reload(path, "keys")
        assert "fire" not in caught.value.message
        return request_reload(path, "keys")

    assert serving(path, reload, ask) == 5


def test_an_error_nobody_foresaw_confirms_nothing_and_the_server_lives(path):
    seen = []
    answers = [ZeroDivisionError(), None]

    async def reload():
        error = answers.pop(0)
        if error is not None:
            raise error
        return 5

    def ask():
        with pytest.raises(NotConfirmed, match="broke off"):
            request_reload(path, "keys")
        return request_reload(path, "keys")

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(type(context["exception"])))
        channel = await serve_channel(path, reload)
        version = await asyncio.to_thread(ask)
        channel.close()
        return version

    assert asyncio.run(main()) == 5
    assert seen == [ZeroDivisionError]


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[1]\n", b'{"reload": 1}\n', b"\xff\n", b"x" * 10_000, b""], ids=repr)
def test_nonsense_is_not_answered_and_does_no_harm(path, line):
    reload = Reload()

    def ask():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            connection.sendall(line)
            connection.shutdown(socket.SHUT_WR)
            try:
                said = connection.recv(100)
            except ConnectionResetError:
                said = b""
        assert (said, reload.calls) == (b"", 0)
        return request_reload(path, "keys")

    assert serving(path, reload, ask) == 1


@pytest.mark.parametrize("answer", [b"nonsense\n", b"", b'{"version": "1"}\n', b"x" * 5000], ids=["words", "end", "type", "endless"])
def test_an_answer_that_is_none_confirms_nothing(path, answer):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(answer)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotConfirmed, match="broke off"):
            request_reload(path, "keys", timeout=10)
        thread.join()


def test_every_question_gets_a_reading_that_began_after_it(path):
    """Ten at once: never two readings beside each other, and none is shared with an earlier question."""
    running, beside, calls = 0, [], []

    async def reload():
        nonlocal running
        running += 1
        beside.append(running)
        await asyncio.sleep(0)
        running -= 1
        calls.append(1)
        return len(calls)

    def ask():
        versions = []
        threads = [threading.Thread(target=lambda: versions.append(request_reload(path, "keys"))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(versions)

    assert serving(path, reload, ask) == list(range(1, 11))
    assert set(beside) == {1}


def told(path, unusable, ask):
    """Serve with stored credentials that cannot be used, while `ask` runs."""

    async def main():
        channel = await serve_channel(path, Reload(), lambda: unusable)
        try:
            return await asyncio.to_thread(ask)
        finally:
            channel.close()

    return asyncio.run(main())


def test_credentials_that_the_server_cannot_use_are_told(path):
    unusable = {"own:1": "no_root_key", "own:2": "damaged"}
    assert told(path, unusable, lambda: ask_reload(path, "credentials")) == InForce(1, unusable)
    assert told(path, unusable, lambda: request_reload(path, "keys")) == 1, "that is no matter of the keys"
    assert told(path, {}, lambda: ask_reload(path, "credentials")) == InForce(1, {})
    assert ask_reload(path, "credentials") is None


def test_however_many_there_are_the_newest_are_told(path):
    unusable = {f"own:{number:016x}": "address_unusable" for number in range(1000)}
    in_force = told(path, unusable, lambda: ask_reload(path, "credentials"))
    assert (in_force.version, list(in_force.unusable)) == (1, list(unusable)[-50:])
