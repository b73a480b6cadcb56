"""What starts, what refuses to start, what the process does besides serving, and what it says about itself (reliability test T28)."""

import contextlib
import json
import os
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import LONG
from tests.privacy.outcomes import one_round
from tests.privacy.sinks import Room, RoomGateway, simulated_in
from tests.tools.forked import forked
from tests.tools.gateway import simulated

from anyapi.prove.caller import Caller
from anyapi.prove.cast import SERVER, providers
from anyapi.prove.planted import Planted

PROVIDER = """
[network]
private_addresses = ["127.0.0.0/8"]

[providers.mine]
kind = "host"
api = { base_url = "http://127.0.0.1:9/v1", protocol = "openai-chat", auth = "bearer" }

[providers.mine.policy]
training = "never"
retention = { kind = "zero" }
"""
CREDENTIAL = '\n[[credentials]]\nid = "mine"\nprovider = "mine"\n'
WITH_KEY = PROVIDER + CREDENTIAL + 'env = "MINE_KEY"\n'
KEY = "sk-live-7c1f9be2d04a4c55"
NOBODY = 65534


class Start(NamedTuple):
    """A configuration that must not start, and words that the message must hold: where, and what."""

    name: str
    toml: str
    says: tuple[str, ...]
    environment: dict[str, str] = {}
    hides: str = ""
    """A text that the message must not hold."""


SECRETS = {
    "empty": ("", "empty"),
    "short": ("abc123", "shorter than"),
    "placeholder": ("changeme-changeme"[:8], "placeholder"),
    "template": ("${OPENAI_API_KEY}", "placeholder"),
    "angle": ("<your-key-here>", "placeholder"),
    "password": ("password", "placeholder"),
    "one letter": ("xxxxxxxxxxxxxxxx", "placeholder"),
    "your key": ("sk-your-api-key-here", "placeholder"),
    "spaces": ("sk live 7c1f9be2d04a", "spaces"),
    "line end": ("sk-live-7c1f9be2d04a\nx", "line ends"),
    "not ASCII": ("sk-live-schlüssel-7c1f", "ASCII"),
}
OIDC = "[control.oidc]\nissuer = 'https://id.example.org'\nclient_id = 'anyapi'\n"
UNKNOWN_KEYS = {
    "control": ("[control]\nadmin_password = 'x'\n", "admin_password"),
    "oidc": (OIDC + "skip_checks = true\n", "skip_checks"),
    "top level": ("prompt_log = true\n", "prompt_log"),
    "unknown section": ("[logging]\nlevel = 'debug'\n", "logging"),
    "server": ("[server]\nlog_bodies = true\n", "log_bodies"),
    "limits": ("[server.limits]\nmax_bodies = 3\n", "max_bodies"),
    "upstream": ("[server.upstream]\nverify_tls = false\n", "verify_tls"),
    "tls": ("[server.tls]\ncertificate = 'x'\nkey = 'y'\nverify = false\n", "verify"),
    "storage": ("[storage]\nurl = 'x'\n", "url"),
    "policy": ("[policy]\ntraining = false\n", "training"),
    "classes": ("[classes.secret]\nretention_days = 0\n", "secret"),
    "scrub": ("[scrub]\non = true\n", "on"),
    "usage": ("[usage]\nttl = 3\n", "ttl"),
    "privacy": ("[privacy]\nurl = 'https://example.com'\n", "url"),
    "network": ("[network]\nallow = ['127.0.0.0/8']\n", "allow"),
    "credentials": (PROVIDER + CREDENTIAL + 'env = "MINE_KEY"\nteir = "paid"\n', "teir"),
    "providers": (PROVIDER.replace("kind =", "knid ="), "knid"),
}
WRONG_SECTIONS = {
    "oidc at the top": (OIDC.replace("control.", ""), "oidc"),
    "limits at the top": ("[limits]\nmax_headers = 3\n", "limits"),
    "listen at the top": ("listen = '127.0.0.1:0'\n", "listen"),
    "data_dir in server": ("[server]\ndata_dir = '/tmp/x'\n", "data_dir"),
    "scrub in server": ("[server]\nscrub = false\n", "scrub"),
    "credentials in server": ("[server.credentials]\nopenai = 'x'\n", "credentials"),
    "training in storage": ("[storage]\ntraining_allowed = false\n", "training_allowed"),
}
WRONG_VALUES = {
    "control on a unix socket": ("[control]\nlisten = 'unix:/tmp/x'\n", "listen"),
    "issuer over plain HTTP": (OIDC.replace("https", "http"), "https"),
    "owner by domain": (OIDC + "[[control.oidc.join]]\ndomain = 'x.org'\naccount = 'default'\nrole = 'owner'\n", "role"),
    "no TOML": ("[server\n", "TOML"),
    "listen": ("[server]\nlisten = 'everywhere'\n", "listen"),
    "limit of nothing": ("[server.limits]\nmax_headers = 0\n", "max_headers"),
    "endless limit": ("[server.limits]\nheader_timeout = inf\n", "header_timeout"),
    "scrub as text": ("[scrub]\nenabled = 'yes'\n", "enabled"),
    "policy of the wrong type": ("[policy]\ntraining_allowed = 'no'\n", "training_allowed"),
    "negative retention": ("[policy]\nretention_days = -1\n", "retention_days"),
    "private provider": (WITH_KEY.replace("127.0.0.0/8", "10.0.0.0/8"), "private"),
    "certificate missing": ("[server.tls]\ncertificate = 'nowhere.pem'\nkey = 'nowhere.key'\n", "certificate"),
    "key file missing": (PROVIDER + CREDENTIAL + "key_file = 'nowhere'\n", "key_file"),
    "key file is a directory": (PROVIDER + CREDENTIAL + "key_file = '.'\n", "key_file"),
    "no key named": (PROVIDER + CREDENTIAL, "env"),
}


