"""The container image, as far as it can be told without building it: what goes in, what it runs, as whom.

Built and run it is by hand, where there is something to build with (docs/self-hosting.md).
"""

import json
import re
import subprocess
import sys
import tomllib

import pytest
from tests.architecture.source import ROOT, tracked_files
from tests.packaging.chart import DOCKER
from tests.tools.gateway import running_gateway

from anyapi.cli import COMMANDS
from anyapi.config import ENVIRONMENT
from anyapi.config_addresses import LOOPBACK_NAMES

DOCKERFILE = (DOCKER / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def instructions():
    """(instruction, arguments) of the Dockerfile, continued lines joined."""
    lines = re.sub(r"\\\n", " ", "".join(line for line in DOCKERFILE.splitlines(keepends=True) if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in lines.splitlines() if line.strip()]


def last_stage():
    every = instructions()
    return every[max(number for number, (name, _) in enumerate(every) if name == "FROM") :]


def the(name):
    (only,) = (arguments for each, arguments in last_stage() if each == name)
    return only


def test_every_stage_has_the_base_that_the_argument_names():
    assert instructions()[0] == ("ARG", "BASE=debian:trixie-slim")
    assert [arguments.split()[0] for name, arguments in instructions() if name == "FROM"] == ["${BASE}"] * 3
    assert not [name for name, _ in instructions() if name == "ADD"]


def test_it_runs_as_nobody_in_particular():
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", the("USER"))
    (made,) = (arguments for name, arguments in last_stage() if name == "RUN")
    owner, group = the("USER").split(":")
    assert f"install -d -o {owner} -g {group} -m 700 {the('VOLUME')}" in made


def test_it_runs_anyapi_serve():
    """In exec form: no shell stands between SIGTERM and the process."""
    (program,), (command,) = json.loads(the("ENTRYPOINT")), json.loads(the("CMD"))
    directory, _, name = program.rpartition("/")
    assert name in PROJECT["project"]["scripts"]
    assert command in COMMANDS
    assert directory == "/opt/anyapi/bin"
    assert f"PATH={directory}:" in the("ENV")


def test_its_variables_are_anyapis():
    stated = dict(word.split("=", 1) for word in the("ENV").split())
    own = {name: value for name, value in stated.items() if name.startswith("ANYAPI_")}
    assert own.keys() <= ENVIRONMENT.keys()
    assert own["ANYAPI_DATA_DIR"] == the("VOLUME")
    assert own["ANYAPI_LISTEN"].rpartition(":")[0] not in LOOPBACK_NAMES, "nobody outside would reach it"
    assert own["ANYAPI_LISTEN"].rpartition(":")[2] in the("EXPOSE").split()


def test_the_health_check_needs_no_other_program():
    words = json.loads(the("HEALTHCHECK").partition("CMD ")[2])
    assert words[0] == "/opt/anyapi/bin/python"
    assert (DOCKER / words[-1].removeprefix("/opt/anyapi/")).is_file()


def test_every_package_is_checked_by_its_hash():
    pips = re.findall(
        r"/pip (?:--\S+ )?(?:install|wheel) [^&]*", " && ".join(arguments for name, arguments in instructions() if name == "RUN")
    )
    assert len(pips) == 4
    assert [each for each in pips if not ("--require-hashes" in each and "--only-binary=:all:" in each) and "--no-index" not in each] == []
    locks = re.findall(r"requirements/[\w-]+\.lock", DOCKERFILE)
    assert set(locks) == {f"requirements/{name}.lock" for name in ("build", "runtime", "traces")}
    for lock in locks:
        assert "--hash=sha256:" in (ROOT / lock).read_text()
    assert re.findall(r"npm (ci|install)\b", DOCKERFILE.replace("recommends ca-certificates npm", "")) == ["ci"]


def bare(requirements):
    return {re.match(r"[\w-]+", each)[0] for each in requirements}


def test_traces_can_be_sent():
    """The extra is in the image; that of the ranking is not, since it would switch sampling on."""
    (wanted,) = PROJECT["project"]["optional-dependencies"]["traces"]
    assert f'echo "{wanted}" | ' in (ROOT / "scripts/lock.sh").read_text()
    assert f"{bare([wanted]).pop()}==" in (ROOT / "requirements/traces.lock").read_text()
    assert "ranking" not in DOCKERFILE


def test_what_builds_the_package_is_in_its_lock_file():
    wanted = bare(PROJECT["build-system"]["requires"])
    assert wanted <= bare(PROJECT["dependency-groups"]["build"])
    assert wanted <= {line.partition("==")[0] for line in (ROOT / "requirements/build.lock").read_text().splitlines() if "==" in line}


# --- what goes in


def rules():
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()]
    return [(line.startswith("!"), pattern(line.lstrip("!"))) for line in lines if line and not line.startswith("#")]


def pattern(text):
    """A line of .dockerignore: `**` is any number of directories, `*` is within one, and a directory stands for all that is in it."""
    parts = re.split(r"(\*\*/|\*)", text)
    return re.compile("".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts) + "(?:/.*)?")


