import datetime as dt
import subprocess
import sys

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.config import ENVIRONMENT, check_config_file, load_config, not_served_yet, policy_context
from anyapi.config_values import Config, Listen, Networks, Server
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.snapshot import Tier
from anyapi.errors import ConfigError
from anyapi.policy.merge import DEFAULT_PRESETS

NOW = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
KEY = "sk-live-0123456789abcdef"
HOME = {"HOME": "/home/ada"}


def load(tmp_path, text="", **env):
    path = tmp_path / "with space" / "anyapi.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_config(path, HOME | env, NOW)


OFF_LOOPBACK = "plain HTTP off loopback is refused"


def errors_of(tmp_path, text="", **env):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **env)
    assert KEY not in str(caught.value)
    return {e.field: e.message for e in caught.value.problems or (caught.value,)}


def test_without_a_file_and_without_keys_there_are_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(None, HOME, NOW)
    assert isinstance(config, Config)
    assert config.file is None
    assert config.server == Server()
    assert config.server.listen == Listen("127.0.0.1", 8080)
    assert str(config.data_dir) == "/home/ada/.local/share/anyapi"
    assert config.policy == Settings()
    assert config.presets == dict(DEFAULT_PRESETS)
    assert config.catalogue == load_catalogue()
    assert (config.span_days, config.usage_ttl_days, config.scrub) == (180, 90, True)
    assert (config.credentials, config.secrets, config.notices, config.networks.private_addresses) == ((), {}, (), ())


def test_the_file_in_the_working_directory_is_found(tmp_path, monkeypatch):
    (tmp_path / "anyapi.toml").write_text("[usage]\nttl_days = 7")
    monkeypatch.chdir(tmp_path)
    assert load_config(None, HOME, NOW).usage_ttl_days == 7


def test_the_environment_names_a_file_and_the_command_line_goes_before(tmp_path):
    for name, days in (("a", 1), ("b", 2)):
        (tmp_path / name).write_text(f"[usage]\nttl_days = {days}")
    env = HOME | {"ANYAPI_CONFIG": str(tmp_path / "a")}
    assert load_config(None, env, NOW).usage_ttl_days == 1
    assert load_config(tmp_path / "b", env, NOW).usage_ttl_days == 2


@pytest.mark.parametrize("how", ["command line", "environment"])
def test_a_named_file_must_exist(tmp_path, how):
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError, match="no such file") as caught:
        load_config(missing if how == "command line" else None, HOME | {"ANYAPI_CONFIG": str(missing)}, NOW)
    assert caught.value.file == str(missing)


FULL = """
[server]
listen = "[::1]:9000"
cors_origins = ["https://app.example.com"]
public_url = "https://gate.example.com"
[server.limits]
max_body_bytes = 1048576
drain_timeout = 5
[server.upstream]
connect_timeout = 2.5
[storage]
data_dir = "data"
[policy]
training_allowed = false
retention_days = 30
providers = { ignore = ["deepseek"] }
[classes.internal]
retention_days = 7
[classes.regulated]
certifications = ["soc2"]
[catalogue]
span_days = 90
[network]
private_addresses = ["127.0.0.0/8", "10.0.0.0/8"]
webhook_addresses = ["192.168.7.0/24"]
[usage]
ttl_days = 30
[scrub]
enabled = false
[privacy]
policy_url = "https://ops.example/privacy"
contact = "privacy@ops.example"
[providers.gpu]
kind = "local"
api = { base_url = "http://10.0.0.5:8000/v1", protocol = "openai-chat", auth = "none" }
[[models]]
id = "lab/own"
endpoints = [{ provider = "gpu", model = "own" }]
[[credentials]]
id = "openai-eu"
provider = "openai"
env = "MY_OPENAI"
tier = "paid"
region = "eu"
account_states = ["safety-retention"]
[[agreements]]
id = "zdr"
provider = "openai"
attested_by = "Ada"
document = "17"
valid_from = 2026-01-01
valid_until = 2028-01-01
credentials = ["openai-eu"]
retention = { kind = "zero", days = 0 }
"""


