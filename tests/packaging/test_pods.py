"""The pods of the chart as processes of this machine: their files, their variables and their arguments start what they are to start."""

import contextlib
import datetime as dt
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest
import trustme
from tests.packaging.chart import DOCKER, EVERYTHING, EVERYTHING_SINGLE, RELEASE, SPLIT, Here, of_kind, rendered
from tests.tools import postgres

from anyapi.audit.notes import SigningKey
from anyapi.config import load_config

ROOT_KEY = b"nM0bM4pQY4v2eZ0J8Jx0p7QyqQ3mS7hX4o3cWv0mJ5k=\n"
HOOK = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
PATIENCE = 30.0
PROBES = ("livenessProbe", "readinessProbe")


@pytest.fixture(scope="module")
def certificate():
    made = trustme.CA().issue_cert("localhost")
    return {"tls.crt": made.cert_chain_pems[0].bytes(), "tls.key": made.private_key_pem.bytes()}


def free_ports(number):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in held]


def here(directory, values, name, certificate):
    """A pod's files and ports, with all of its Secrets in place."""
    objects = rendered(values)
    pod = Here(directory, objects, name, dict(zip((8080, 8081, 9464), free_ports(3), strict=True)))
    contents = {
        "credentials": {"openai": b"sk-proj-0123456789abcdef\n"},
        "root-key": {"root.key": ROOT_KEY},
        "audit-secret": {"audit.key": SigningKey("anyapi/chart", b"k" * 32).reveal().encode()},
        "tls": certificate,
        "control-tls": certificate,
    }
    for volume in pod.pod["volumes"]:
        if "secret" in volume:
            pod.put(volume["name"], contents[volume["name"]])
    return pod


def asked(pod, kind):
    """Whether a probe of the pod is answered as Kubernetes wants it."""
    probe = pod.container[kind]
    if "exec" in probe:
        return subprocess.run([pod.program(word) for word in probe["exec"]["command"]], check=False, capture_output=True).returncode == 0
    wanted = probe["httpGet"]
    port = pod.ports[wanted["port"]]
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    kind = {"HTTP": http.client.HTTPConnection, "HTTPS": lambda *where, **how: http.client.HTTPSConnection(*where, context=anybody, **how)}
    with contextlib.closing(kind[wanted["scheme"]]("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", wanted["path"], headers={"Host": f"10.1.2.3:{wanted['port']}", "User-Agent": "kube-probe/1.37"})
            return 200 <= connection.getresponse().status < 400
        except OSError:
            return False


def until_asked(pod, kind, process=None):
    """Ask a probe until it is answered, as the kubelet does."""
    deadline = time.monotonic() + PATIENCE
    while not asked(pod, kind):
        ended = None if process is None else process.poll()
        assert (ended, time.monotonic() < deadline) == (None, True), (pod.directory / "log").read_text()
        time.sleep(0.05)


def assert_healthy(pod):
    for kind in PROBES:
        until_asked(pod, kind)


@contextlib.contextmanager
def running(pod, secrets=None):
    """The pod's container, once its start-up probe is answered; ends with 0 at SIGTERM."""
    pod.prepare()
    with (pod.directory / "log").open("wb") as log:
        process = subprocess.Popen(
            pod.command(), env=pod.environment(secrets), cwd=pod.at("/etc/anyapi"), stdout=log, stderr=log, start_new_session=True
        )
    try:
        until_asked(pod, "startupProbe", process)
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(pod.pod["terminationGracePeriodSeconds"]) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_one_pod_starts_answers_and_starts_again_on_its_volume(tmp_path, certificate):
    pod = here(tmp_path, {}, f"{RELEASE}-anyapi", certificate)
    pod.at("/var/lib/anyapi").chmod(0o2775)  # what the kubelet makes of a new volume with `fsGroup`
    for _ in range(2):
        with running(pod):
            assert_healthy(pod)
            made = subprocess.run(
                [sys.executable, "-m", "anyapi", "keys", "create"], env=pod.environment(), capture_output=True, text=True, check=False
            )
            assert made.returncode == 0, made.stderr
            assert made.stdout.startswith("anyapi_sk_")


def test_one_pod_with_everything(tmp_path, certificate):
    pod = here(tmp_path, EVERYTHING_SINGLE, f"{RELEASE}-anyapi", certificate)
    secrets = {"ANYAPI_PRIVACY_WEBHOOK_SECRET": HOOK}
    with running(pod, secrets):
        assert_healthy(pod)
        assert "OpenAI" in (tmp_path / "log").read_text()
        with socket.create_connection(("127.0.0.1", pod.ports[9464]), 5) as scraper:
            scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert scraper.recv(12) == b"HTTP/1.1 200"
        assert subprocess.run([sys.executable, "-I", DOCKER / "healthz.py"], env=pod.environment(secrets), check=False).returncode == 0
        key = pod.at("/run/anyapi/audit/audit.key")
        assert key.stat().st_mode & 0o777 == 0o600
    loaded = load_config(pod.at("/etc/anyapi/anyapi.toml"), pod.environment(secrets), dt.datetime.now(dt.UTC))
    assert loaded.server.limits.drain_timeout == 60
    assert None not in {loaded.server.tls, loaded.control.tls}
    assert [each.id for each in loaded.agreements] == ["zdr"]
    assert loaded.root_keys


@pytest.mark.parametrize("values", [SPLIT, EVERYTHING], ids=["split", "everything"])
def test_a_worker_and_a_control_plane_on_one_database(tmp_path, certificate, values):
    with postgres.run().database() as url, contextlib.ExitStack() as stack:
        secrets = {"ANYAPI_DATABASE_URL": url, "ANYAPI_PRIVACY_WEBHOOK_SECRET": HOOK}
        for number, name in enumerate((f"{RELEASE}-anyapi", f"{RELEASE}-anyapi-control")):
            pod = here(tmp_path / str(number), values, name, certificate)
            stack.enter_context(running(pod, secrets))
            assert_healthy(pod)
        made = subprocess.run(
            [sys.executable, "-m", "anyapi", "keys", "create"], env=pod.environment(secrets), capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        assert "in force" in made.stderr


def test_a_secret_as_it_is_mounted_would_be_refused_as_the_key_of_the_audit_log(tmp_path, certificate):
    """That is what the copy in memory is for; where this fails, it is needed no more."""
    pod = here(tmp_path, {"auditKey": {"secretName": "audit"}}, f"{RELEASE}-anyapi", certificate)
    environment = {**pod.environment(), "ANYAPI_AUDIT_KEY_FILE": str(pod.at("/run/anyapi/audit-secret/audit.key"))}
    done = subprocess.run(pod.command(), env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert "can be read by others" in done.stderr


def test_the_configuration_of_the_chart_is_the_operators_and_tls():
    (config,) = of_kind(rendered(EVERYTHING), "ConfigMap").values()
    text = config["data"]["anyapi.toml"]
    assert text.startswith(EVERYTHING["config"].strip())
    assert text.count("[server.tls]") == text.count("[control.tls]") == 1
