"""T04: whatever callers ask, operators set and providers do, a request reaches only endpoints that the independent oracle permits for it.

A Hypothesis state machine over a running gateway: requests with random policies in body, headers and other gateways' switches, keys with
policies, settings changed by the command line, keys revoked, providers that fail, open circuits, callers that leave. The simulators'
ledgers say what reached whom. A denied request is not one byte upstream; a change is in force when the command returned.
"""

import json
import time

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule, run_state_machine_as_test
from tests.conftest import LONG
from tests.hostile.policy_world import (
    CONTRACTED,
    EXTRA,
    MODELS,
    PROVIDERS,
    Claim,
    as_settings,
    body_of,
    data_policy,
    oracle_context,
    permitted_endpoints,
)
from tests.hostile.talk import ask, envelope, post, steps
from tests.tools.gateway import simulated
from tests.tools.raw_http import connect

from anyapi.cli import main
from anyapi.simulator.faults import read_fault

RUNS, STEPS = (1500, 50) if LONG else (80, 30)
NAMES = [spec.id for spec in PROVIDERS]
UNKNOWN_MODEL = "nobody/nothing"
FAULTS = {
    "error": '{"kind": "status", "status": 500}',
    "overloaded": '{"kind": "status", "status": 503}',
    "rate": '{"kind": "status", "status": 429}',
    "reset": '{"kind": "reset", "at": 20}',
    "cut": '{"kind": "close", "at": 400}',
    "garbage": '{"kind": "bad_json"}',
    "down": '{"kind": "refuse", "mode": "reset", "count": 4}',
}
FAILED = {429, 502, 503, 504}

lists_of = lambda names, least=0: st.lists(st.sampled_from(names), min_size=least, max_size=3, unique=True)  # noqa: E731
VALUES = {
    "training_allowed": st.sampled_from([False, False, True]),
    "retention_days": st.sampled_from([0, 0.5, 1, 7, 29.5, 30, 365]),
    "paid_only": st.booleans(),
    "certifications": lists_of(["soc2", "soc2-type2", "iso27001", "gdpr-dpa", "hipaa-baa"], 1),
    "regions": lists_of(["us", "eu", "eea", "de", "fr"], 1),
    "providers.only": lists_of(NAMES, 1).map(lambda names: [*names, "sim-zero", "sim-week", "sim-30d"]),
    "providers.ignore": lists_of(NAMES, 1),
    "human_review_allowed": st.booleans(),
    "min_confidence": st.sampled_from(["none", "secondary", "primary"]),
    "flagged_copies": st.sampled_from(["shown", "counted"]),
    "data_class": st.sampled_from(["public", "internal", "confidential", "regulated"]),
}
claims = st.sampled_from(sorted(VALUES)).flatmap(lambda field: VALUES[field].map(lambda value: Claim(field, value)))
few = st.lists(claims, max_size=2)
one = st.lists(claims, max_size=1)
models = st.one_of(
    st.sampled_from(MODELS).map(lambda model: [model]),
    st.lists(st.sampled_from([*MODELS, UNKNOWN_MODEL]), min_size=1, max_size=3, unique=True),
)
SWITCHES = {
    "zdr": (st.booleans(), lambda value: {"retention_days": 0} if value else {}),
    "data_collection": (st.sampled_from(["deny", "allow"]), lambda value: {"training_allowed": value != "deny"}),
    "only": (lists_of(NAMES, 1), lambda value: {"providers_only": value}),
    "ignore": (lists_of(NAMES), lambda value: {"providers_ignore": value}),
    "order": (lists_of(NAMES, 1), lambda _: {}),
    "sort": (st.sampled_from(["price", "latency", "throughput"]), lambda _: {}),
}
switches = st.one_of(
    st.just({}),
    st.fixed_dictionaries({}, optional={name: values for name, (values, _) in SWITCHES.items()}),
)


