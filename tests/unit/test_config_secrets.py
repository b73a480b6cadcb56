"""What the text of a secret may look like, and how it is read."""

import pytest
from tests.tools.google_account import key_file

from anyapi.catalogue.load import load_catalogue
from anyapi.config_secrets import Unreadable, access_key_in, from_file, from_variable, variables_in, variables_of, weakness_of
from anyapi.domain.catalogue import Auth

KEY = "sk-live-0123456789abcdef"
FILE = key_file("https://oauth2.googleapis.com/token")
PROVIDERS = load_catalogue().providers


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"sk-proj-0123456789abcdef"', "quotation marks"),
        ("'sk-proj-0123456789abcdef'", "quotation marks"),
        ("OPENAI_API_KEY=sk-proj-0123456789abcdef", "NAME="),
    ],
)
def test_what_an_env_file_leaves_around_a_key_is_named_and_not_sent_to_a_provider(text, said):
    assert said in weakness_of(text)
    assert "0123" not in weakness_of(text)


@pytest.mark.parametrize("text", [KEY, "abcd1234", "eyJhbGciOi.J9.sig", "test-key-of-the-simulator-1", "lm-studio"])
def test_what_may_be_a_key(text):
    assert weakness_of(text) is None


@pytest.mark.parametrize("text", ["AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG:token+of==", "bedrock-api-key-1"])
def test_what_may_be_a_key_of_bedrock(text):
    assert weakness_of(text, Auth.SIGV4) is None


@pytest.mark.parametrize("text", [KEY, "{}", "[1]", '{"type": "authorized_user"}', "[" * 100_000, '{"type": 1}'])
def test_what_is_no_key_file_of_google(text):
    assert "service account" in weakness_of(text, Auth.SERVICE_ACCOUNT)
    assert variables_of(text, Auth.SERVICE_ACCOUNT) == {}


def test_a_key_file_of_google():
    assert weakness_of(FILE, Auth.SERVICE_ACCOUNT) is None
    assert weakness_of("", Auth.SERVICE_ACCOUNT) == "is empty"
    assert variables_of(FILE, Auth.SERVICE_ACCOUNT) == {"project": "sim-project"}
    assert variables_of(FILE, Auth.BEARER) == {}


def test_reading(tmp_path):
    path = tmp_path / "a key"
    path.write_text(FILE + "\n")
    assert from_file(path) == FILE
    assert from_variable(str(path), Auth.SERVICE_ACCOUNT) == FILE
    assert from_variable("  " + FILE, Auth.SERVICE_ACCOUNT) == "  " + FILE
    assert from_variable(str(path), Auth.BEARER) == str(path), "of others the variable is the key"


@pytest.mark.parametrize("content", [None, b"\xff\xfeSECRET"])
def test_what_cannot_be_read(tmp_path, content):
    path = tmp_path / "a key"
    if content is not None:
        path.write_bytes(content)
    for read in (lambda: from_file(path), lambda: from_variable(str(path), Auth.SERVICE_ACCOUNT)):
        with pytest.raises(Unreadable, match="cannot be read") as caught:
            read()
        assert "SECRET" not in str(caught.value)


def test_an_access_key_and_what_is_no_secret():
    bedrock, openai = PROVIDERS["amazon-bedrock"], PROVIDERS["openai"]
    env = {"AWS_ACCESS_KEY_ID": "ID", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_REGION": "eu-west-1"}
    assert access_key_in(bedrock, env) == ("ID:SECRET", "AWS_ACCESS_KEY_ID")
    assert access_key_in(bedrock, {**env, "AWS_SESSION_TOKEN": "T"}) == ("ID:SECRET:T", "AWS_ACCESS_KEY_ID")
    assert access_key_in(bedrock, {**env, "AWS_SECRET_ACCESS_KEY": ""}) is None
    assert access_key_in(openai, env) is None
    assert variables_in(bedrock, env) == {"region": "eu-west-1"}
