"""Keys that accounts bring, end to end: whose requests they serve, what the policy says of them, and how they come and go.

Providers record the key and the words of every request: each caller says who it is, so that a key in a stranger's request is seen.
The operator's configuration is that of the lab; keys are added by the command line while the gateway runs.
"""

import concurrent.futures
import contextlib
import json
import sqlite3

import msgspec
import pytest
from click.testing import CliRunner
from tests.integration.lab import FIRST, FORBIDDEN, LEAKY, SECOND, provider
from tests.tools.gateway import make_key, running_gateway

from anyapi.cli import main
from anyapi.control.channel import request_reload
from anyapi.gateway.health import FAILURES
from anyapi.simulator import SimulationOptions, SimulationThread, demo_config_toml
from anyapi.simulator.faults import read_fault
from anyapi.storage.rows import AccountRow

ROOT, NEXT = bytes(range(32)).hex(), bytes(range(60, 92)).hex()
OPERATORS = "sk-of-the-operator-0123456789"
ALONE = "lab-alone"
"""The operator has no key of this provider."""
SHARED, OWN_ONLY, TRAINS = "lab/shared", "lab/own-only", "lab/trains"
ACCOUNTS = ("acme", "beta", "default")


class Tenants:
    """A running gateway, a caller of each account, and what the providers saw."""

    def __init__(self, gateway, simulation):
        self.gateway, self.simulation = gateway, simulation
        with gateway.store() as store:
            for name in ("acme", "beta"):
                store.add_account(AccountRow(name, name, 0.0))
        self.keys = {"default": gateway.key}
        for name in ("acme", "beta"):
            self.keys[name], _ = make_key(gateway.home, account=name)
        assert request_reload(gateway.home / "control.sock", "keys")

    def command(self, *args, secret=None, code=0, root=ROOT):
        """Run `anyapi credentials` beside the gateway; the JSON that it prints."""
        words = ["credentials", *args, "--config", str(self.gateway.home / "anyapi.toml"), "--json"]
        result = CliRunner().invoke(main, words, input=secret, env={"ANYAPI_ROOT_KEY": root})
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if result.stdout else {}

    def add(self, account, where, secret, *more):
        added = self.command("add", "--account", account, "--provider", where, *more, secret=secret)
        assert added["confirmation"]["snapshot"], "in force when the command returns"
        return added["id"]

    def ask(self, account, model=SHARED, **fields):
        """One request of an account that says whose it is."""
        body = {"model": model, "messages": [{"role": "user", "content": f"I am {account}."}], **fields}
        return self.gateway.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {self.keys[account]}"})

    def seen(self):
        """(provider, account that asked, key that came with it) of every request since the last time."""
        found = []
        for name, running in self.simulation.simulation.providers.items():
            found += self.simulation.call(lambda running=running, name=name: [(name, *_said(body)) for body in running.ledger.bodies])
        self.simulation.reset()
        return sorted(found)


def _said(body):
    (key,) = [value for name, value in body.headers if name.lower() == "authorization"]
    return json.loads(body.body)["messages"][0]["content"].removeprefix("I am ").removesuffix("."), key.removeprefix("Bearer ")


@contextlib.contextmanager
def tenancy(home):
    specs = [
        provider(FIRST, [SHARED]),
        provider(SECOND, [SHARED]),
        provider(ALONE, [OWN_ONLY]),
        provider(FORBIDDEN, [TRAINS], policy=LEAKY),
    ]
    # The catalogue says that a key is needed; the simulated providers take any, and write down which.
    keyed = [msgspec.structs.replace(spec, api_key="any") for spec in specs]
    with SimulationThread(specs, SimulationOptions(record_bodies=True)) as simulation:
        toml = demo_config_toml(simulation.simulation.ports, keyed)
        start = toml.index(f'[[credentials]]\nid = "{ALONE}"')
        toml = toml[:start] + toml[toml.index("[[credentials]]", start + 1) :]
        environment = {f"LAB_{name}_KEY": OPERATORS for name in ("A", "B", "OPEN")} | {"ANYAPI_ROOT_KEY": ROOT}
        with running_gateway(home, toml, environment=environment) as gateway:
            yield Tenants(gateway, simulation)


@pytest.fixture
def tenants(tmp_path):
    with tenancy(tmp_path / "a home") as running:
        yield running