def test_every_section(tmp_path):
    config = load(tmp_path, FULL, MY_OPENAI=KEY)
    assert str(config.server.listen) == "[::1]:9000"
    assert config.server.limits.max_body_bytes == 1048576
    assert config.server.limits.drain_timeout == 5
    assert config.server.limits.max_headers == 100
    assert config.server.upstream.connect_timeout == 2.5
    assert config.server.cors_origins == ("https://app.example.com",)
    assert config.server.public_url == "https://gate.example.com"
    assert config.data_dir == tmp_path / "with space" / "data"
    assert (config.policy.training_allowed, config.policy.retention_days) == (False, 30)
    assert config.policy.providers_ignore == {"deepseek"}
    assert config.presets[DataClass.INTERNAL] == Settings(training_allowed=False, retention_days=7)
    assert config.presets[DataClass.REGULATED].certifications == {"soc2"}
    assert config.presets[DataClass.REGULATED].certifications_must_be_named
    assert (config.span_days, config.usage_ttl_days, config.scrub) == (90, 30, False)
    assert config.networks == Networks(("127.0.0.0/8", "10.0.0.0/8"), ("192.168.7.0/24",))
    assert (config.privacy.policy_url, config.privacy.contact) == ("https://ops.example/privacy", "privacy@ops.example")
    assert config.catalogue.models["lab/own"].endpoints[0].provider == "gpu"
    assert config.catalogue.providers["gpu"].provenance.verified_at == NOW.date()
    assert {credential.id for credential in config.credentials} == {"openai-eu", "local:gpu"}
    credential = config.credentials[0]
    assert (credential.tier, credential.region, credential.account_states) == (Tier.PAID, "eu", {"safety-retention"})
    assert config.secrets["openai-eu"].reveal() == KEY
    assert "local:gpu" not in config.secrets
    assert config.base_urls == {"openai-eu": "https://api.openai.com/v1", "local:gpu": "http://10.0.0.5:8000/v1"}
    assert KEY not in repr(config)


def test_the_context_holds_credentials_in_file_order_and_agreements(tmp_path):
    config = load(tmp_path, FULL, MY_OPENAI=KEY)
    context = policy_context(config, config.catalogue, frozenset({"openai-chat"}))
    assert [credential.id for credential in context.credentials["openai"]] == ["openai-eu"]
    assert [agreement.id for agreement in context.agreements] == ["zdr"]
    assert (context.span_days, context.served_protocols) == (90, {"openai-chat"})


def test_keys_of_protocols_without_an_adapter_are_named(tmp_path):
    config = load(tmp_path, GEMINI_API_KEY=KEY, OPENAI_API_KEY=KEY)
    assert {credential.id for credential in config.credentials} == {"env:GEMINI_API_KEY", "env:OPENAI_API_KEY"}
    assert [credential.id for credential in not_served_yet(config, frozenset({"openai-chat"}))] == ["env:GEMINI_API_KEY"]


def test_the_environment_goes_before_the_file(tmp_path):
    env = {"ANYAPI_LISTEN": "unix:/tmp/a.sock", "ANYAPI_DATA_DIR": "/srv/anyapi", "ANYAPI_SCRUB": "true"}
    config = load(tmp_path, FULL, MY_OPENAI=KEY, **env)
    assert str(config.server.listen) == "unix:/tmp/a.sock"
    assert str(config.data_dir) == "/srv/anyapi"
    assert config.scrub is True


def test_metrics_are_off_until_an_address_is_stated(tmp_path):
    assert load(tmp_path).metrics.listen is None
    text = "[metrics]\nlisten = '127.0.0.1:9464'"
    assert str(load(tmp_path, text).metrics.listen) == "127.0.0.1:9464"
    assert str(load(tmp_path, text, ANYAPI_METRICS_LISTEN="0.0.0.0:9000").metrics.listen) == "0.0.0.0:9000"
    assert "host:port" in errors_of(tmp_path, ANYAPI_METRICS_LISTEN="unix:/tmp/m.sock")["ANYAPI_METRICS_LISTEN"]


def test_xdg_data_home_is_used_when_it_is_absolute(tmp_path):
    assert str(load(tmp_path, XDG_DATA_HOME="/srv/data").data_dir) == "/srv/data/anyapi"
    assert str(load(tmp_path, XDG_DATA_HOME="data").data_dir) == "/home/ada/.local/share/anyapi"


def test_without_a_home_the_directory_must_be_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="ANYAPI_DATA_DIR"):
        load_config(None, {}, NOW)


@pytest.mark.parametrize("name", ["ANYAPI_TEST_LONG", "ANYAPI_PYTHON", "ANYAPI_NO_DASHBOARD", *ENVIRONMENT])
def test_known_variables_are_no_problem(tmp_path, name):
    env = {"ANYAPI_CONFIG": "", "ANYAPI_LISTEN": "", "ANYAPI_SCRUB": ""}
    load(tmp_path, **(env | ({name: "1"} if name not in ENVIRONMENT else {})))