class World:
    """A gateway with its simulators, and what outlives a run: the count of runs, and providers that may be out of use."""

    def __init__(self, gateway, simulation, forbidden: frozenset[str] = frozenset()) -> None:
        self.gateway, self.simulation = gateway, simulation
        self.context = oracle_context()
        self.forbidden = forbidden
        """Endpoints that the oracle is made to deny: the machine must then find something."""
        self.runs = 0
        self.hurt: set[str] = set()
        """Endpoints that may have failed and did not answer well since: a circuit may be open."""
        self.failing: set[str] = set()
        """Providers that have faults before them."""
        self.problems: list[str] = []
        """What went wrong, for a failure that Hypothesis cannot repeat: circuits and latencies are not its to replay."""
        self.counts = {"requests": 0, "denied": 0, "served": 0, "failed": 0, "commands": 0}

    def require(self, *, holds: bool, otherwise: str) -> None:
        """Fail, and remember why, unless it holds."""
        if not holds:
            self.problems.append(otherwise)
            raise AssertionError(otherwise)

    def command(self, *arguments: str) -> dict:
        """Run a command; it must say that the running gateway has taken the change."""
        self.counts["commands"] += 1
        result = CliRunner().invoke(main, [*arguments, "--json", "--config", str(self.gateway.home / "anyapi.toml")])
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def script(self, provider: str, *faults: str) -> None:
        """What the provider does to its next requests; nothing: it is well again."""
        self.simulation.script(provider, [read_fault(fault) for fault in faults])
        self.failing = self.failing | {provider} if faults else self.failing - {provider}

    def seen(self) -> dict[str, dict]:
        """Every provider's ledger, once nothing is in flight."""
        self.simulation.idle()
        return {name: self.simulation.ledger(name) for name in NAMES}


class Key:
    """An API key that a run made, and what it may ask."""

    def __init__(self, secret: str, identity: str, account: str, project: str | None) -> None:
        self.secret, self.id, self.account, self.project = secret, identity, account, project

    def __repr__(self) -> str:
        return f"<{self.id} of {self.account}/{self.project}>"


