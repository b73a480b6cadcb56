import datetime as dt
import tomllib

import pytest
from tests.tools.google_account import key_file

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.reading import Problems, Table
from anyapi.config import load_config
from anyapi.config_credentials import check_key_files, read_credentials
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


def test_plain_http_to_a_public_address_is_for_one_that_is_listed(tmp_path):
    text = '[providers.lab]\nkind = "local"\napi = { base_url = "http://8.8.8.8:8000/v1", protocol = "openai-chat", auth = "none" }\n'
    assert "readable: use https" in errors_of(tmp_path, text)["providers.lab.api.base_url"]
    assert load(tmp_path, '[network]\nprivate_addresses = ["8.8.8.8/32"]\n' + text).credentials
    assert load(tmp_path, text.replace("http:", "https:")).credentials


def test_a_credential_without_a_key_is_for_servers_that_need_none(tmp_path):
    config = load(tmp_path, NETWORK + credential(provider='"vllm"', env=None))
    assert [item.id for item in config.credentials] == ["main"]
    assert config.secrets == {}


def test_ids_of_accounts_own_credentials_cannot_be_taken(tmp_path):
    assert (
        "accounts bring" in errors_of(tmp_path, credential(id='"own:0123456789abcdef"'), MY_KEY=KEY)["credentials.own:0123456789abcdef.id"]
    )


# --- clouds

AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very/secret+key"}
EU = {"AWS_REGION": "eu-central-1"}


def test_an_access_key_of_the_environment_is_found(tmp_path):
    config = load(tmp_path, **AWS, **EU)
    (credential,) = config.credentials
    assert (credential.id, credential.provider, credential.region) == ("env:AWS_ACCESS_KEY_ID", "amazon-bedrock", "de")
    assert config.secrets[credential.id].reveal() == "AKIDEXAMPLE:very/secret+key"
    assert config.base_urls[credential.id] == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert config.variables[credential.id] == {"region": "eu-central-1"}, "no secret is among them"
    assert "very/secret" not in repr(config)
    temporary = load(tmp_path, **AWS, **EU, AWS_SESSION_TOKEN="session/token")
    assert temporary.secrets[credential.id].reveal() == "AKIDEXAMPLE:very/secret+key:session/token"


def test_a_bedrock_key_goes_before_an_access_key(tmp_path):
    config = load(tmp_path, **AWS, **EU, AWS_BEARER_TOKEN_BEDROCK="bedrock-api-key-1")
    assert {name: secret.reveal() for name, secret in config.secrets.items()} == {"env:AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-1"}


@pytest.mark.parametrize("missing", AWS)
def test_half_an_access_key_is_none(tmp_path, missing):
    config = load(tmp_path, **{name: value for name, value in AWS.items() if name != missing}, **EU)
    assert (config.credentials, config.notices) == ((), ())


def test_an_access_key_without_a_region_is_a_notice(tmp_path):
    config = load(tmp_path, **AWS)
    assert config.credentials == ()
    assert "AWS_ACCESS_KEY_ID is set" in config.notices[0]
    assert "AWS_REGION" in config.notices[0]


def bedrock(**fields):
    return credential(**{"provider": '"amazon-bedrock"', "env": None, "variables": '{ region = "us-west-2" }'} | fields)


def test_a_declared_credential_takes_the_access_key_of_the_environment_or_its_own(tmp_path):
    config = load(tmp_path, bedrock(), **AWS, **EU)
    assert (config.secrets["main"].reveal(), config.credentials[0].region) == ("AKIDEXAMPLE:very/secret+key", "us")
    config = load(tmp_path, bedrock(env='"MINE"'), **AWS, MINE="AKIDOTHER:another/secret")
    assert config.secrets["main"].reveal() == "AKIDOTHER:another/secret"
    found = errors_of(tmp_path, bedrock())
    assert "AWS_ACCESS_KEY_ID" in found["credentials.main.env"]


@pytest.mark.parametrize("name", ["secret_access_key", "access_key_id", "session_token"])
def test_an_access_key_never_stands_in_the_file(tmp_path, name):
    found = errors_of(tmp_path, bedrock(variables=f'{{ region = "us-west-2", {name} = "very-secret" }}'), **AWS)
    assert "never stands in this file" in found["credentials.main.variables"]
    assert "very-secret" not in "".join(found.values())


def google(tmp_path, **changes):
    path = tmp_path / "service account.json"
    path.write_text(key_file("https://oauth2.googleapis.com/token", **changes))
    return str(path)


