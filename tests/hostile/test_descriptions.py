"""T06: schemathesis against the descriptions of both planes, on a running gateway: what is said is true, nothing fails, nothing is open.

On SQLite and on PostgreSQL.
"""

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from tests.conftest import LONG
from tests.hostile.data_plane import description
from tests.tools import postgres
from tests.tools.cluster import cluster
from tests.tools.gateway import simulated

from anyapi.control.tokens import csrf_of, new_token, sha256_of
from anyapi.crypto.api_keys import PROVISIONING_PREFIX, generate
from anyapi.domain.people import Role
from anyapi.storage.drivers import driver_for
from anyapi.storage.people_rows import MemberRow, PersonRow, SessionRow
from anyapi.storage.rows import ProvisioningKeyRow
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_store import SqlStore

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,ignored_auth"
CHECKS += ",use_after_free"
"""Left out: whether what was made is there, for which it takes the `key` that a new key's secret stands under for the id in `/api/v1/keys/{key}`;
and whether all that fits the description is accepted and nothing else, which it cannot say of names that must exist."""
EXAMPLES = 200 if LONG else 1
WITH_CREDENTIALS = 200 if LONG else 2
"""Examples where each operation has to be reached: one of them may be a call that the credentials were made wrong of."""
PHASES = "examples,coverage,fuzzing,stateful" if LONG else "fuzzing"
SLOWEST = 2 if LONG else 10
"""Seconds that an answer may take; the short run shares the machine with three others."""
pytestmark = pytest.mark.timeout(3600 if LONG else 120)


@contextlib.contextmanager
def on_sqlite(folder):
    """A gateway with its control plane."""
    with simulated(folder / "home", control=True) as (running, _):
        running.driver = driver_for(running.home)
        yield running


@contextlib.contextmanager
def on_postgresql(folder):
    """The same, as the only worker on a database."""
    with postgres.run().database() as url, cluster(folder, url) as members:
        running = members.start(control=True)
        running.driver = members.driver
        yield running


@pytest.fixture(scope="module", params=[on_sqlite, on_postgresql], ids=lambda store: store.__name__)
def gateway(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("described")) as running:
        yield running


@pytest.fixture
def operator(gateway):
    """A session of an operator's, as headers."""
    token, now = new_token(), time.time()
    with SqlPeople(gateway.driver) as people:
        if people.person("per_op") is None:
            people.add_person(PersonRow("per_op", "op@x.org", "Op", None, True, now))
            people.put_member(MemberRow("default", "per_op", Role.OWNER, now))
        people.add_session(SessionRow(sha256_of(token), "per_op", now, now))
    return {"cookie": f"anyapi-session={token}", "x-csrf-token": csrf_of(token)}


@pytest.fixture
def program(gateway):
    """A provisioning key, as headers."""
    parts = generate(PROVISIONING_PREFIX)
    with SqlStore(gateway.driver) as store:
        store.add_provisioning_key(ProvisioningKeyRow(parts.id, parts.prefix, parts.sha256, "default", time.time()))
    return {"Authorization": f"Bearer {parts.secret}"}


def run(folder: Path, schema, url, headers, examples=EXAMPLES) -> str:
    """Run schemathesis; gives what it says, and fails with it if it found something."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(schema))
    command = [Path(sys.executable).with_name("st"), "run", file, "--url", url, "--checks", CHECKS, "--seed", "6", "--no-color"]
    command += [
        "--phases",
        PHASES,
        "--max-examples",
        str(examples),
        "--continue-on-failure",
        "--max-response-time",
        str(SLOWEST),
        "--no-shrink",
    ]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-15_000:]}\n{done.stderr[-2000:]}"
    print(done.stdout[-600:])
    return done.stdout


def narrowed(schema):
    """The same description with path parameters that lead somewhere: else nearly every call ends at a 404."""
    values = {
        "account": ["default", "nowhere"],
        "layer": ["account", "key", "project"],
        "subject": ["default", "none"],
        "provider": ["openai", "none"],
    }
    for operations in schema["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in values:
                    parameter["schema"] = {"enum": values[parameter["name"]]}
    return schema


def test_the_control_api_is_as_it_describes_itself(gateway, operator, program, tmp_path):
    url = gateway.control_url()
    with urllib.request.urlopen(f"{url}/api/openapi.json", timeout=20) as answer:
        schema = json.loads(answer.read())
    own = schema["paths"].pop("/api/session")  # the coverage phase signs out there, and all others would be asked of nobody
    programs = {path: schema["paths"].pop(path) for path in [*schema["paths"]] if path.startswith("/api/v1/")}
    said = run(tmp_path, narrowed(schema), url, operator, WITH_CREDENTIALS)
    assert "Authentication failed" not in said, "most calls were refused for want of a session: nothing was tested"
    said = run(
        tmp_path, {**schema, "paths": programs}, url, program, WITH_CREDENTIALS
    )  # apart: beside such a key, no call without the session is tried
    assert "Authentication failed" not in said, "most calls were refused for want of a key: nothing was tested"
    if LONG:
        schema["paths"] = {"/api/session": own}
        run(tmp_path, schema, url, operator)


def test_signing_out_is_as_it_is_described(gateway, operator):
    url = gateway.control_url()
    for status in (200, 401):
        request = urllib.request.Request(f"{url}/api/session?everywhere=false", headers=operator, method="DELETE")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found, body = answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            found, body = error.code, json.loads(error.read())
        assert found == status
        assert body == {"ended": 1} if status == 200 else body["error"]["code"] == 401


def test_the_data_plane_is_as_it_is_described(gateway, tmp_path):
    if gateway.driver.shared and not LONG:
        pytest.skip("it asks no database while it serves: on PostgreSQL too with `make test-long`")
    run(tmp_path, description(), gateway.url, {"Authorization": f"Bearer {gateway.key}"})


@pytest.mark.long
def test_a_description_that_is_not_true_is_found(gateway, operator, tmp_path):
    """The control: an answer that is not described, and a route said to be closed that is open."""
    schema = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "0"},
        "components": {"securitySchemes": {"k": {"type": "http", "scheme": "bearer"}}},
    }
    schema["paths"] = {"/api/healthz": {"get": {"security": [{"k": []}], "responses": {"204": {"description": "no"}}}}}
    with pytest.raises(AssertionError) as found:
        run(tmp_path, schema, gateway.control_url(), {"Authorization": "Bearer x"})
    assert "Undocumented status code" in str(found.value)
    assert "authentication" in str(found.value).lower()