def test_an_unknown_variable_is_refused(tmp_path):
    assert "unknown variable" in errors_of(tmp_path, ANYAPI_LISTN="x")["ANYAPI_LISTN"]


def test_a_variable_that_a_credential_names_is_known(tmp_path):
    text = '[[credentials]]\nid = "a"\nprovider = "openai"\nenv = "ANYAPI_OPENAI_KEY"'
    assert load(tmp_path, text, ANYAPI_OPENAI_KEY=KEY).secrets["a"].reveal() == KEY


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[sever]\n", "sever"),
        ("listen = 3\n", "listen"),
        ("[server]\nlisten = '8080'", "server.listen"),
        ("[server]\nlisten = 'localhost:70000'", "server.listen"),
        ("[server]\nport = 8080", "server.port"),
        ("[metrics]\nlisten = 'unix:/tmp/m.sock'", "metrics.listen"),
        ("[metrics]\nlisten = '127.0.0.1:65536'", "metrics.listen"),
        ("[metrics]\nport = 9464", "metrics.port"),
        ("[control]\nkeys_per_account = 0", "control.keys_per_account"),
        ("[control]\nkeys_per_account = 2.5", "control.keys_per_account"),
        ("[server.limits]\nmax_headers = 0", "server.limits.max_headers"),
        ("[server.limits]\nmax_header = 1", "server.limits.max_header"),
        ("[server.limits]\nidle_timeout = inf", "server.limits.idle_timeout"),
        ("[server.limits]\nidle_timeout = nan", "server.limits.idle_timeout"),
        ("[server]\ncors_origins = ['app.example.com']", "server.cors_origins"),
        ("[server]\npublic_url = 'https://a.example/; script-src *'", "server.public_url"),
        ("[server.tls]\ncertificate = 'none.pem'\nkey = 'none.pem'", "server.tls.certificate"),
        ("[policy]\nretention_days = -1", "policy.retention_days"),
        ("[policy]\nretention = 1", "policy.retention"),
        ("[policy]\nproviders = { only = ['opnai'] }", "policy.providers.only"),
        ("[classes.secret]\nretention_days = 1", "classes.secret"),
        ("[classes.internal]\nretention_days = 'x'", "classes.internal.retention_days"),
        ("[classes.internal]\ndata_class = 'public'", "classes.internal.data_class"),
        ("[catalogue]\nspan_days = 0", "catalogue.span_days"),
        ("[network]\nprivate_addresses = ['10.0.0.1/8']", "network.private_addresses"),
        ("[network]\nprivate_addresses = ['everything']", "network.private_addresses"),
        ("[network]\nwebhook_addresses = ['10.0.0.1/8']", "network.webhook_addresses"),
        ("[control]\nproxies = ['10.0.0.1/8']", "control.proxies"),
        ("[usage]\nttl_days = '90'", "usage.ttl_days"),
        ("[scrub]\nenabled = 'no'", "scrub.enabled"),
        ("[privacy]\npolicy_url = 'ops.example'", "privacy.policy_url"),
        ("[privacy]\ncontact = 'Ada'", "privacy.contact"),
        ("[providers.openai.policy]\ntraining = 'no'", "providers.openai.policy.training"),
        ("[[models]]\nid = 'a/b'\nendpoints = [{ provider = 'nobody', model = 'x' }]", "models.a/b.endpoints[0].provider"),
        ("server = 3", "server"),
    ],
)
def test_each_wrong_field_is_named(tmp_path, text, field):
    assert list(errors_of(tmp_path, text))[0] == field


