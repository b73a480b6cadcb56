"""Requests to addresses that somebody named: checked before they are connected to, limited in time and size, never led elsewhere."""

import re
import socket
import ssl
import threading
import time

import pytest
import trustme
from tests.tools.catalogue_site import Site

from anyapi.delivery.checked_http import Limits, NotReached, Received, Sent, request, usable_url
from anyapi.upstream.dialer import Dialer

LIMITS = Limits(5.0, 100_000)
ANY = Dialer(["127.0.0.0/8", "::1/128"]).allows
NONE = Dialer().allows


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


def code_of(url, allows=ANY, limits=LIMITS):
    with pytest.raises(NotReached) as caught:
        request(Sent("GET", url), allows, limits)
    assert "127.0.0.1" not in caught.value.message
    return caught.value.code


def test_an_answer_whatever_its_status(site):
    site.files["/a?b=c"] = b"x" * 70_000
    heard = []
    assert request(Sent("GET", f"{site.url}/a?b=c"), ANY, LIMITS, heard.append) == Received(200, b"x" * 70_000)
    assert heard[-1] == 70_000
    assert request(Sent("GET", f"{site.url}/other"), ANY, LIMITS).status == 404
    assert request(Sent("POST", f"{site.url}/hook", b"body", {"x-more": "1"}), ANY, LIMITS).status == 200
    ((path, headers, body),) = site.received
    assert (path, headers["x-more"], headers["user-agent"], body) == ("/hook", "1", "anyapi", b"body")


def test_a_redirect_is_an_answer_and_nothing_else(site):
    site.fault = "redirect"
    assert request(Sent("GET", f"{site.url}/a"), ANY, LIMITS).status == 302
    assert site.asked == ["/a"]


def test_an_endless_answer_ends(site):
    site.fault = "large"
    assert code_of(f"{site.url}/a") == "too_large"


def test_an_answer_that_trickles_is_cut_off(site):
    site.fault, site.files["/a"] = "drip", b"x" * 1000
    began = time.monotonic()
    assert code_of(f"{site.url}/a", limits=Limits(0.5, 100_000)) == "timed_out"
    assert time.monotonic() - began < 3


def test_a_silent_server_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert code_of(f"http://127.0.0.1:{listener.getsockname()[1]}/", limits=Limits(0.4, 10)) == "timed_out"


def test_an_answer_that_breaks_off_is_none(site):
    site.fault, site.files["/a"] = "short", b"whole?"
    assert code_of(f"{site.url}/a") in {"broken_off", "not_http"}


def test_nobody_listens_and_nobody_is_known():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert code_of(f"http://127.0.0.1:{port}/") == "refused"


FORBIDDEN = (
    "http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0177.0.0.1:{port}/", "http://127.1:{port}/",
    "http://localhost:{port}/", "http://localhost.:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://0.0.0.0:{port}/", "http://0:{port}/", "http://[::]:{port}/",
)  # fmt: skip


@pytest.mark.parametrize("form", FORBIDDEN)
def test_no_form_of_a_private_address_is_connected_to_unless_it_is_allowed(form):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        code = code_of(form.format(port=listener.getsockname()[1]), NONE)
        assert code in {"address_refused", "unknown_host"}
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/", "file:///etc/passwd", "unix:/a", "http://", "http:///a", "http://a:b@c/", "http://@c/", "http://c/#a", "http://c/a b",
        "http://c/\r\nX: y", "http://c/\x7f", "http://ä/", "http://c:0/", "http://c:99999/", "http://c\\d/", "gopher://c/", "", "//c/", "c/d",
    ],
)  # fmt: skip
def test_what_is_no_address(url):
    assert usable_url(url) is None
    assert code_of(url) == "address_unusable"


def test_in_the_clear_to_a_public_address_goes_nothing(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    assert code_of("http://example.org/", NONE) == "plain_http"


def test_the_certificate_is_that_of_the_host(tmp_path, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}/"

        def serve():
            for _ in range(2):
                connection, _ = listener.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        secured.recv(4096)
                        secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert code_of(url) == "tls_failed"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert request(Sent("GET", url), ANY, LIMITS) == Received(200, b"ok")
        thread.join(5)


def test_proxies_of_the_environment_are_not_asked(site, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.files["/a"] = b"direct"
    assert request(Sent("GET", f"{site.url}/a"), ANY, LIMITS).body == b"direct"


def test_nothing_prints():
    assert re.search("secret", repr((Sent("GET", "https://a/secret"), Received(200, b"secret")))) is None
