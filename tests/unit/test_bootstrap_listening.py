"""What a start says of an address that cannot be listened on, and of a certificate that cannot be used: real sockets and files."""

import asyncio
import errno
import re
import socket
import subprocess

import pytest
import trustme
import uvloop

from anyapi.bootstrap_listening import cannot_listen, server_tls
from anyapi.config_values import Listen, Tls
from anyapi.errors import ConfigError


def refused(where):
    """What a start would say, having tried."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 every kind there is
        uvloop.run(tried(where))
    told = cannot_listen(where, caught.value, "server.listen", "BUSY")
    assert told.field == "server.listen"
    return str(told)


async def tried(where):
    loop = asyncio.get_running_loop()
    if where.socket is not None:
        await loop.create_unix_server(asyncio.Protocol, str(where.socket))
    else:
        await loop.create_server(asyncio.Protocol, where.host, where.port)


def test_each_reason_has_an_advice_of_its_own(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert refused(Listen("127.0.0.1", taken.getsockname()[1])).endswith(": Address already in use. BUSY")
    assert "This machine has no such address" in refused(Listen("192.0.2.7", 8080))
    assert "no address of that name" in refused(Listen("no.such.invalid", 8080))
    assert "make it" in refused(Listen(socket=tmp_path / "none" / "a.sock"))
    (tmp_path / "file.sock").write_text("precious")
    assert "a file of that name that is no socket" in refused(Listen(socket=tmp_path / "file.sock"))


@pytest.mark.parametrize(
    ("where", "number", "said"),
    [
        (Listen("127.0.0.1", 80), errno.EACCES, "Ports below 1024 need a privilege"),
        (Listen("127.0.0.1", 8080), errno.EACCES, "Permission denied"),
        (Listen(socket="/run/a.sock"), errno.EACCES, "cannot be written by this user"),
    ],
)
def test_what_root_is_not_refused(tmp_path, where, number, said):
    if where.socket is not None:
        where = Listen(socket=tmp_path / "a.sock")
    assert said in str(cannot_listen(where, OSError(number, "words of the library"), "server.listen", "BUSY"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    home = tmp_path_factory.mktemp("tls")
    for name in ("one", "two"):
        issued = trustme.CA().issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(home / f"{name}.pem")
        issued.private_key_pem.write_to_path(home / f"{name}.key")
    sealing = ("openssl", "pkey", "-in", home / "one.key", "-aes256", "-passout", "pass:hunter2", "-out", home / "sealed.key")
    subprocess.run(sealing, check=True, capture_output=True)
    return home


def test_a_certificate_and_its_key(files):
    assert server_tls(Tls(files / "one.pem", files / "one.key"), "server.tls").cert_store_stats() is not None


@pytest.mark.parametrize(
    ("certificate", "key", "field", "said"),
    [
        ("one.pem", "two.key", "server.tls", "not that of the certificate"),
        ("one.key", "one.pem", "server.tls", "swapped"),
        ("one.pem", "sealed.key", "server.tls.key", "is encrypted"),
        ("none.pem", "one.key", "server.tls.certificate", "No such file"),
        ("one.pem", ".", "server.tls.key", "Is a directory"),
    ],
)
def test_what_cannot_be_used_is_named_and_nobody_is_asked_for_a_passphrase(files, certificate, key, field, said):
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        server_tls(Tls(files / certificate, files / key), "server.tls")
    assert caught.value.field == field
