"""One question to a sign-in service: within bounds, and its answer is JSON or nothing."""

import socket
import threading
import traceback

import pytest
from tests.signin.liar import liar

from anyapi.control import oidc_fetch
from anyapi.control.oidc_fetch import LARGEST, Unavailable, fetch


@pytest.fixture
def service():
    with liar() as running:
        yield running


def test_an_answer_comes_back_as_what_was_asked_for(service):
    assert fetch(f"{service.issuer}/keys?x=1", dict[str, list[dict[str, str]]]) == {"keys": service.keys}


@pytest.mark.parametrize("answer", [b"not JSON", b"[1]", b"[" * 100_000, b'"' + b"x" * LARGEST + b'"', b"\xff", b""])
def test_anything_else_is_no_answer_and_is_not_repeated(service, answer):
    service.answer = lambda *_: (200, answer)
    with pytest.raises(Unavailable) as found:
        fetch(service.issuer, dict[str, str])
    assert "not JSON" not in "".join(traceback.format_exception(found.value))


def test_the_status_of_a_refusal_is_told(service):
    with pytest.raises(Unavailable) as found:
        fetch(f"{service.issuer}/nowhere", dict[str, str])
    assert found.value.status == 404


def test_nobody_there(service):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable):
            fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/", dict[str, str])
    with pytest.raises(Unavailable):
        fetch(service.issuer.replace("http:", "https:"), dict[str, str])


def test_one_that_drips_is_left_in_time(monkeypatch):
    monkeypatch.setattr(oidc_fetch, "SECONDS", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(Unavailable):
                fetch(f"http://127.0.0.1:{server.getsockname()[1]}/", dict[str, str])
        finally:
            stop.set()
            thread.join()
