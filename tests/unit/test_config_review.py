"""`[catalogue]` and `[smtp]`: what is taken, what is refused, and that no password gets into a text."""

import base64
import datetime as dt

import pytest

from anyapi.config import load_config
from anyapi.config_values import SmtpSecurity
from anyapi.delivery.webhook import new_secret
from anyapi.errors import ConfigError

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
KEY = base64.b64encode(bytes(range(32))).decode()
SPKI = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + bytes(range(32))).decode()


def read(tmp_path, text, secrets=True, **env):
    file = tmp_path / "anyapi.toml"
    file.write_text(text)
    return load_config(file, {"HOME": "/", **env}, NOW, secrets=secrets)


def test_where_updates_come_from_and_who_signs_them(tmp_path):
    text = f'[catalogue]\nspan_days = 90\nupdate_url = "https://x.example/c.json"\npublic_keys = ["{KEY}", "{SPKI}"]\n'
    updates = read(tmp_path, text).updates
    assert (updates.span_days, updates.update_url) == (90.0, "https://x.example/c.json")
    assert updates.public_keys == (bytes(range(32)),) * 2
    assert read(tmp_path, "").updates.update_url is None
    assert read(tmp_path, "").span_days == 180.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('update_url = "https://x.example/c.json"', "public_keys: is missing"),
        (f'update_url = "http://x.example/c.json"\npublic_keys = ["{KEY}"]', "must be https"),
        (f'update_url = "file:///c.json"\npublic_keys = ["{KEY}"]', "must be an http or https URL"),
        ('public_keys = ["AAAA"]', "an Ed25519 public key"),
        (f'public_keys = ["{base64.b64encode(bytes(44)).decode()}"]', "an Ed25519 public key"),
        ("public_keys = [1]", "must be a list of texts"),
        ("signed = false", "unknown field"),
    ],
)
def test_what_is_refused(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        read(tmp_path, f"[catalogue]\n{text}\n")


SMTP = '[smtp]\nhost = "mail.example"\nsender = "gate@example.org"\n'


def test_a_mail_server_with_a_password_from_elsewhere(tmp_path):
    (tmp_path / "password").write_text("from the file\n")
    found = read(tmp_path, SMTP + 'username = "gate"\npassword_file = "password"\n').smtp
    assert (found.host, found.port, found.security, found.password.reveal()) == (
        "mail.example",
        587,
        SmtpSecurity.STARTTLS,
        "from the file",
    )
    found = read(tmp_path, SMTP + 'username = "gate"\nsecurity = "tls"\n', ANYAPI_SMTP_PASSWORD="from outside").smtp
    assert (found.port, found.password.reveal()) == (465, "from outside")
    assert "from outside" not in repr(found)
    assert read(tmp_path, SMTP + 'username = "gate"\n', secrets=False).smtp.password is None
    assert read(tmp_path, SMTP).smtp.username is None
    assert read(tmp_path, "").smtp is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('username = "gate"', "ANYAPI_SMTP_PASSWORD: is missing"),
        ('username = "gate"\npassword_file = "nowhere"', "`smtp.password_file`. cannot be read"),
        ('security = "none"', "on this machine"),
        ('security = "ssl"', "must be one of"),
        ('password = "do not print me"', "must not stand in this file"),
        ("port = 0", "must be a whole number"),
    ],
)
def test_a_mail_server_that_is_refused(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, f"{SMTP}{text}\n")
    assert "do not print me" not in caught.value.message


HOOK = '[privacy]\nwebhook_url = "https://hooks.example/privacy"\n'


def test_the_privacy_teams_webhook_has_a_secret_from_the_environment(tmp_path):
    secret = new_secret().reveal()
    found = read(tmp_path, HOOK, ANYAPI_PRIVACY_WEBHOOK_SECRET=secret).privacy_hook
    assert (found.url, found.secret.reveal()) == ("https://hooks.example/privacy", secret)
    assert read(tmp_path, "").privacy_hook is None


@pytest.mark.parametrize(
    ("text", "secret", "words"),
    [
        (HOOK, None, "is missing"),
        (HOOK, "whsec_c2hvcnQ=", "is not one"),
        (HOOK, "x" * 60, "is not one"),
        (HOOK, f"whsec_{'A' * 43}=", "is not random"),
        (HOOK, f"whsec_{'Y2hhbmdlbWUh' * 4}", "is not random"),
        ("", "whsec_" + "QUJD" * 11, "there is no privacy.webhook_url"),
    ],
)
def test_a_privacy_webhook_that_is_refused(tmp_path, text, secret, words):
    with pytest.raises(ConfigError, match=f"ANYAPI_PRIVACY_WEBHOOK_SECRET.*{words}") as caught:
        read(tmp_path, text, **({} if secret is None else {"ANYAPI_PRIVACY_WEBHOOK_SECRET": secret}))
    assert secret is None or secret not in str(caught.value)


def test_a_name_with_a_line_end_is_no_sender(tmp_path):
    with pytest.raises(ConfigError, match="an e-mail address"):
        read(tmp_path, '[smtp]\nhost = "mail.example"\nsender = "gate@example.org\\nBcc: eve@example.org"\n')