def starts() -> list[Start]:
    """The whole matrix."""
    found = [Start("secret missing", WITH_KEY, ("MINE_KEY", "not set"))]
    for name, (secret, why) in SECRETS.items():
        found.append(Start(f"secret: {name}", WITH_KEY, ("MINE_KEY", why), {"MINE_KEY": secret}, secret if len(secret) > 4 else ""))
        if name in {"short", "placeholder", "spaces"}:
            found.append(
                Start(f"known variable: {name}", "", ("OPENAI_API_KEY",), {"OPENAI_API_KEY": secret}, secret if len(secret) > 4 else "")
            )
    for name in ("empty", "short", "placeholder"):
        found.append(Start(f"client secret: {name}", OIDC, ("ANYAPI_OIDC_CLIENT_SECRET",), {"ANYAPI_OIDC_CLIENT_SECRET": SECRETS[name][0]}))
    found.append(Start("client secret without a service", "", ("no [control.oidc]",), {"ANYAPI_OIDC_CLIENT_SECRET": KEY}, KEY))
    found.append(Start("client secret in the file", OIDC + f'client_secret = "{KEY}"\n', ("client_secret",), {}, KEY))
    for field in ("key", "api_key", "secret", "token"):
        text = PROVIDER + CREDENTIAL + f'{field} = "{KEY}"\n'
        found.append(Start(f"secret in the file: {field}", text, ("never stands in this file",), {}, KEY))
    for group, table in (("unknown key", UNKNOWN_KEYS), ("wrong section", WRONG_SECTIONS), ("wrong value", WRONG_VALUES)):
        found += [Start(f"{group}: {name}", toml, (word,), {"MINE_KEY": KEY}, KEY) for name, (toml, word) in table.items()]
    for name in ("ANYAPI_SCRUBB", "ANYAPI_LOG_LEVEL", "ANYAPI_MASTER_KEY", "ANYAPI_DEBUG"):
        found.append(Start(f"variable {name}", "", (name, "unknown variable"), {name: KEY}, KEY))
    found.append(Start("variable ANYAPI_SCRUB", "", ("ANYAPI_SCRUB",), {"ANYAPI_SCRUB": "no"}))
    found.append(Start("variable ANYAPI_LISTEN", "", ("ANYAPI_LISTEN",), {"ANYAPI_LISTEN": "everywhere"}))
    found.append(Start("variable ANYAPI_CONFIG", "", ("nowhere.toml",), {"ANYAPI_CONFIG": "nowhere.toml"}))
    return found


