"""Files that the operator names: regular ones, also through symlinks; whatever else there may be at a path is refused at once."""

import datetime as dt
import os
import socket
from pathlib import Path

import pytest

from anyapi import regular_file
from anyapi.config import load_config
from anyapi.config_early import wants_scrubbing
from anyapi.crypto.log_keys import make_key, read_key
from anyapi.errors import ConfigError
from anyapi.regular_file import NOT_REGULAR, open_regular, read_regular, read_text


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_regular_file_and_a_symlink_to_one(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link") == b"content"
    assert read_regular(tmp_path / "file", 3) == b"con"
    with open_regular(tmp_path / "file") as opened:
        assert not os.get_inheritable(opened.fileno())


@pytest.mark.timeout(10)
def test_what_would_wait_or_is_no_file_is_refused(tmp_path, pipe):
    (tmp_path / "to a pipe").symlink_to(pipe)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    reading, writing = os.pipe()
    for path in (pipe, tmp_path / "to a pipe", tmp_path / "socket", tmp_path, Path("/dev/zero"), Path(f"/dev/fd/{reading}")):
        with pytest.raises(OSError, match="no regular file") as refused:
            read_regular(path)
        assert refused.value.strerror == NOT_REGULAR
    os.close(reading)
    os.close(writing)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "nothing")


@pytest.mark.timeout(10)
def test_one_that_is_replaced_before_it_is_opened_is_refused_too(tmp_path, pipe, monkeypatch):
    (tmp_path / "file").write_bytes(b"content")
    monkeypatch.setattr(regular_file.os, "open", lambda _path, flags, real=os.open: real(pipe, flags))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no regular file"):
        read_regular(tmp_path / "file")
    assert len(os.listdir("/proc/self/fd")) == before


def test_text_with_any_line_ends(tmp_path):
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(tmp_path / "file", "utf-8-sig") == "a\nb"
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "file", "ascii")


PLACES = {
    "configuration": ("", {"ANYAPI_CONFIG": "PIPE"}),
    "root keys": ("", {"ANYAPI_ROOT_KEY_FILE": "PIPE"}),
    "root keys in the file": ("[encryption]\nroot_key_file = 'pipe'\n", {}),
    "authorities": ("", {"SSL_CERT_FILE": "PIPE"}),
    "a provider's key": ("[[credentials]]\nid = 'a'\nprovider = 'openai'\ntier = 'paid'\nkey_file = 'pipe'\n", {}),
    "a service account": (
        (
            "[[credentials]]\nid = 'a'\nprovider = 'google-vertex'\ntier = 'paid'\nenv = 'GOOGLE_APPLICATION_CREDENTIALS'\n"
            "variables = { project = 'p-1', location = 'europe-west1' }\n"
        ),
        {"GOOGLE_APPLICATION_CREDENTIALS": "PIPE"},
    ),
    "mail": ("[smtp]\nhost = 'mail.example'\nsender = 'a@x.org'\nusername = 'a'\npassword_file = 'pipe'\n", {}),
    "sign-in": ("[control.oidc]\nissuer = 'https://id.example'\nclient_id = 'a'\nclient_secret_file = 'pipe'\n", {}),
    "certificate": ("[server.tls]\ncertificate = 'pipe'\nkey = 'pipe'\n", {}),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("place", PLACES)
def test_wherever_the_configuration_names_one(tmp_path, pipe, place):
    toml, env = PLACES[place]
    file = tmp_path / "anyapi.toml"
    file.write_text(toml)
    env = {name: value.replace("PIPE", str(pipe)) for name, value in env.items()}
    given = None if "ANYAPI_CONFIG" in env else file
    assert wants_scrubbing(given, env)
    with pytest.raises(ConfigError, match="no regular file"):
        load_config(given, {"HOME": str(tmp_path), **env}, dt.datetime(2026, 12, 1, tzinfo=dt.UTC))


@pytest.mark.timeout(10)
def test_the_key_of_the_audit_log(pipe):
    for read in (read_key, make_key):
        with pytest.raises(ConfigError, match="no regular file"):
            read(pipe)
