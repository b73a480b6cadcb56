import datetime as dt

import pytest

from anyapi.config import load_config
from anyapi.config_credentials import own_base_url, weakness_of
from anyapi.domain.snapshot import Tier
from anyapi.errors import ConfigError

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
KEY = "sk-live-0123456789abcdef"


def load(tmp_path, text="", **env):
    path = tmp_path / "anyapi.toml"
    path.write_text(text)
    return load_config(path, {"HOME": "/home/ada"} | env, NOW)


def errors_of(tmp_path, text="", **env):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **env)
    return {e.field: e.message for e in caught.value.problems or (caught.value,)}


def credential(**fields):
    lines = {"id": '"main"', "provider": '"openai"', "env": '"MY_KEY"'} | fields
    return "[[credentials]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items() if value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "1234567",
        "changeme",
        "CHANGE_ME!",
        "test-test",
        "password",
        "your-api-key",
        "YOUR_API_KEY_HERE",
        "sk-xxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxx",
        "........",
        "<paste key here>",
        "<paste-key-here>",
        "${OPENAI_API_KEY}",
        "sk-live 0123456789",
        "sk-live-0123456789\n",
        "sk-live-01234567\x00",
        "sk-live-schlüssel",
        "a" * 9000,
        "12345678",
    ],
)
def test_what_cannot_be_a_key(text):
    weakness = weakness_of(text)
    assert weakness
    assert len(text) < 6 or text not in weakness


@pytest.mark.parametrize("text", [KEY, "abcd1234", "eyJhbGciOi.J9.sig", "test-key-of-the-simulator-1", "lm-studio"])
def test_what_may_be_a_key(text):
    assert weakness_of(text) is None


def test_keys_under_the_catalogues_names_are_found(tmp_path):
    config = load(tmp_path, OPENAI_API_KEY=KEY, COHERE_API_KEY=KEY, PATH="/bin")
    assert {(item.id, item.provider, item.tier) for item in config.credentials} == {
        ("env:OPENAI_API_KEY", "openai", Tier.UNDECLARED),
        ("env:COHERE_API_KEY", "cohere", Tier.UNDECLARED),
    }
    assert config.secrets["env:COHERE_API_KEY"].reveal() == KEY
    assert config.base_urls["env:OPENAI_API_KEY"] == "https://api.openai.com/v1"


def test_the_first_name_wins_and_an_empty_variable_is_not_set(tmp_path):
    both = load(tmp_path, CO_API_KEY=KEY, COHERE_API_KEY=KEY + "2")
    assert [item.id for item in both.credentials] == ["env:CO_API_KEY"]
    assert load(tmp_path, OPENAI_API_KEY="").credentials == ()


def test_a_declared_credential_replaces_what_would_be_found(tmp_path):
    config = load(tmp_path, credential(tier='"paid"'), MY_KEY=KEY, OPENAI_API_KEY=KEY + "2")
    assert [item.id for item in config.credentials] == ["main"]
    assert config.secrets["main"].reveal() == KEY


def test_a_weak_key_in_the_environment_is_refused_by_name(tmp_path):
    found = errors_of(tmp_path, OPENAI_API_KEY="dummy-key")
    assert "OPENAI_API_KEY" in found
    assert "dummy-key" not in found["OPENAI_API_KEY"]


def test_placeholders_are_filled_from_the_environment(tmp_path):
    config = load(tmp_path, AZURE_API_KEY=KEY, AZURE_RESOURCE_NAME="my-res")
    assert config.base_urls == {"env:AZURE_API_KEY": "https://my-res.openai.azure.com/openai/v1"}


def test_a_key_whose_address_cannot_be_filled_is_a_notice(tmp_path):
    config = load(tmp_path, AZURE_API_KEY=KEY)
    assert config.credentials == ()
    assert "AZURE_API_KEY" in config.notices[0]
    assert "AZURE_RESOURCE_NAME" in config.notices[0]


@pytest.mark.parametrize("resource", ["evil.example/", "a@b", "a#b", "a.evil.example", "a b"])
def test_a_placeholder_cannot_redirect_the_key(tmp_path, resource):
    assert load(tmp_path, AZURE_API_KEY=KEY, AZURE_RESOURCE_NAME=resource).credentials == ()
    text = credential(provider='"azure"', variables=f'{{ resource = "{resource}" }}')
    assert errors_of(tmp_path, text, MY_KEY=KEY)


def test_variables_of_a_credential_go_before_the_environment(tmp_path):
    text = credential(provider='"azure"', variables='{ resource = "declared" }')
    config = load(tmp_path, text, MY_KEY=KEY, AZURE_RESOURCE_NAME="from-env")
    assert config.base_urls["main"] == "https://declared.openai.azure.com/openai/v1"


def test_a_key_file_is_read_without_its_line_end(tmp_path):
    (tmp_path / "openai key").write_text(KEY + "\n")
    config = load(tmp_path, credential(env=None, key_file='"openai key"'))
    assert config.secrets["main"].reveal() == KEY


