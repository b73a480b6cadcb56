"""Root keys of the configuration: where they come from, what goes before what, and that they never show."""

import datetime as dt

import pytest

from anyapi.catalogue.reading import Problems
from anyapi.config import load_config, read_agreements
from anyapi.config_root_keys import read_root_keys, root_key_file, root_keys_of
from anyapi.crypto.root_keys import key_id
from anyapi.errors import ConfigError

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
ONE, TWO = bytes(range(32)), bytes(range(60, 92))


def load(tmp_path, text="", secrets=True, **env):
    path = tmp_path / "anyapi.toml"
    path.write_text(text)
    return load_config(path, {"HOME": "/home/ada"} | env, NOW, secrets=secrets)


def refused(tmp_path, text="", **env):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **env)
    assert ONE.hex() not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a root.key"
    path.write_text(f"{TWO.hex()}\n{ONE.hex()}\n")
    return path


def test_none_by_default(tmp_path):
    assert load(tmp_path).root_keys.ids == ()


def test_from_the_environment(tmp_path):
    config = load(tmp_path, ANYAPI_ROOT_KEY=f"{ONE.hex()} {TWO.hex()}")
    assert config.root_keys.ids == (key_id(ONE), key_id(TWO))
    assert ONE.hex() not in repr(config)


def test_from_a_file_that_either_names(tmp_path, file):
    for config in (
        load(tmp_path, ANYAPI_ROOT_KEY_FILE=str(file)),
        load(tmp_path, '[encryption]\nroot_key_file = "a root.key"\n'),
        load(tmp_path, '[encryption]\nroot_key_file = "nowhere"\n', ANYAPI_ROOT_KEY_FILE=str(file)),
    ):
        assert config.root_keys.ids == (key_id(TWO), key_id(ONE))


def test_the_environment_goes_before_the_file(tmp_path, file):
    config = load(tmp_path, f"[encryption]\nroot_key_file = '{file}'\n", ANYAPI_ROOT_KEY=ONE.hex())
    assert config.root_keys.ids == (key_id(ONE),)


def test_an_empty_variable_is_not_set(tmp_path):
    assert load(tmp_path, ANYAPI_ROOT_KEY="", ANYAPI_ROOT_KEY_FILE="").root_keys.ids == ()


def test_what_is_wrong_refuses_to_start_and_shows_nothing(tmp_path, file):
    assert "ANYAPI_ROOT_KEY: no usable root key: must be 32 bytes" in refused(tmp_path, ANYAPI_ROOT_KEY=ONE.hex() + "ff")
    assert "not random" in refused(tmp_path, ANYAPI_ROOT_KEY="00" * 32)
    assert "keep one of them" in refused(tmp_path, ANYAPI_ROOT_KEY=ONE.hex(), ANYAPI_ROOT_KEY_FILE=str(file))
    assert "cannot be read (No such file" in refused(tmp_path, ANYAPI_ROOT_KEY_FILE=str(tmp_path / "nowhere"))
    file.write_bytes(b"\xff\xfe")
    assert "cannot be read (not text)" in refused(tmp_path, ANYAPI_ROOT_KEY_FILE=str(file))
    file.write_text("")
    assert f"ANYAPI_ROOT_KEY_FILE: no usable root key in {file}: must hold 1 to 8" in refused(tmp_path, ANYAPI_ROOT_KEY_FILE=str(file))
    assert "encryption.key" in refused(tmp_path, "[encryption]\nkey = 1\n")


def test_a_file_that_the_configuration_names_is_reported_with_file_and_field(tmp_path):
    text = '[encryption]\nroot_key_file = "no.key"\n'
    said = refused(tmp_path, text)
    assert f"anyapi.toml: encryption.root_key_file: the file of root keys {tmp_path / 'no.key'} cannot be read (No such file" in said
    with pytest.raises(ConfigError, match=r"anyapi\.toml: encryption\.root_key_file: the file"):
        root_keys_of(load(tmp_path, text, secrets=False), {})
    (tmp_path / "no.key").write_text("")
    assert "encryption.root_key_file: no usable root key in " in refused(tmp_path, text)


def test_commands_that_need_no_secret_read_none(tmp_path):
    config = load(tmp_path, '[encryption]\nroot_key_file = "nowhere"\n', secrets=False)
    assert config.root_keys.ids == ()
    assert config.root_key_file == tmp_path / "nowhere"


def test_a_command_that_seals_asks_for_them(tmp_path, file):
    config = load(tmp_path, '[encryption]\nroot_key_file = "a root.key"\n', secrets=False)
    assert root_keys_of(config, {}).ids == (key_id(TWO), key_id(ONE))
    assert root_keys_of(config, {"ANYAPI_ROOT_KEY": ONE.hex()}).ids == (key_id(ONE),)
    with pytest.raises(ConfigError, match="openssl rand"):
        root_keys_of(load(tmp_path, secrets=False), {})
    with pytest.raises(ConfigError, match="not random"):
        root_keys_of(config, {"ANYAPI_ROOT_KEY": "11" * 32})


def test_the_parts(tmp_path, file):
    assert root_key_file(None, {}) is None
    assert root_key_file(file, {}) == file
    assert root_key_file(None, {"ANYAPI_ROOT_KEY_FILE": str(file)}) == file
    problems = Problems()
    assert read_root_keys(file, {}, problems).ids == (key_id(TWO), key_id(ONE))
    assert problems.found == []


AGREEMENT = """
[[agreements]]
id = "zdr"
provider = "openai"
attested_by = "Ada"
document = "order form"
valid_from = 2027-01-01
valid_until = 2028-01-01
retention = { kind = "zero", days = 0 }
"""


def test_agreements_in_a_file_of_their_own(tmp_path):
    config = load(tmp_path)
    path = tmp_path / "zdr.toml"
    path.write_text(AGREEMENT)
    (agreement,) = read_agreements(path, config)
    assert (agreement.id, agreement.provider, agreement.retention.kind.value) == ("zdr", "openai", "zero")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must hold"),
        (AGREEMENT + "[policy]\nretention_days = 3\n", "policy: unknown field"),
        (AGREEMENT + '[providers.mine]\nname = "x"\n', "nothing else"),
        ('[[agreements]]\nid = "a"\n', "problems"),
        ("[[", "not valid TOML"),
    ],
)
def test_a_file_with_anything_else_is_refused(tmp_path, text, why):
    config = load(tmp_path)
    path = tmp_path / "zdr.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_agreements(path, config)