MATRIX = starts()
ANEW = 1 if LONG else 8
"""Of so many wrong configurations one is read by a process that starts anew: what refuses it is the same code in a fork."""


def written(folder: Path, toml: str, environment: dict[str, str]) -> tuple[Path, list[str], dict[str, str]]:
    """A configuration in its directory: that, words of the command that starts a gateway with it, and the whole environment."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["serve"]
    if "ANYAPI_CONFIG" not in environment:
        (folder / "anyapi.toml").write_text(toml)
        words += ["--config", str(folder / "anyapi.toml")]
    own = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    own |= {
        "HOME": str(folder),
        "ANYAPI_DATA_DIR": str(folder / "data"),
        "ANYAPI_LISTEN": "127.0.0.1:0",
        "ANYAPI_CONTROL_LISTEN": "127.0.0.1:0",
    }
    return folder, words, own | environment


def try_to_start(folder: Path, toml: str, environment: dict[str, str], **more: object) -> subprocess.CompletedProcess:
    """Start a gateway that should give up by itself."""
    _, words, env = written(folder, toml, environment)
    command = [sys.executable, "-m", "anyapi", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=30, check=False, **more)


@pytest.fixture(scope="module")
def start_fork(tmp_path_factory):
    with forked(tmp_path_factory.mktemp("forks")) as start:
        yield start


@pytest.fixture(scope="module")
def refusals(start_fork, tmp_path_factory):
    """What each start of the matrix said. Some are processes that start anew, the others forks; at full size all start anew."""
    folder, said = tmp_path_factory.mktemp("starts"), {}
    for number, start in enumerate(MATRIX):
        if number % ANEW:
            said[start.name] = start_fork(*written(folder / str(number), start.toml, start.environment))
        else:
            said[start.name] = try_to_start(folder / str(number), start.toml, start.environment)
    return said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("start", MATRIX, ids=lambda start: start.name.replace(" ", "-"))
def test_a_wrong_configuration_refuses_to_start_and_says_why(refusals, start):
    said = refusals[start.name]
    text = said.stdout + said.stderr
    assert said.returncode != 0, text
    assert "AnyAPI is at" not in text
    assert "Traceback" not in text
    for word in start.says:
        assert word in text, f"the message does not say {word!r}:\n{text}"
    assert not start.hides or start.hides not in text, "the message shows the secret"


def test_a_fork_says_what_a_process_that_starts_anew_says(start_fork, tmp_path):
    """The control of the forks: word for word, and as its exit status."""
    for number, start in enumerate(MATRIX[1::24]):
        place = tmp_path / str(number)
        anew = try_to_start(place, start.toml, start.environment)
        fork = start_fork(*written(place, start.toml, start.environment))
        assert (fork.returncode, fork.stdout, fork.stderr) == (anew.returncode, anew.stdout, anew.stderr)


def test_the_matrix_would_start_without_its_faults(tmp_path):
    """The control: the same file with a good key starts, so what the matrix shows is the fault and not the file."""
    (tmp_path / "anyapi.toml").write_text(WITH_KEY)
    own = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    own |= {"HOME": str(tmp_path), "ANYAPI_LISTEN": "127.0.0.1:0", "MINE_KEY": KEY}
    arguments = [sys.executable, "-m", "anyapi", "serve", "--quiet", "--config", str(tmp_path / "anyapi.toml")]
    with subprocess.Popen(arguments, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.terminate()
        assert line.startswith("AnyAPI is at http://127.0.0.1:"), process.stderr.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody who may not")
class TestPermissions:
    """As a user who may not read or write what is needed."""

    @pytest.fixture
    def folder(self, tmp_path):
        """A directory that everybody may enter, for files of root's."""
        if subprocess.run([sys.executable, "-c", "import anyapi"], user=NOBODY, cwd="/", check=False, capture_output=True).returncode:
            pytest.skip("SKIPPED LOUDLY: another user cannot read this installation, so permissions are NOT checked")
        for part in (tmp_path, *tmp_path.parents):
            if str(part).startswith("/tmp/") and part.stat().st_uid == os.geteuid():
                part.chmod(part.stat().st_mode | 0o055)
        return tmp_path

    def start(self, folder: Path, toml: str = "", **environment: str) -> str:
        said = try_to_start(folder, toml, environment, user=NOBODY, group=NOBODY, extra_groups=[])
        assert said.returncode != 0, said
        assert "Traceback" not in said.stderr
        return said.stdout + said.stderr

    def test_data_directory_that_cannot_be_made(self, folder):
        text = self.start(folder)
        assert "data directory" in text
        assert "permissions" in text

    def test_data_directory_that_cannot_be_written(self, folder):
        (folder / "data").mkdir(mode=0o755)
        text = self.start(folder)
        assert "data directory" in text
        assert "permissions" in text

    def test_database_that_cannot_be_read(self, folder):
        (folder / "data").mkdir()
        (folder / "data").chmod(0o777)
        (folder / "data" / "anyapi.db").touch(mode=0o600)
        assert "permissions" in self.start(folder)

    def test_configuration_that_cannot_be_read(self, folder):
        (folder / "anyapi.toml").touch()
        (folder / "anyapi.toml").chmod(0o600)
        assert re.search("cannot be read|not readable", self.start(folder))

    def test_key_file_that_cannot_be_read(self, folder):
        (folder / "key").write_text(KEY)
        (folder / "key").chmod(0o600)
        text = self.start(folder, PROVIDER + CREDENTIAL + "key_file = 'key'\n")
        assert "key_file" in text
        assert "cannot be read" in text