@pytest.mark.parametrize(
    ("fields", "env", "field"),
    [
        ({}, {}, "credentials.main.env"),
        ({}, {"MY_KEY": ""}, "credentials.main.env"),
        ({}, {"MY_KEY": "changeme"}, "credentials.main.env"),
        ({"env": None}, {}, "credentials.main.env"),
        ({"env": f'"{KEY}"'}, {}, "credentials.main.env"),
        ({"env": None, "key": f'"{KEY}"'}, {}, "credentials.main.key"),
        ({"env": None, "api_key": f'"{KEY}"'}, {}, "credentials.main.api_key"),
        ({"env": None, "key_file": '"missing"'}, {}, "credentials.main.key_file"),
        ({"key_file": '"also"'}, {"MY_KEY": KEY}, "credentials.main.key_file"),
        ({"provider": '"opnai"'}, {"MY_KEY": KEY}, "credentials.main.provider"),
        ({"tier": '"gold"'}, {"MY_KEY": KEY}, "credentials.main.tier"),
        ({"region": '"Europe"'}, {"MY_KEY": KEY}, "credentials.main.region"),
        ({"id": '"has space"'}, {"MY_KEY": KEY}, "credentials[0].id"),
        ({"colour": '"red"'}, {"MY_KEY": KEY}, "credentials.main.colour"),
        ({"provider": '"azure"'}, {"MY_KEY": KEY}, "credentials.main.provider"),
        ({"provider": '"vllm"'}, {"MY_KEY": KEY}, "credentials.main.provider"),
    ],
)
def test_each_wrong_credential_names_its_field_and_never_the_secret(tmp_path, fields, env, field):
    found = errors_of(tmp_path, credential(**fields), **env)
    assert field in found
    assert KEY not in "".join(found.values())


def test_two_credentials_of_one_name_are_refused(tmp_path):
    assert "twice" in errors_of(tmp_path, credential() + "\n" + credential(), MY_KEY=KEY)["credentials.main.id"]


NETWORK = '[network]\nprivate_addresses = ["127.0.0.0/8"]\n'


def test_a_local_server_is_used_when_its_section_is_there(tmp_path):
    config = load(tmp_path, NETWORK + "[providers.ollama]\n")
    assert [(item.id, item.provider) for item in config.credentials] == [("local:ollama", "ollama")]
    assert config.base_urls["local:ollama"] == "http://localhost:11434/v1"
    assert config.secrets == {}


def test_a_private_address_must_be_allowed(tmp_path):
    found = errors_of(tmp_path, "[providers.ollama]\n")
    assert 'private_addresses = ["127.0.0.0/8"]' in found["providers.ollama.api.base_url"]


def test_a_private_address_found_by_a_variable_is_a_notice(tmp_path):
    config = load(tmp_path, "[server]\nlisten = '127.0.0.1:9000'", PRIVATEMODE_API_KEY=KEY)
    assert config.credentials == ()
    assert "private" in config.notices[0]


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080"])
def test_the_gateway_never_calls_itself(tmp_path, listen):
    text = f"[server]\nlisten = '{listen}'\n{NETWORK}[providers.llama-cpp]\n"
    assert "listens itself" in errors_of(tmp_path, text)["providers.llama-cpp.api.base_url"]
    assert load(tmp_path, text.replace(":8080", ":8081")).credentials


def test_a_credential_without_a_key_is_for_servers_that_need_none(tmp_path):
    config = load(tmp_path, NETWORK + credential(provider='"vllm"', env=None))
    assert [item.id for item in config.credentials] == ["main"]
    assert config.secrets == {}


def test_ids_of_accounts_own_credentials_cannot_be_taken(tmp_path):
    assert (
        "accounts bring" in errors_of(tmp_path, credential(id='"own:0123456789abcdef"'), MY_KEY=KEY)["credentials.own:0123456789abcdef.id"]
    )


def test_where_an_accounts_own_key_goes(tmp_path):
    config = load(tmp_path, AZURE_OPENAI_RESOURCE="operators-own", AZURE_RESOURCE_NAME="operators-own")
    openai, azure = config.catalogue.providers["openai"], config.catalogue.providers["azure"]
    assert own_base_url(config, openai, {}) == ("https://api.openai.com/v1", None)
    assert "its address needs" in own_base_url(config, azure, {})[1], "the operator's own deployment is not the account's"
    url, problem = own_base_url(config, azure, {"resource": "acme-eu"})
    assert problem is None
    assert "acme-eu" in url
    assert "must be" in own_base_url(config, azure, {"resource": "evil.example/"})[1]


def test_a_private_address_must_be_allowed_for_accounts_too(tmp_path):
    config = load(tmp_path, "[network]\nprivate_addresses = []\n")
    ollama = config.catalogue.providers["ollama"]
    assert "private" in own_base_url(config, ollama, {})[1]
