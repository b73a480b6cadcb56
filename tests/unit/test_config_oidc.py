"""`[control.oidc]` and its secret: what is taken, and every way in which it can be wrong refuses the start."""

import datetime as dt

import pytest

from anyapi.config import load_config
from anyapi.domain.people import Role
from anyapi.domain.sign_in import Joining
from anyapi.errors import ConfigError

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
SECRET = "wFz3-a-good-secret"
OIDC = '[control.oidc]\nissuer = "https://id.example.org/realms/x"\nclient_id = "anyapi"\n'
JOIN = '[[control.oidc.join]]\ndomain = "example.org"\naccount = "default"\nrole = "member"\n'


def load(tmp_path, toml, secrets=True, **env):
    (tmp_path / "anyapi.toml").write_text(toml)
    return load_config(tmp_path / "anyapi.toml", {"HOME": str(tmp_path), **env}, NOW, secrets=secrets)


def refused(tmp_path, toml, **env):
    with pytest.raises(ConfigError) as found:
        load(tmp_path, toml, **env)
    assert SECRET not in str(found.value)
    return str(found.value)


def test_everything_that_can_be_said(tmp_path):
    config = load(tmp_path, OIDC + 'name = "Example"\nhosts = ["keys.example.org"]\n' + JOIN, ANYAPI_OIDC_CLIENT_SECRET=SECRET)
    service = config.control.oidc.service
    assert (service.name, service.issuer, service.client_id) == ("Example", "https://id.example.org/realms/x", "anyapi")
    assert service.hosts == {"keys.example.org"}
    assert service.joining == (Joining("example.org", "default", Role.MEMBER),)
    assert config.oidc_secret.reveal() == SECRET
    assert SECRET not in repr(config)


def test_the_secret_may_be_in_a_file_or_not_be(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert load(tmp_path, OIDC + 'client_secret_file = "secret"').oidc_secret.reveal() == SECRET
    assert load(tmp_path, OIDC + "public_client = true").oidc_secret is None
    assert load(tmp_path, OIDC, secrets=False).oidc_secret is None, "commands without secrets need none"
    assert load(tmp_path, "").control.oidc is None


@pytest.mark.parametrize(
    "issuer",
    ["http://127.0.0.1:9000", "http://localhost:9000/x", "http://[::1]:9000", "https://id.example.org", "https://id.example.org/"],
)
def test_issuers_that_are_taken(tmp_path, issuer):
    toml = f'[control.oidc]\nissuer = "{issuer}"\nclient_id = "c"\npublic_client = true\n'
    assert load(tmp_path, toml).control.oidc.service.issuer == issuer


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ('[control.oidc]\nclient_id = "c"\n', "issuer"),
        ('[control.oidc]\nissuer = "https://x.org"\n', "client_id"),
        ('[control.oidc]\nissuer = "http://id.example.org"\nclient_id = "c"\n', "https"),
        ('[control.oidc]\nissuer = "http://127.0.0.1.example.org"\nclient_id = "c"\n', "https"),
        ('[control.oidc]\nissuer = "http://0.0.0.0:1"\nclient_id = "c"\n', "https"),
        ('[control.oidc]\nissuer = "https://user@x.org"\nclient_id = "c"\n', "issuer"),
        ('[control.oidc]\nissuer = "https://x.org?a=b"\nclient_id = "c"\n', "issuer"),
        ('[control.oidc]\nissuer = "https://x.org/#a"\nclient_id = "c"\n', "issuer"),
        ('[control.oidc]\nissuer = "id.example.org"\nclient_id = "c"\n', "issuer"),
        ('[control.oidc]\nissuer = ""\nclient_id = "c"\n', "issuer"),
        (OIDC + 'hosts = ["https://keys.example.org"]\n', "hosts"),
        (OIDC + 'name = ""\n', "name"),
        (OIDC + 'client_secret = "x"\n', "client_secret"),
        (OIDC + 'issuers = ["https://x.org"]\n', "issuers"),
        ('[oidc]\nissuer = "https://x.org"\nclient_id = "c"\n', "oidc"),
        (OIDC + JOIN.replace("member", "owner"), "role"),
        (OIDC + JOIN.replace("member", "operator"), "role"),
        (OIDC + JOIN.replace("example.org", "*"), "domain"),
        (OIDC + JOIN.replace("example.org", "Example.org"), "domain"),
        (OIDC + JOIN.replace("example.org", "org"), "domain"),
        (OIDC + JOIN + JOIN, "twice"),
        (OIDC + JOIN.replace('role = "member"\n', ""), "role"),
        ('[control]\nlisten = "0.0.0.0:8081"\n\n' + OIDC, "public_url"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, toml, word):
    assert word in refused(tmp_path, toml, ANYAPI_OIDC_CLIENT_SECRET=SECRET)


@pytest.mark.parametrize(
    ("toml", "secret", "word"),
    [
        (OIDC, None, "is missing"),
        (OIDC, "", "is missing"),
        (OIDC, "short", "shorter"),
        (OIDC, "changeme", "placeholder"),
        (OIDC, "<your secret here>", "spaces"),
        (OIDC, "aaaaaaaaaaaa", "placeholder"),
        (OIDC + "public_client = true\n", SECRET, "does not stand alone"),
        (OIDC + 'client_secret_file = "secret"\n', SECRET, "does not stand alone"),
        (OIDC + 'client_secret_file = "nowhere"\n', None, "cannot be read"),
        (OIDC + 'client_secret_file = "secret"\npublic_client = true\n', None, "does not stand alone"),
        ("", SECRET, "no [control.oidc]"),
    ],
)
def test_a_secret_that_cannot_be_one_refuses_the_start(tmp_path, toml, secret, word):
    (tmp_path / "secret").write_text("")
    env = {} if secret is None else {"ANYAPI_OIDC_CLIENT_SECRET": secret}
    assert word in refused(tmp_path, toml, **env)


def test_an_empty_file_is_no_secret(tmp_path):
    (tmp_path / "secret").write_text("\n")
    assert "is empty" in refused(tmp_path, OIDC + 'client_secret_file = "secret"\n')