def test_a_data_directory_that_is_a_file_refuses(tmp_path):
    (tmp_path / "data").touch()
    said = try_to_start(tmp_path, "", {})
    assert said.returncode != 0
    assert "data directory" in said.stderr


def test_a_foreign_database_refuses(tmp_path):
    (tmp_path / "data").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "anyapi.db")) as database:
        database.execute("CREATE TABLE other (x)")
    said = try_to_start(tmp_path, "", {})
    assert said.returncode != 0
    assert "something else" in said.stderr


def test_an_address_in_use_refuses(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = try_to_start(tmp_path, "", {"ANYAPI_LISTEN": address})
    assert said.returncode != 0
    assert f"cannot listen on {address}" in said.stderr


def test_a_second_server_on_the_same_data_refuses(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        said = try_to_start(tmp_path / "other", "", {"ANYAPI_DATA_DIR": str(gateway.home)})
        assert gateway.chat().status == 200
    assert said.returncode != 0
    assert "another AnyAPI server is running" in said.stderr


def test_files_are_for_the_owner_alone(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        gateway.chat()
        gateway.usage(1)
        ours = [path for path in gateway.home.iterdir() if path.name not in {"anyapi.toml", "gateway.log"}]
        open_to_others = [path.name for path in ours if path.stat().st_mode & 0o077]
    assert {"anyapi.db", "anyapi.db-wal", "anyapi.db-shm", "control.sock"} <= {path.name for path in ours}
    assert not open_to_others


def test_core_dumps_are_off(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with simulated(tmp_path / "home") as (gateway, _):
            limits = Path(f"/proc/{gateway.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert re.search(r"Max core file size +0 +0 ", limits), limits


# --- what it does besides serving


class Traced(RoomGateway):
    """A gateway under strace, which is its grandchild and not its parent: the process is started as ever."""

    @property
    def trace(self) -> Path:
        return self.room.folder / "trace"

    def command(self) -> list[str]:
        return ["strace", "-D", "-f", "-qq", "-e", "trace=process,network", "-o", str(self.trace), *super().command()]


NEW_PROCESS = re.compile(r"\b(?:fork|vfork)\(|\bclone3?\((?!.*CLONE_THREAD)")
ADDRESSED = re.compile(
    r"\b(connect|sendto|sendmsg|sendmmsg|bind)\(.*?sa_family=(\w+)(?:, (?:sin6?_port=htons\((\d+)\)|sun_path=\"([^\"]*)\"))?(.*)"
)


@pytest.mark.skipif(not shutil.which("strace"), reason="SKIPPED LOUDLY: strace is missing: that nothing else is reached is NOT checked")
def test_it_executes_itself_once_and_reaches_nobody_else(tmp_path):
    room, planted = Room(tmp_path / "room"), Planted()
    specs = providers(planted)
    with simulated_in(room, specs, server=SERVER, kind=Traced) as (gateway, simulation):
        one_round(Caller(gateway, simulation, planted))
        for page in ("/", "/v1/models", "/v1/privacy", "/healthz"):
            assert gateway.request("GET", page).status == 200
        ports = {str(port) for port in simulation.simulation.ports.values()}
        own = str(gateway.port)
        assert gateway.stop() == 0
        collector = re.search(r"event=traces_started host=127\.0\.0\.1:(\d+)\n", gateway.log())[1]
    trace = (room.folder / "trace").read_text()
    executed = re.findall(r"execve\(\"([^\"]+)\", \[(.*?)\](?:, 0x\w+ /\* \d+ vars \*/)?\) += 0", trace)
    assert len(executed) == 2, executed
    assert executed[0] == executed[1], "it executed something else than itself"
    children = [line for line in trace.splitlines() if NEW_PROCESS.search(line)]
    assert not children, children
    reached = set()
    for call, family, port, path, rest in ADDRESSED.findall(trace):
        if call == "bind":
            assert family in {"AF_UNIX", "AF_INET", "AF_NETLINK"}
            continue
        assert family == "AF_INET", f"{call} to {family} {path}"
        assert "127.0.0.1" in rest, f"{call} to {rest}"
        reached.add(port)
    assert collector in reached
    reached.remove(collector)
    assert reached <= ports, f"connected to {reached - ports}, which nobody configured (own port {own})"
    assert len(reached) >= len(ports) // 2, "hardly a connection was seen: the trace shows nothing"


@pytest.mark.skipif(not shutil.which("strace"), reason="SKIPPED LOUDLY: strace is missing")
def test_the_trace_shows_a_child(tmp_path):
    """The control of the test above: a gateway that does start a process is found out."""
    room, planted = Room(tmp_path / "room"), Planted()
    mark, fault = planted.new("spawned"), "anyapi.gateway.formats.openai_chat:parse=spawn"
    with simulated_in(room, providers(planted), room.environment([fault]), SERVER, kind=Traced) as (gateway, simulation):
        room.arm(fault, mark.text)
        assert Caller(gateway, simulation, planted).chat(mark).status == 200
        gateway.stop()
    assert NEW_PROCESS.search((room.folder / "trace").read_text())


# --- what it says about itself


def stored(gateway) -> dict[str, dict[str, object]]:
    """The records that `/v1/privacy` lists, by name."""
    return {record["record"]: record for record in gateway.request("GET", "/v1/privacy").json()["stored"]}


def columns(home: Path) -> dict[str, set[str]]:
    """The columns of every table of the store."""
    with contextlib.closing(sqlite3.connect(home / "anyapi.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: {row[1] for row in database.execute(f"PRAGMA table_info({table})")} for table in tables}


def as_column(field: str) -> str:
    """How a listed field is named as a column: `tokens.prompt` is `prompt_tokens`, `app.id` is `app_id`."""
    group, dot, name = field.partition(".")
    if not dot:
        return field
    return f"{name}_tokens" if group == "tokens" else f"{group}_{name}"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A gateway that only answers questions about itself."""
    with simulated(tmp_path_factory.mktemp("about") / "home") as (gateway, _):
        yield gateway


@pytest.mark.parametrize(("record", "table"), [("usage", "usage"), ("usage_hours", "usage_hours"), ("decision", "decision_records")])
def test_the_listed_fields_are_the_columns(running, record, table):
    listed = stored(running)[record]["fields"]
    assert {as_column(field["field"]) for field in listed} == columns(running.home)[table]
    assert all(field["purpose"] for field in listed)


CONFIGURED_TABLES = (
    *("accounts", "projects", "keys", "credentials", "settings", "starts", "contradictions"),
    *("people", "members", "identities", "sessions", "links", "changes"),
    *("privacy_requests", "privacy_messages", "privacy_notices", "closings", "spending", "provisioning_keys"),
    *("catalogues", "catalogue_updates", "holds", "review_settings", "notifications", "notices_seen", "deliveries"),
    *("usage_added", "slices", "recent_requests"),
    *("ranking_ledger", "ranking_releases", "ranking_opt_outs"),
    *("log_recipients", "log_rules", "sealed_logs", "sealed_pieces", "log_clearings"),
    *("audit_entries", "audit_tiles", "audit_checkpoints", "audit_names", "audit_pending"),
)


@pytest.mark.parametrize("table", CONFIGURED_TABLES)
def test_the_other_tables_are_listed_field_by_field_too(running, table):
    records = stored(running)
    assert table in records, f"the table {table} is stored and not listed"
    assert {as_column(field["field"]) for field in records[table]["fields"]} == columns(running.home)[table]


def test_no_table_is_unknown_to_these_tests(running):
    known = {"usage", "usage_hours", "decision_records", *CONFIGURED_TABLES, "alembic_version", "sqlite_sequence"}
    assert set(columns(running.home)) == known


def test_both_addresses_serve_the_same_list_to_everybody(running):
    open_to_all = {"Authorization": ""}
    answers = [running.request("GET", path, headers=open_to_all) for path in ("/v1/privacy", "/.well-known/anyapi-privacy.json")]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert answers[0].json()["content_stored"] is False


def scrubbing(gateway) -> dict[str, bool]:
    """What `/v1/privacy` says about scrubbing."""
    return gateway.request("GET", "/v1/privacy").json()["memory_scrubbing"]


def test_scrubbing_that_works_is_said_to_be_on_and_verified(running):
    assert scrubbing(running) == {"on": True, "verified_at_start": True}


def test_scrubbing_that_is_off_is_said_to_be_off(tmp_path):
    with simulated(tmp_path / "home", environment={"ANYAPI_SCRUB": "false"}) as (gateway, _):
        assert scrubbing(gateway) == {"on": False, "verified_at_start": False}
        assert b"<dd>off</dd>" in gateway.request("GET", "/").body


def test_scrubbing_that_does_not_work_is_not_said_to_be_verified(tmp_path):
    """The settings are in force, but the C library was told afterwards not to wipe: the check at start has to notice."""
    room, planted = Room(tmp_path / "room"), Planted()
    environment = room.environment(["anyapi.hygiene:forbid_dumps=skip"]) | {"ANYAPI_TEST_MALLOPT": "1"}
    with simulated_in(room, providers(planted), environment, SERVER) as (gateway, _):
        assert scrubbing(gateway)["verified_at_start"] is False
        assert json.loads(gateway.request("GET", "/v1/privacy").body)["content_stored"] is False