class PolicyMachine(RuleBasedStateMachine):
    """One run: accounts of its own, settings at every layer, and a model of them for the oracle."""

    keys = Bundle("keys")
    revoked = Bundle("revoked")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.runs += 1
        self.own = f"run-{world.runs}"
        self.layers: dict[tuple[str, str], dict[str, Claim]] = {}
        self.projects: set[str] = set()

    def teardown(self) -> None:
        """The layers that outlive this run ask nothing again."""
        for (layer, subject), held in self.layers.items():
            if held and subject in {"", CONTRACTED}:
                self.world.command("settings", "unset", *held, *self._place(layer, subject))
        for name in NAMES:
            self.world.script(name)

    # Operators

    @initialize(target=keys, first=one, second=one)
    def two_keys(self, first, second):
        return multiple(self._create(self.own, None, first), self._create(CONTRACTED, None, second))

    @rule(target=keys, contracted=st.booleans(), project=st.booleans(), asked=one)
    def create_key(self, contracted, project, asked):
        account = CONTRACTED if contracted else self.own
        return self._create(account, f"{self.own}-{account}-project" if project else None, asked)

    def _create(self, account, project, asked):
        rules = [part for claim in _last(asked).values() for part in ("--set", claim.assignment)]
        within = ["--project", project] if project else []
        made = self.world.command("keys", "create", "--create", "--account", account, *within, *rules)
        if project:
            self.projects.add(project)
        self.layers["key", made["id"]] = _last(asked)
        return Key(made["api_key"], made["id"], account, project)

    @rule(target=revoked, key=consumes(keys))
    def revoke_key(self, key):
        self.world.command("keys", "revoke", key.id)
        self._ask(key, 401, [], [], {}, False, [MODELS[0]])
        return key

    @rule(
        key=keys, layer=st.sampled_from(["gateway", "account", "account", "project", "key"]), asked=st.lists(claims, min_size=1, max_size=2)
    )
    def change_settings(self, key, layer, asked):
        subject = {"gateway": "", "account": key.account, "project": key.project, "key": key.id}[layer]
        if subject is None:
            return
        held = self.layers.setdefault((layer, subject), {})
        self.world.command("settings", "set", *(claim.assignment for claim in _last(asked).values()), *self._place(layer, subject))
        held.update(_last(asked))

    @rule(data=st.data())
    def take_settings_back(self, data):
        held = [(place, field) for place, claimed in self.layers.items() for field in claimed]
        if held:
            (layer, subject), field = data.draw(st.sampled_from(held))
            self.world.command("settings", "unset", field, *self._place(layer, subject))
            del self.layers[layer, subject][field]

    def _place(self, layer, subject):
        return ["--layer", "gateway"] if layer == "gateway" else [f"--{layer}", subject]

    # Providers

    @rule(
        some=st.lists(st.sampled_from(NAMES), min_size=4, unique=True),
        everybody=st.booleans(),
        fault=st.sampled_from(sorted(FAULTS)),
        times=st.sampled_from([1, 2, 6]),
    )
    def providers_fail(self, some, everybody, fault, times):
        for name in NAMES if everybody else some:
            self.world.script(name, *[FAULTS[fault]] * times)
            self.world.hurt |= {f"{name}/{model.partition('/')[2]}" for model in MODELS}

    @rule()
    def providers_recover(self):
        for name in NAMES:
            self.world.script(name)

    # Callers

    @rule(key=keys, body=few, headers=st.lists(claims, max_size=3), switched=switches, stream=st.booleans(), models=models)
    def request(self, key, body, headers, switched, stream, models):
        self._ask(key, None, body, headers, switched, stream, models)

    @rule(key=keys, body=one, stream=st.booleans(), times=st.integers(1, 4))
    def plain_requests(self, key, body, stream, times):
        """Little asked by the request itself: what stands above it decides. Several, so that circuits open."""
        for _ in range(times):
            self._ask(key, None, body, [], {}, stream, [MODELS[0]])

    @rule(key=keys, headers=one, models=models)
    def request_without_a_body_field(self, key, headers, models):
        self._ask(key, None, [], headers, {}, False, models)

    @rule(key=revoked, body=few)
    def request_with_a_revoked_key(self, key, body):
        self._ask(key, 401, body, [], {}, False, [MODELS[0]])

    @rule(key=keys, body=few, models=models)
    def request_and_leave(self, key, body, models):
        """The caller leaves while a provider is working, or is refused before."""
        for name in NAMES:
            self.world.script(name, '{"kind": "stall", "at": 0}')
        before = self.world.seen()
        permitted = self._permitted(key, body, [], {}, models)
        end = connect(("127.0.0.1", self.world.gateway.port))
        try:
            end.play(
                steps(self.world.gateway, post(body_of(models, data_policy(body)), auth=f"Authorization: Bearer {key.secret}".encode()))
            )
            end.sock.setblocking(False)
            deadline = time.monotonic() + 10
            while not self._working(before) and not _has_data(end.sock):
                assert time.monotonic() < deadline
                time.sleep(0.001)
        finally:
            end.sock.close()
        self._check_reach(before, permitted, 1)
        self.providers_recover()

    def _working(self, before):
        return any(self.world.simulation.ledger(name)["requests"] > ledger["requests"] for name, ledger in before.items())

    def _ask(self, key, expected, body, headers, switched, stream, models):
        world = self.world
        before = world.seen()
        permitted = set() if expected else self._permitted(key, body, headers, switched, models)
        well = not permitted & world.hurt and not {endpoint.partition("/")[0] for endpoint in permitted} & world.failing
        more = {"stream": stream} | ({"provider": switched} if switched else {})
        lines = [claim.header.encode() for claim in headers]
        answer = ask(
            world.gateway, post(body_of(models, data_policy(body), **more), *lines, auth=f"Authorization: Bearer {key.secret}".encode())
        )
        world.counts["requests"] += 1
        reached = self._check_reach(before, permitted, max(2, len(models)))
        if expected is None and not permitted:
            expected = 403 if set(models) & set(MODELS) else 404
        if expected is not None:
            world.counts["denied"] += 1
            world.require(holds=answer.status == expected, otherwise=f"{answer.status} in place of {expected}: {answer.body!r}")
            envelope(expected, answer.body)
            return
        allowed = {200} if well else {200, *FAILED}
        world.require(holds=answer.status in allowed, otherwise=f"{answer.status} is none of {allowed}: {answer.body!r}")
        world.counts["served" if answer.status == 200 else "failed"] += 1
        if answer.status == 200:
            assert answer.field("x-anyapi-provider").decode() in reached

    def _permitted(self, key, body, headers, switched, models):
        """What the oracle says, of everything that was set and asked. Each header and switch is a layer of its own: all are met."""
        places = [("gateway", ""), ("account", key.account), ("project", key.project), ("key", key.id)]
        layers = [(layer, as_settings(list(self.layers.get((layer, subject), {}).values()))) for layer, subject in places]
        layers.append(("request", as_settings(body)))
        layers += [("request", claim.settings) for claim in headers]
        layers += [("request", SWITCHES[name][1](value)) for name, value in switched.items()]
        return permitted_endpoints(layers, models, key.account, self.world.context, time.time()) - self.world.forbidden

    def _check_reach(self, before, permitted, most_calls):
        """Who was reached by this step; fails for anybody outside what is permitted, or for a byte where nobody is."""
        after = self.world.seen()
        calls = []
        for name, ledger in after.items():
            new = ledger["entries"][len(before[name]["entries"]) :]
            self.world.require(holds=ledger["leaked"] == {}, otherwise=f"{name} was sent {ledger['leaked']}")
            calls += [f"{name}/{entry['model']}" for entry in new]
            self.world.hurt -= {f"{name}/{entry['model']}" for entry in new if entry["outcome"] == "answered"}
            if not any(endpoint.startswith(f"{name}/") for endpoint in permitted):
                same = ledger["wire_bytes"] == before[name]["wire_bytes"]
                self.world.require(holds=same, otherwise=f"bytes reached {name}, permitted are {sorted(permitted)}")
        self.world.require(holds=set(calls) <= permitted, otherwise=f"{calls} were reached, permitted are {sorted(permitted)}")
        self.world.require(holds=len(calls) <= min(4, most_calls), otherwise=f"{len(calls)} calls for one request: {calls}")
        return {call.partition("/")[0] for call in calls}