def test_each_account_goes_by_its_own_key_and_by_no_other(tenants):
    """Same model, same policy, same words but for the name: nothing that is remembered of one account may serve another."""
    for account in ACCOUNTS:
        assert tenants.ask(account).status == 200
    assert {key for _, _, key in tenants.seen()} == {OPERATORS}
    first = tenants.add("acme", FIRST, "sk-of-acme-0123456789")
    second = tenants.add("beta", FIRST, "sk-of-beta-0123456789", "--tier", "paid")
    keys = {"acme": "sk-of-acme-0123456789", "beta": "sk-of-beta-0123456789", "default": OPERATORS}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(tenants.ask, ACCOUNTS * 20))
    assert {answer.status for answer in answers} == {200}
    seen = tenants.seen()
    assert len(seen) == 60
    assert {(account, key) for _, account, key in seen} == set(keys.items())
    assert {where for where, _, _ in seen} == {FIRST}, "the cheapest, for everybody"
    used = {(row.account, row.credential) for row in tenants.gateway.usage(63)[3:]}
    assert used == {("acme", first), ("beta", second), ("default", FIRST)}


def test_its_own_key_opens_a_provider_that_the_operator_has_no_key_of(tenants):
    for account in ACCOUNTS:
        assert tenants.ask(account, OWN_ONLY).status == 404
    tenants.add("acme", ALONE, "sk-of-acme-0123456789")
    assert tenants.ask("acme", OWN_ONLY).status == 200
    for account in ("beta", "default"):
        answer = tenants.ask(account, OWN_ONLY)
        assert answer.status == 404
        assert [reason["code"] for reason in answer.json()["error"]["metadata"]["endpoints"][0]["reasons"]] == ["no_credential"]
    assert tenants.seen() == [(ALONE, "acme", "sk-of-acme-0123456789")]
    eligible = {
        account: OWN_ONLY
        in json.dumps(tenants.gateway.request("GET", "/v1/models?eligible=1", None, {"Authorization": f"Bearer {key}"}).json())
        for account, key in tenants.keys.items()
    }
    assert eligible == {"acme": True, "beta": False, "default": False}


def test_revoked_it_is_used_no_more_and_by_nobody(tenants):
    name = tenants.add("acme", FIRST, "sk-of-acme-0123456789")
    only = tenants.add("acme", ALONE, "sk-of-acme-0123456789")
    assert (tenants.ask("acme").status, tenants.ask("acme", OWN_ONLY).status) == (200, 200)
    assert {key for _, _, key in tenants.seen()} == {"sk-of-acme-0123456789"}
    for revoked in (name, only):
        assert tenants.command("revoke", revoked)["confirmation"]["problem"] is None
    assert tenants.ask("acme").status == 200
    assert tenants.ask("acme", OWN_ONLY).status == 404
    assert tenants.seen() == [(FIRST, "acme", OPERATORS)]


def test_what_was_signed_for_a_key_counts_for_that_key_alone(tenants, tmp_path):
    file = tmp_path / "signed.toml"
    file.write_text(
        f'[[agreements]]\nid = "acme-no-training"\nprovider = "{FORBIDDEN}"\nattested_by = "Ada"\ndocument = "DPA"\n'
        'valid_from = 2020-01-01\nvalid_until = 2999-01-01\ntraining = "never"\ncertifications = ["tisax"]\n'
    )
    strict = {"data_policy": {"training_allowed": False, "certifications": ["tisax"]}}
    name = tenants.add("acme", FORBIDDEN, "sk-of-acme-0123456789")
    tenants.add("beta", FORBIDDEN, "sk-of-beta-0123456789")
    assert [tenants.ask(account, TRAINS, **strict).status for account in ACCOUNTS] == [403, 403, 403]
    assert tenants.command("agree", name, str(file))["confirmation"]["problem"] is None
    assert [tenants.ask(account, TRAINS, **strict).status for account in ACCOUNTS] == [200, 403, 403]
    assert tenants.command("agree", name)["confirmation"]["problem"] is None
    assert tenants.ask("acme", TRAINS, **strict).status == 403
    assert tenants.seen() == [(FORBIDDEN, "acme", "sk-of-acme-0123456789")]


def test_a_key_of_the_free_tier_is_no_paid_key(tenants):
    tenants.add("acme", FIRST, "sk-of-acme-0123456789", "--tier", "free")
    paid = {"data_policy": {"paid_only": True, "providers": {"only": [FIRST]}}}
    assert [tenants.ask(account, **paid).status for account in ("acme", "beta")] == [200, 200]
    assert {(account, key) for _, account, key in tenants.seen()} == {("acme", OPERATORS), ("beta", OPERATORS)}, "the operator's is paid"
    assert tenants.ask("acme").status == 200
    assert {key for _, _, key in tenants.seen()} == {"sk-of-acme-0123456789"}


