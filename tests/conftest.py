"""What holds for every test: no network beyond loopback, no keys of the person who runs them, the same examples every time.

`ANYAPI_TEST_LONG=1` runs the tests marked `long` too, and gives property tests ten times the examples. `ANYAPI_TEST_CLIENTS=1` runs
those marked `clients`.
"""

import gc
import ipaddress
import os
import shutil
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, settings

LONG = os.environ.get("ANYAPI_TEST_LONG", "") not in {"", "0"}
LONG_SECONDS = 900
"""That a test may take at full size, unless it says otherwise."""
CLIENTS = os.environ.get("ANYAPI_TEST_CLIENTS", "") not in {"", "0"}
PRIVATE_ENVIRONMENT = ("_API_KEY", "_API_TOKEN", "_AUTH_TOKEN", "_BASE_URL", "_PROXY")

QUIET = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("short", max_examples=100, **QUIET)
settings.register_profile("long", max_examples=1000, **QUIET)
settings.load_profile("long" if LONG else "short")


LONGEST = (
    "hostile/test_slow_clients",
    "dashboard/test_every_page",
    "privacy/test_memory",
    "dashboard/test_journey",
    "hostile/test_requests",
    "integration/test_durable_before_send",
    "privacy/test_canary",
    "dashboard/test_privacy_requests",
    "integration/test_traces",
    "policy/test_oracle_agreement",
    "integration/test_failover",
    "hostile/test_browser_attacks",
    "integration/test_database_faults",
    "policy/test_routing_agreement",
    "hostile/test_changes_meanwhile",
    "dashboard/test_sealed_logs",
    "integration/test_cluster",
    "hostile/test_descriptions",
    "dashboard/test_own_keys_and_prompts",
    "hostile/test_policy_machine",
    "integration/test_clouds",
    "dashboard/test_building",
    "conformance/test_holdings",
    "privacy/test_startup_and_egress",
    "privacy/test_prove",
    "dashboard/test_ranking",
    "packaging/test_pods",
    "dashboard/test_audit_log",
    "integration/test_routing",
    "integration/test_clock_steps",
    "dashboard/test_review",
    "privacy/test_credentials",
    "integration/test_key_limits",
    "policy/test_branch_coverage",
    "unit/control/test_usage_speed",
    "hostile/test_keys",
    "signin/test_browser",
)
"""Files of tests that take longest: begun at the end, one would have the other workers wait for it. What computes stands between what waits."""
POSTGRES = "ANYAPI_TEST_POSTGRES"
"""Where the processes of this run find its PostgreSQL server: see tests/tools/postgres.py."""


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        os.environ[POSTGRES] = f"{tempfile.mkdtemp(prefix='anyapi-run-')}:{os.getpid()}"


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[POSTGRES].rpartition(":")[0], ignore_errors=True)  # the server ends when this is gone


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays: looking through it for garbage, again and again, took half of the time.

    So no test calls `gc.unfreeze`: afterwards each gateway that ran in this process looked through it once a second.
    """
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def pytest_collection_modifyitems(items):
    """Begin with what takes longest. Skip what is too long or has a suite of its own, saying how to run it."""
    place = {f"tests/{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))
    skipped = {
        "long": None if LONG else pytest.mark.skip(reason="too long for `make test`: run `make test-long`"),
        "clients": None if CLIENTS else pytest.mark.skip(reason="run `make test-clients`"),
    }
    for item in items:
        if LONG and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))
        for name, skip in skipped.items():
            if skip is not None and item.get_closest_marker(name):  # not `keywords`: those hold the names of directories too
                item.add_marker(skip)


def _forget_private_environment():
    """Once, before any module reads it: a key of the person who runs the tests must neither be used nor change a result."""
    for name in list(os.environ):
        if name.upper().endswith(PRIVATE_ENVIRONMENT) or (
            name.startswith("ANYAPI_") and not name.startswith(("ANYAPI_TEST", "ANYAPI_PYTHON"))
        ):
            del os.environ[name]


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in {"localhost", ""}


def _refuse_network(event, arguments):
    """Audit hook: fails a test that connects or sends beyond loopback (what uvloop opens by itself is not seen here)."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple) and isinstance(address[0], str) and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}: tests use loopback only")


_forget_private_environment()
sys.addaudithook(_refuse_network)