def test_a_service_account_is_found_by_the_name_of_its_file(tmp_path):
    config = load(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=google(tmp_path), GOOGLE_VERTEX_LOCATION="europe-west4")
    (credential,) = config.credentials
    assert (credential.provider, credential.region) == ("google-vertex", "nl")
    assert config.base_urls[credential.id] == (
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/sim-project/locations/europe-west4"
    ), "the file says the project"
    assert "PRIVATE" in config.secrets[credential.id].reveal()
    assert "BEGIN PRIVATE KEY" not in repr(config)
    named = load(
        tmp_path, GOOGLE_APPLICATION_CREDENTIALS=google(tmp_path), GOOGLE_VERTEX_LOCATION="europe-west4", GOOGLE_VERTEX_PROJECT="another"
    )
    assert "/projects/another/" in named.base_urls[credential.id]


@pytest.mark.parametrize("field", ["key_file", "env", "text"])
def test_a_declared_service_account(tmp_path, field):
    path = google(tmp_path)
    source = {"env": None, "key_file": f'"{path}"'} if field == "key_file" else {"env": '"MINE"'}
    text = credential(provider='"google-vertex"', variables='{ location = "us-central1" }', **source)
    with open(path) as file:
        config = load(tmp_path, text, MINE=file.read() if field == "text" else path)
    assert config.base_urls["main"] == "https://us-central1-aiplatform.googleapis.com/v1/projects/sim-project/locations/us-central1"
    assert config.credentials[0].region == "us"


def test_key_files_alone_are_checked_without_an_environment(tmp_path):
    (tmp_path / "good").write_text(KEY)
    (tmp_path / "weak").write_text("short")
    texts = [f'[[credentials]]\nid = "{name}"\nprovider = "openai"\nkey_file = "{name}"\n' for name in ("good", "weak", "missing")]
    problems = Problems()
    top = Table(tomllib.loads("".join(texts) + '[[credentials]]\nid = "env"\nprovider = "openai"\nenv = "MINE"\n'), problems, "f")
    check_key_files(read_credentials(top, load_catalogue(), tmp_path), load_catalogue(), top)
    assert [(one.record, one.field) for one in problems.found] == [("credentials.weak", "key_file"), ("credentials.missing", "key_file")]


def test_googles_variable_is_there_for_others_too(tmp_path):
    """Credentials of another kind are no reason not to start."""
    for path in (google(tmp_path, type="authorized_user"), str(tmp_path / "missing.json"), str(tmp_path)):
        config = load(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=path, GOOGLE_VERTEX_LOCATION="us-central1")
        assert config.credentials == ()
        assert "google-vertex is not used: it " in config.notices[0]
    found = errors_of(tmp_path, credential(provider='"google-vertex"', variables='{ location = "eu" }'), MY_KEY=str(tmp_path / "missing"))
    assert "cannot be read" in found["credentials.main.env"]


def test_a_region_that_is_declared_may_be_wider_than_the_address_and_never_elsewhere(tmp_path):
    assert load(tmp_path, bedrock(region='"us"'), **AWS).credentials[0].region == "us"
    europe = '{ region = "eu-west-1" }'
    assert load(tmp_path, bedrock(region='"eu"', variables=europe), **AWS).credentials[0].region == "eu"
    assert "which is ie" in errors_of(tmp_path, bedrock(region='"us"', variables=europe), **AWS)["credentials.main.provider"]


def test_deployments(tmp_path):
    more = {"provider": '"azure"', "variables": '{ resource = "res" }', "deployments": '{ "gpt-4o" = "our-gpt" }'}
    config = load(tmp_path, credential(**more), MY_KEY=KEY)
    assert config.credentials[0].deployments == {"gpt-4o": "our-gpt"}
    for bad in ('{ "gpt-4o" = "a b" }', '{ "gpt 4o" = "x" }', '{ "gpt-4o" = "../x" }'):
        assert any("deployments" in field for field in errors_of(tmp_path, credential(**more | {"deployments": bad}), MY_KEY=KEY))


def test_a_mistyped_provider_is_told_the_near_ones_with_the_own(tmp_path):
    own = '[providers.mine]\nkind = "local"\napi = { base_url = "https://m.example/v1", protocol = "openai-chat", env = "MINE" }\n'
    said = errors_of(tmp_path, own + credential(provider='"mine2"'), MY_KEY=KEY)["credentials.main.provider"]
    assert "must be a provider of the catalogue, or one of [providers]; did you mean mine" in said
    assert "did you mean openai" in errors_of(tmp_path, credential(provider='"opnai"'), MY_KEY=KEY)["credentials.main.provider"]