def test_it_is_there_after_a_restart_and_after_the_root_key_was_replaced(tenants):
    tenants.add("acme", FIRST, "sk-of-acme-0123456789")

    def restarted(root):
        tenants.gateway.stop()
        tenants.gateway.environment["ANYAPI_ROOT_KEY"] = root
        tenants.gateway.start()

    def works():
        assert tenants.ask("acme").status == 200
        assert tenants.seen() == [(FIRST, "acme", "sk-of-acme-0123456789")]

    restarted(f"{NEXT} {ROOT}")
    works()
    rotated = tenants.command("rotate", root=f"{NEXT} {ROOT}")
    assert (len(rotated["sealed"]), rotated["failed"], rotated["confirmation"]["problem"]) == (1, [], None)
    works()
    restarted(NEXT)
    works()
    with pytest.raises(AssertionError, match="root key that is not here"):
        restarted(ROOT)


def test_a_seal_that_was_moved_to_another_account_opens_nothing(tenants):
    """Somebody who can write to the database gives acme's key to beta, and exchanges two of acme's own."""
    tenants.add("acme", FIRST, "sk-of-acme-0123456789")
    tenants.add("beta", FIRST, "sk-of-beta-0123456789")
    with contextlib.closing(sqlite3.connect(tenants.gateway.home / "anyapi.db")) as connection:
        (wrapped, ciphertext) = connection.execute("SELECT wrapped, ciphertext FROM credentials WHERE account = 'acme'").fetchone()
        connection.execute("UPDATE credentials SET wrapped = ?, ciphertext = ? WHERE account = 'beta'", (wrapped, ciphertext))
        connection.execute("UPDATE credentials SET account = 'default' WHERE account = 'acme'")
        connection.commit()
    tenants.gateway.stop()
    tenants.gateway.start()
    assert [tenants.ask(account).status for account in ACCOUNTS] == [200, 200, 200]
    assert {key for _, _, key in tenants.seen()} == {OPERATORS}
    assert "event=credentials_unusable code=damaged count=2" in tenants.gateway.log()


def test_a_key_that_the_provider_refuses_is_not_tried_with_anothers(tenants):
    """The account's own key is bad: its requests fail over to the next endpoint. Nobody else notices."""
    tenants.add("acme", FIRST, "sk-of-acme-0123456789")
    tenants.simulation.script(FIRST, [[read_fault(json.dumps({"kind": "status", "status": 401}))]])
    assert tenants.ask("acme").status == 200
    assert tenants.seen() == [(FIRST, "acme", "sk-of-acme-0123456789"), (SECOND, "acme", OPERATORS)]
    assert tenants.ask("beta").status == 200
    assert tenants.seen() == [(FIRST, "beta", OPERATORS)]


@pytest.mark.parametrize("status", [429, 500])
def test_what_an_accounts_own_key_runs_into_shuts_out_nobody_else(tenants, status):
    """A pause that a provider asks for, or failures in a row, count for the account's key alone; and the operator's not for it."""
    tenants.add("acme", FIRST, "sk-of-acme-0123456789")
    fault = {"kind": "status", "status": status} | ({"retry_after": 60} if status == 429 else {})
    failures = 1 if status == 429 else FAILURES
    tenants.simulation.script(FIRST, [[read_fault(json.dumps(fault))]] * failures)
    for _ in range(failures):  # in this order: on a slow machine there is time to rank a failing endpoint behind
        assert tenants.ask("acme", provider={"order": [FIRST, SECOND]}).status == 200
    assert [where for where, _, _ in tenants.seen()] == [FIRST] * failures + [SECOND] * failures
    assert [tenants.ask(account).status for account in ACCOUNTS] == [200, 200, 200]
    assert [(account, where) for where, account, _ in tenants.seen()] == [("beta", FIRST), ("default", FIRST), ("acme", SECOND)]
    tenants.simulation.script(FIRST, [[read_fault(json.dumps({"kind": "status", "status": 429, "retry_after": 60}))]])
    assert [tenants.ask(account).status for account in ("beta", "default")] == [200, 200]
    assert [(account, where) for where, account, _ in tenants.seen()] == [("beta", FIRST), ("beta", SECOND), ("default", SECOND)]


def test_the_secret_is_in_nothing_that_is_written(tenants):
    tenants.add("acme", FIRST, "sk-of-acme-0123456789")
    tenants.ask("acme")
    tenants.gateway.usage(1)
    tenants.gateway.stop()
    written = {path.name: path.read_bytes() for path in tenants.gateway.home.iterdir() if path.is_file()}
    assert "anyapi.db" in written
    for name, content in written.items():
        for secret in (b"sk-of-acme-0123456789", ROOT.encode(), bytes.fromhex(ROOT)):
            assert secret not in content, name