def test_everything_wrong_is_reported_at_once(tmp_path):
    text = "[server]\nlisten = 1\n[usage]\nttl = 1\n[policy]\nretention_days = -1\n[[credentials]]\nid = 'a'\nprovider = 'openai'\nenv = 'MISSING'\n"
    found = errors_of(tmp_path, text, ANYAPI_X="1", ANTHROPIC_API_KEY="changeme")
    assert set(found) == {
        "server.listen",
        "usage.ttl",
        "policy.retention_days",
        "credentials.a.env",
        "ANYAPI_X",
        "ANTHROPIC_API_KEY",
    }
    assert all("anyapi.toml" in text or "environment" in text for text in found.values())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[server\n", "not valid TOML at line 1"),
        (b"a = 'sk-live-0123456789abcdef\n", "not valid TOML"),
        (b"[a]\n[a]\n", "not valid TOML"),
        (b"a = " + b"[" * 5000, "nests too deep"),
        (b"a = " + b"9" * 5000, "thousands of digits"),
        (b"a = '\xff'\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_without_quoting_it(tmp_path, data, words):
    path = tmp_path / "anyapi.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(path, HOME, NOW)
    assert "sk-live" not in str(caught.value)


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "anyapi.toml"
    path.write_bytes(b"\xef\xbb\xbf[usage]\r\nttl_days = 7\r\n")
    assert load_config(path, HOME, NOW).usage_ttl_days == 7


def test_a_stale_path_from_the_environment_is_said_to_come_from_there(tmp_path):
    gone = tmp_path / "gone.toml"
    with pytest.raises(ConfigError) as caught:
        load_config(None, HOME | {"ANYAPI_CONFIG": str(gone)}, NOW)
    assert str(caught.value).startswith(f"{gone}: no such file; ANYAPI_CONFIG names it: correct or unset that")
    with pytest.raises(ConfigError, match="ANYAPI_CONFIG names it"):
        load_config(None, HOME | {"ANYAPI_CONFIG": str(tmp_path)}, NOW)
    with pytest.raises(ConfigError) as caught:
        load_config(gone, HOME | {"ANYAPI_CONFIG": "other.toml"}, NOW)
    assert "ANYAPI_CONFIG" not in str(caught.value)


def test_a_check_needs_no_secret(tmp_path):
    path = tmp_path / "anyapi.toml"
    path.write_text(FULL)
    assert "gpu" in check_config_file(path, NOW).providers
    path.write_text(FULL.replace('kind = "local"', 'kind = "x"'))
    with pytest.raises(ConfigError, match=r"gpu\.kind"):
        check_config_file(path, NOW)


FILES = """
[[credentials]]
id = "main"
provider = "openai"
key_file = "openai.key"
[encryption]
root_key_file = "root.key"
[smtp]
host = "mail.example"
sender = "gate@example.com"
username = "gate"
password_file = "mail.password"
[control.oidc]
issuer = "https://id.example"
client_id = "gate"
client_secret_file = "oidc.secret"
[traces]
endpoint = "http://127.0.0.1:4318/v1/traces"
headers_file = "headers"
"""


def test_a_check_of_files_takes_what_a_start_takes(tmp_path):
    """Whoever checks a configuration first is not refused afterwards, and nothing of the files is shown."""
    path = tmp_path / "anyapi.toml"
    path.write_text(FILES)
    assert check_config_file(path, NOW).providers  # for those who only look
    with pytest.raises(ConfigError) as caught:
        check_config_file(path, NOW, files=True)
    assert str(caught.value).count("cannot be read (No such file") == 5
    for field in ("credentials.main.key_file", "encryption.root_key_file", "control.oidc.client_secret_file"):
        assert f"{field}: " in str(caught.value)
    for name, text in (("openai.key", KEY), ("root.key", bytes(range(32)).hex()), ("mail.password", KEY), ("oidc.secret", KEY)):
        (tmp_path / name).write_text(text)
    (tmp_path / "headers").write_text(f"X-Key: {KEY}")
    assert check_config_file(path, NOW, files=True) == load_config(path, HOME, NOW).catalogue
    for name in ("openai.key", "root.key"):
        (tmp_path / name).write_text("changeme")
    with pytest.raises(ConfigError) as caught:
        check_config_file(path, NOW, files=True)
    assert {"credentials.main.key_file", "encryption.root_key_file"} == {each.field for each in caught.value.problems}
    assert "changeme" not in str(caught.value)


def test_an_agreement_must_name_declared_credentials_of_its_provider(tmp_path):
    assert "agreements.zdr.credentials" in errors_of(
        tmp_path, FULL.replace('credentials = ["openai-eu"]', 'credentials = ["opnai"]'), MY_OPENAI=KEY
    )


def test_loading_is_cheap_and_imports_no_yaml(tmp_path):
    code = """
import datetime, sys
from anyapi.config import load_config
load_config(None, {"HOME": "/"}, datetime.datetime.now(datetime.UTC))
heavy = {"yaml", "rich", "click", "sqlalchemy", "anyapi.catalogue.source"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=tmp_path)


def test_the_database_is_named_by_the_environment_and_never_shown(tmp_path):
    url = f"postgresql://anyapi:{KEY}@db.example:5432/anyapi"
    config = load(tmp_path, ANYAPI_DATABASE_URL=url)
    assert config.database_url.reveal() == url
    assert KEY not in repr(config)
    assert load(tmp_path, ANYAPI_DATABASE_URL="").database_url is None
    (said,) = errors_of(tmp_path, ANYAPI_DATABASE_URL=f"mysql://{KEY}@db").values()
    assert said == "environment: ANYAPI_DATABASE_URL: must be postgresql://user:password@host:port/database"


def test_a_lease_is_a_number_of_seconds(tmp_path):
    assert (load(tmp_path).server.lease, load(tmp_path, "[server]\nlease = 2.5").server.lease) == (10.0, 2.5)
    for wrong in ("0", "1000", '"ten"'):
        assert "must be a number between 1 and 300" in errors_of(tmp_path, f"[server]\nlease = {wrong}")["server.lease"]


@pytest.mark.parametrize("text", ["", "[control]\nkeys_per_account = 3\n", '[control]\nlisten = "127.0.0.1:8081"\n'])
def test_sessions_cross_no_network_in_the_clear_wherever_the_address_is_named(tmp_path, text):
    """The environment goes before the file, and there need not be a section."""
    assert OFF_LOOPBACK in errors_of(tmp_path, text, ANYAPI_CONTROL_LISTEN="0.0.0.0:8081")["ANYAPI_CONTROL_LISTEN"]
    assert OFF_LOOPBACK in errors_of(tmp_path, '[control]\nlisten = "0.0.0.0:8081"\n')["control.listen"]
    assert str(load(tmp_path, text, ANYAPI_CONTROL_LISTEN="127.0.0.1:9999").control.listen) == "127.0.0.1:9999"


def test_a_socket_path_that_the_system_does_not_take_is_said_to_be_too_long(tmp_path):
    long = f"unix:/{'x' * 100}"
    assert "at most 100 bytes" in errors_of(tmp_path, f'[server]\nlisten = "{long}"\n')["server.listen"]
    assert "at most 100 bytes" in errors_of(tmp_path, ANYAPI_LISTEN=long)["ANYAPI_LISTEN"]
    assert "port below 65536" in errors_of(tmp_path, ANYAPI_LISTEN="127.0.0.1:70000")["ANYAPI_LISTEN"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[usage]\nttl_days = 3\nttl_days = 4\n", "at line 3, column 13: the field stands there twice"),
        ("[usage]\nttl_days = 3\n[usage]\n", "at line 3, column 7: the section stands there twice"),
        ("[server]\nlisten = hunter2\n", "text stands in quotation marks"),
        ("[server]\nlisten = 127.0.0.1:hunter2\n", "text stands in quotation marks"),
        ("[server]\nlisten = 'hunter2\n", "a text is not closed"),
        ('[server]\nlisten = "hunter2\n', "a text is not closed"),
        ('[storage]\ndata_dir = "C:\\hunter2"\n', "a backslash"),
        ("[server]\ncors_origins = ['hunter2'\n", "not closed"),
        ("[server\nlisten = 'hunter2'\n", "brackets of a section"),
        ("listen: hunter2\n", "followed by `=`"),
        ("scrub = { enabled = true }\n[scrub.hunter2]\n", "in braces"),
    ],
)
def test_what_is_no_toml_is_said_with_its_reason_and_without_a_word_of_the_file(tmp_path, text, said):
    message = errors_of(tmp_path, text)[None]
    assert "anyapi.toml: not valid TOML at " in message
    assert said in message
    assert "hunter2" not in message


def test_authorities_that_are_not_there_would_let_no_provider_be_reached(tmp_path):
    assert "names no file" in errors_of(tmp_path, SSL_CERT_FILE=str(tmp_path / "none.pem"))["SSL_CERT_FILE"]
    load(tmp_path, SSL_CERT_FILE="")


def test_a_bound_is_written_out(tmp_path):
    """`2.14748e+09` is nothing that anybody would write into a file."""
    assert errors_of(tmp_path, "[server.limits]\nmax_body_bytes = 0\n")["server.limits.max_body_bytes"].endswith("between 1 and 2147483647")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[providers.mine]\nkind = "local"', "providers.mine.api"),
        ('[[models]]\nid = "my-model"', "models.my-model.id"),
        ("[[models]]\nname = 'x'", "models[0].id"),
        ('[[agreements]]\nid = "a"\nprovider = "openai"', "agreements.a.valid_until"),
        ('[[agreements]]\nprovider = "openai"', "agreements[0].id"),
    ],
)
def test_a_field_below_a_record_is_named_with_its_section(tmp_path, text, field):
    assert field in errors_of(tmp_path, text)