def _last(asked: list[Claim]) -> dict[str, Claim]:
    return {claim.field: claim for claim in asked}


def _has_data(sock) -> bool:
    try:
        return bool(sock.recv(65536))
    except BlockingIOError:
        return False


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("machine") / "gateway", PROVIDERS, extra=EXTRA) as pair:
        yield pair


def run(world: World, runs: int, length: int, *phases: Phase) -> None:
    how = settings(
        max_examples=runs,
        stateful_step_count=length,
        phases=[Phase.generate, *phases],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(lambda: PolicyMachine(world), settings=how)
    except Flaky as flaky:
        raise AssertionError(f"seen once, not again: {world.problems}") from flaky


@pytest.mark.timeout(7200 if LONG else 120)
def test_nothing_reaches_a_provider_outside_what_the_oracle_permits(running):
    world = World(*running)
    run(world, RUNS, STEPS, *([Phase.shrink] if LONG else []))
    print(f"\n{world.runs} runs: {world.counts}")
    assert world.runs >= RUNS
    assert min(world.counts.values()) >= RUNS // 5


def test_the_machine_finds_a_provider_outside_what_is_permitted(running):
    planted = frozenset(f"{name}/{MODELS[0].partition('/')[2]}" for name in NAMES)
    world = World(*running, forbidden=planted)
    with pytest.raises(AssertionError):
        run(world, 20, 30)
    assert "reached" in world.problems[0]