def goes_in(name):
    """Whether a file is sent to what builds the image: the last line that matches decides."""
    decided = [taken for taken, line in rules() if line.fullmatch(name)]
    return not decided or decided[-1]


def test_only_what_the_image_is_built_of_goes_in():
    names = [str(path.relative_to(ROOT)) for path in tracked_files()]
    taken = [name for name in names if goes_in(name)]
    folders = ("src/anyapi/", "dashboard/")
    files = {"LICENSE", "NOTICE", "README.md", "pyproject.toml", *(f"requirements/{name}.lock" for name in ("build", "runtime", "traces"))}
    others = {name for name in taken if not name.startswith(folders)} - files
    assert others == {f"scripts/build_{name}.py" for name in ("catalogue", "dashboard", "hook")} | {
        f"deploy/docker/{name}.py" for name in ("healthz", "private_copy")
    }
    assert files <= set(taken)
    needed = [name for name in names if name.startswith(folders)]
    assert set(needed) <= set(taken)
    assert len(needed) > 300


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".git/config", ".venv/bin/python", "anyapi.toml", "audit.key", "data/anyapi.db", "anyapi.db-wal", "root.key", "secrets/openai",
        "dashboard/.env.local", "dashboard/node_modules/a/b.js", "src/anyapi/anyapi.db", "src/anyapi/anyapi.toml", "src/anyapi/cert.pem",
        "src/anyapi/dashboard/index.html", "src/anyapi/x/__pycache__/y.pyc", "tests/clients/recordings/a.json", "docs/api.md",
    ],
)  # fmt: skip
def test_what_may_be_a_secret_or_somebodys_data_stays_out(name):
    assert not goes_in(name)


def test_every_copied_file_is_there():
    for name, arguments in instructions():
        if name == "COPY" and "--from=" not in arguments:
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists(), source


# --- the health check


def health(*arguments, listen=""):
    command = [sys.executable, "-I", DOCKER / "healthz.py", *arguments]
    return subprocess.run(command, env={"ANYAPI_LISTEN": listen}, capture_output=True, text=True, check=False, timeout=20)


def test_the_health_check_asks_the_gateway(tmp_path):
    with running_gateway(tmp_path / "home", "") as gateway:
        assert health(listen=f"0.0.0.0:{gateway.port}").returncode == 0
        assert health(f"127.0.0.1:{gateway.port}", "/readyz").returncode == 0
        refused = health(f"127.0.0.1:{gateway.port}", "/v1/models")
        assert (refused.returncode, refused.stderr) == (1, f"nothing answers /v1/models at 127.0.0.1:{gateway.port}\n")
        address = f"127.0.0.1:{gateway.port}"
    assert health(address).returncode == 1


def test_the_health_check_asks_on_a_unix_socket(tmp_path):
    path = f"unix:{tmp_path}/s"
    with running_gateway(tmp_path / "home", "", environment={"ANYAPI_LISTEN": path}):
        assert health(listen=path).returncode == 0
    assert health(listen=path).returncode == 1
