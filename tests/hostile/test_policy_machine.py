"""T04: whatever callers ask, operators set and providers do, a request reaches only endpoints that the independent oracle permits for it.

A Hypothesis state machine over a running gateway: requests in every client format with random policies in body, headers and other
gateways' switches, several models, `anyapi/auto`, tags and wishes; keys with policies, settings changed by the command line, keys revoked;
providers' keys that accounts bring, with tiers and agreements, added and revoked; updates of the catalogue that loosen and tighten what it
says; providers that fail, open circuits, callers that leave. The simulators' ledgers say what reached whom by which key. A denied request is not one byte upstream; a change is in force when the command
returned.
"""

import json
import time
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule, run_state_machine_as_test
from tests.conftest import LONG
from tests.hostile.policy_world import (
    CONTRACTED,
    EDITS,
    MODELS,
    PROVIDERS,
    ROOT_KEY,
    SIGNED,
    VECTORS,
    Claim,
    as_settings,
    data_policy,
    edition,
    operators_key,
    oracle_catalogue,
    oracle_context,
    signed,
    signed_toml,
    tenancy,
    verdicts_on,
)
from tests.hostile.talk import TYPES, ask, envelope, post, steps
from tests.oracle import AUTO, refusal
from tests.policy.questions import body_of, question_of
from tests.tools.raw_http import connect

from anyapi.cli import main
from anyapi.simulator.faults import read_fault

RUNS, STEPS = (1500, 50) if LONG else (40, 30)
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
    st.sampled_from([*MODELS, AUTO]).map(lambda model: [model]),
    st.lists(st.sampled_from([*MODELS, AUTO, UNKNOWN_MODEL]), min_size=1, max_size=4, unique=True),
)
forms = st.sampled_from(["chat", "messages", "responses"])
features = st.lists(st.sampled_from(["tools", "schema", "image", "limit"]), max_size=2, unique=True)
tags = st.sampled_from([*[[]] * 6, ["vision"], ["function_calling", "streaming"], ["pdf_input"], ["vision", "web_search"]])
PATHS = {"chat": "chat/completions", "messages": "messages", "responses": "responses", "embeddings": "embeddings"}
SWITCHES = {
    "zdr": (st.booleans(), lambda value: {"retention_days": 0} if value else {}),
    "data_collection": (st.sampled_from(["deny", "allow"]), lambda value: {"training_allowed": value != "deny"}),
    "only": (lists_of(NAMES, 1), lambda value: {"providers_only": value}),
    "ignore": (lists_of(NAMES), lambda value: {"providers_ignore": value}),
    "order": (lists_of(NAMES, 1), lambda _: {}),
    "sort": (st.sampled_from(["price", "latency", "throughput"]), lambda _: {}),
    "max_price": (st.sampled_from([{}, {"prompt": 0.2}, {"prompt": 1, "completion": 1}]), lambda _: {}),
    "require_parameters": (st.booleans(), lambda _: {}),
    "allow_fallbacks": (st.booleans(), lambda _: {}),
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
        self.endpoints = {one["id"] for model in self.context["catalogue"]["models"].values() for one in model["endpoints"]}
        self.credential_of = {f"Bearer {operators_key(name)}": name for name in NAMES}
        """By what a provider was shown."""
        self.forbidden = forbidden
        """Endpoints that the oracle is made to deny: the machine must then find something."""
        self.runs = 0
        self.hurt: dict[str, set[str]] = {}
        """Endpoints that may have failed, so that a circuit may be open, and by which credentials each answered well since.

        An account's own credential has a circuit of its own.
        """
        self.failing: set[str] = set()
        """Providers that have faults before them."""
        self.problems: list[str] = []
        """What went wrong, for a failure that Hypothesis cannot repeat: circuits and latencies are not its to replay."""
        self.counts = dict.fromkeys(["requests", "denied", "served", "failed", "commands", "own", "auto", "tagged", "updates", *PATHS], 0)
        self.edit = "as it was"
        """The edition of the catalogue that is in force."""

    def require(self, *, holds: bool, otherwise: str) -> None:
        """Fail, and remember why, unless it holds."""
        if not holds:
            self.problems.append(otherwise)
            raise AssertionError(otherwise)

    def command(self, *arguments: str, secret: str | None = None) -> dict:
        """Run a command; it must say that the running gateway has taken the change."""
        self.counts["commands"] += 1
        words = [*arguments, "--json", "--config", str(self.gateway.home / "anyapi.toml")]
        result = CliRunner().invoke(main, words, input=secret, env={"ANYAPI_ROOT_KEY": ROOT_KEY})
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def update(self, edit: str) -> None:
        """Put another edition of the catalogue in force."""
        if edit == self.edit:
            return
        self.counts["updates"] += 1
        file = edition(edit, self.simulation, self.gateway.home.parent)
        told = self.command("catalogue", "update", file, "--allow-older")
        assert told["confirmation"]["snapshot"], told
        self.edit, self.context["catalogue"] = edit, oracle_catalogue(edit)

    def script(self, provider: str, *faults: str) -> None:
        """What the provider does to its next requests; nothing: it is well again."""
        self.simulation.script(provider, [read_fault(fault) for fault in faults])
        self.failing = self.failing | {provider} if faults else self.failing - {provider}

    def forget(self) -> None:
        """Begin to count anew what reaches the providers."""
        self.simulation.idle()
        self.simulation.reset()

    def seen(self) -> dict[str, dict]:
        """Every provider's ledger since then, once nothing is in flight, with the credentials that came, in order."""
        self.simulation.idle()
        found = {}
        for name in NAMES:
            ledger = self.simulation.simulation.providers[name].ledger
            found[name], bodies = self.simulation.call(lambda ledger=ledger: (ledger.as_json(), list(ledger.bodies)))
            shown = [value for body in bodies for key, value in body.headers if key.lower() == "authorization"]
            found[name]["credentials"] = [self.credential_of.get(value, "nobody's") for value in shown]
        return found


class Key:
    """An API key that a run made, and what it may ask."""

    def __init__(self, secret: str, identity: str, account: str, project: str | None) -> None:
        self.secret, self.id, self.account, self.project = secret, identity, account, project

    def __repr__(self) -> str:
        return f"<{self.id} of {self.account}/{self.project}>"


class Words(NamedTuple):
    """What a request asks, before it is written in a format."""

    models: list[str]
    body: list[Claim] = []
    headers: list[Claim] = []
    switched: dict = {}
    form: str = "chat"
    stream: bool = False
    features: list[str] = []
    tags: list[str] = []

    @property
    def asked(self) -> dict:
        """As the writers of requests take it."""
        held = {name: getattr(self, name) for name in ("form", "models", "features", "stream", "tags")}
        return held | {"data_policy": data_policy(self.body), "provider": self.switched, "seed": len(self.body)}

    def written(self, key: "Key") -> bytes:
        """The request on the wire."""
        lines = [claim.header.encode() for claim in self.headers]
        form = {"line": f"POST /v1/{PATHS[self.form]} HTTP/1.1".encode(), "auth": f"Authorization: Bearer {key.secret}".encode()}
        return post(json.dumps(body_of(self.asked)).encode(), *lines, **form)


class PolicyMachine(RuleBasedStateMachine):
    """One run: accounts of its own, settings at every layer, and a model of them for the oracle."""

    keys = Bundle("keys")
    revoked = Bundle("revoked")
    credentials = Bundle("credentials")

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
        for account, by_provider in self.world.context["own_credentials"].items():
            for own in by_provider.values():
                for credential in own if account in {self.own, CONTRACTED} else ():
                    self.world.command("credentials", "revoke", credential["id"])
        self.world.context["own_credentials"].clear()
        self.world.update("as it was")

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
        self._ask(key, 401, Words([MODELS[0]]))
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

    # Keys that accounts bring

    @rule(
        target=credentials,
        key=keys,
        provider=st.sampled_from([*NAMES, "sim-law", "sim-law"]),
        tier=st.sampled_from(["paid", "free", "undeclared"]),
        agreement=st.sampled_from([None, None, *SIGNED]),
    )
    def bring_a_credential(self, key, provider, tier, agreement):
        secret = f"sk-own-{self.world.runs}-{self.world.counts['commands']}-0123456789"
        held = [signed(agreement, provider)] if agreement else []
        arguments = ["--account", key.account, "--provider", provider, "--tier", tier]
        arguments += ["--agreement", self._file(held)] if held else []
        made = self.world.command("credentials", "add", *arguments, secret=secret)["id"]
        self.world.credential_of[f"Bearer {secret}"] = made
        credential = {"id": made, "tier": tier, "account": key.account, "agreements": held}
        self.world.context["own_credentials"].setdefault(key.account, {}).setdefault(provider, []).append(credential)
        for model in (MODELS[1], AUTO):
            self._ask(key, None, Words([model], switched={"only": [provider]}))
        return made

    @rule(credential=credentials, agreement=st.sampled_from([None, *SIGNED]))
    def sign_something_else(self, credential, agreement):
        """What was signed for a key is replaced, or ends."""
        provider, held = self._brought(credential)
        held["agreements"] = [signed(agreement, provider)] if agreement else []
        self.world.command("credentials", "agree", credential, *([self._file(held["agreements"])] if agreement else []))

    @rule(credential=consumes(credentials))
    def take_a_credential_back(self, credential):
        provider, held = self._brought(credential)
        self.world.command("credentials", "revoke", credential)
        self.world.context["own_credentials"][held["account"]][provider].remove(held)

    def _file(self, agreements):
        path = self.world.gateway.home / "signed.toml"
        path.write_text("".join(map(signed_toml, agreements)))
        return str(path)

    def _brought(self, credential):
        for by_provider in self.world.context["own_credentials"].values():
            for provider, held in by_provider.items():
                for one in held:
                    if one["id"] == credential:
                        return provider, one
        raise KeyError(credential)

    # The catalogue

    @rule(key=keys, edit=st.sampled_from(sorted(EDITS)), form=forms, body=one)
    def update_the_catalogue(self, key, edit, form, body):
        """What was true of the providers is not any more: nothing may go by what was remembered of it."""
        words = Words([MODELS[0]], body, form=form), Words([AUTO], body, form=form)
        for one_of_them in words:
            self._ask(key, None, one_of_them)
        self.world.update(edit)
        for one_of_them in words:
            self._ask(key, None, one_of_them)

    # Providers

    @rule(
        key=keys,
        form=forms,
        some=st.lists(st.sampled_from(NAMES), min_size=4, unique=True),
        everybody=st.booleans(),
        fault=st.sampled_from(sorted(FAULTS)),
        times=st.sampled_from([1, 2, 6]),
    )
    def providers_fail(self, key, form, some, everybody, fault, times):
        for name in NAMES if everybody else some:
            self.world.script(name, *[FAULTS[fault]] * times)
            self.world.hurt |= {endpoint: set() for endpoint in self.world.endpoints if endpoint.startswith(f"{name}/")}
        self._ask(key, None, Words([AUTO], form=form))

    @rule()
    def providers_recover(self):
        for name in NAMES:
            self.world.script(name)

    # Callers

    @rule(
        key=keys,
        several=st.lists(
            st.builds(
                Words, models, few, st.lists(claims, max_size=2), switches, form=forms, stream=st.booleans(), features=features, tags=tags
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def request(self, key, several):
        for words in several:
            self._ask(key, None, words)

    @rule(key=keys, body=one, form=forms, stream=st.booleans(), times=st.integers(1, 4))
    def plain_requests(self, key, body, form, stream, times):
        """Little asked by the request itself: what stands above it decides. Several, so that circuits open."""
        for _ in range(times):
            self._ask(key, None, Words([MODELS[0]], body, form=form, stream=stream))

    @rule(key=keys, headers=one, models=models, form=forms)
    def request_without_a_body_field(self, key, headers, models, form):
        self._ask(key, None, Words(models, headers=headers, form=form))

    @rule(key=keys, body=few, headers=one, switched=switches, model=st.sampled_from([VECTORS.id, VECTORS.id, MODELS[0], UNKNOWN_MODEL]))
    def embed(self, key, body, headers, switched, model):
        self._ask(key, None, Words([model], body, headers, switched, "embeddings"))

    @rule(key=revoked, body=few, form=forms)
    def request_with_a_revoked_key(self, key, body, form):
        self._ask(key, 401, Words([MODELS[0]], body, form=form))

    @rule(key=keys, body=few, models=models, form=forms)
    def request_and_leave(self, key, body, models, form):
        """The caller leaves while a provider is working, or is refused before."""
        for name in NAMES:
            self.world.script(name, '{"kind": "stall", "at": 0}')
        self.world.forget()
        words = Words(models, body, form=form)
        permitted, _ = self._permitted(key, words)
        end = connect(("127.0.0.1", self.world.gateway.port))
        try:
            end.play(steps(self.world.gateway, words.written(key)))
            end.sock.setblocking(False)
            deadline = time.monotonic() + 10
            while not self._working() and not _has_data(end.sock):
                assert time.monotonic() < deadline
                time.sleep(0.001)
        finally:
            end.sock.close()
        self._check_reach(permitted, 1)
        self.providers_recover()

    def _working(self):
        return any(self.world.simulation.ledger(name)["requests"] for name in NAMES)

    def _ask(self, key, expected, words):
        world = self.world
        world.forget()
        permitted, status = ({}, expected) if expected else self._permitted(key, words)
        hurt = any(endpoint in world.hurt and by not in world.hurt[endpoint] for endpoint, by in permitted.items())
        well = not hurt and not {endpoint.partition("/")[0] for endpoint in permitted} & world.failing
        answer = ask(world.gateway, words.written(key))
        for name, holds in (("requests", True), (words.form, True), ("auto", AUTO in words.models), ("tagged", words.tags)):
            world.counts[name] += bool(holds)
        reached = self._check_reach(permitted, max(2, len(words.models)))
        if not permitted:
            world.counts["denied"] += 1
            world.require(holds=answer.status == status, otherwise=f"{answer.status} in place of {status}: {answer.body!r}")
            assert (answer.field("x-should-retry") == b"false") is (status == 503)
            _told(words.form, status, answer.body)
            return
        allowed = {200} if well else {200, *FAILED}
        world.require(holds=answer.status in allowed, otherwise=f"{answer.status} is none of {allowed}: {answer.body!r}")
        world.counts["served" if answer.status == 200 else "failed"] += 1
        if answer.status == 200:
            assert answer.field("x-anyapi-endpoint").decode() in reached
            assert answer.field("x-anyapi-model").decode() in {*words.models} - {AUTO} or AUTO in words.models

    def _permitted(self, key, words):
        """What the oracle says, of everything that was set and asked: by which credential each endpoint may be reached, and the refusal's status.

        Each header and switch is a layer of its own: all are met.
        """
        places = [("gateway", ""), ("account", key.account), ("project", key.project), ("key", key.id)]
        layers = [(layer, as_settings(list(self.layers.get((layer, subject), {}).values()))) for layer, subject in places]
        layers.append(("request", as_settings(words.body)))
        layers += [("request", claim.settings) for claim in words.headers]
        layers += [("request", SWITCHES[name][1](value)) for name, value in words.switched.items()]
        question = question_of(words.asked, body_of(words.asked))
        found = verdicts_on(layers, question, key.account, self.world.context, time.time())
        permitted = {
            name: verdict["credential"] for verdicts in found.values() for name, verdict in verdicts.items() if verdict["permitted"]
        }
        return {name: by for name, by in permitted.items() if name not in self.world.forbidden}, refusal(found)

    def _check_reach(self, permitted, most_calls):
        """The endpoints that this step reached; fails for any outside what is permitted or by another credential, or for a byte where nobody is."""
        calls = []
        for name, ledger in self.world.seen().items():
            new = ledger["entries"]
            self.world.require(holds=ledger["leaked"] == {}, otherwise=f"{name} was sent {ledger['leaked']}")
            calls += [f"{name}/{entry['model']}" for entry in new]
            for entry, credential in zip(new, ledger["credentials"], strict=True):
                if entry["outcome"] == "answered" and f"{name}/{entry['model']}" in self.world.hurt:
                    self.world.hurt[f"{name}/{entry['model']}"].add(credential)
            if not any(endpoint.startswith(f"{name}/") for endpoint in permitted):
                same = ledger["wire_bytes"] == 0
                self.world.require(holds=same, otherwise=f"bytes reached {name}, permitted are {sorted(permitted)}")
            by = [permitted.get(f"{name}/{entry['model']}") for entry in new]
            self.world.require(holds=ledger["credentials"] == by, otherwise=f"{name} was shown {ledger['credentials']} in place of {by}")
            self.world.counts["own"] += sum(credential.startswith("own:") for credential in ledger["credentials"])
        self.world.require(holds=set(calls) <= permitted.keys(), otherwise=f"{calls} were reached, permitted are {sorted(permitted)}")
        self.world.require(holds=len(calls) <= min(4, most_calls), otherwise=f"{len(calls)} calls for one request: {calls}")
        return set(calls)


def _last(asked: list[Claim]) -> dict[str, Claim]:
    return {claim.field: claim for claim in asked}


def _told(form: str, status: int, body: bytes) -> None:
    """The refusal stands in the envelope of its format."""
    if form != "messages":
        envelope(status, body)
        return
    told = json.loads(body)
    assert (told["type"], told["error"]["details"]["error_code"] in TYPES[status]) == ("error", True)


def _has_data(sock) -> bool:
    try:
        return bool(sock.recv(65536))
    except BlockingIOError:
        return False


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with tenancy(tmp_path_factory.mktemp("machine") / "gateway") as pair:
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


@pytest.mark.timeout(14400 if LONG else 300)
def test_nothing_reaches_a_provider_outside_what_the_oracle_permits(running):
    world, started = World(*running), time.monotonic()
    run(world, RUNS, STEPS, *([Phase.shrink] if LONG else []))
    print(f"\n{world.runs} runs, {(time.monotonic() - started) / world.runs:.2f} s each: {world.counts}")
    assert world.runs >= RUNS
    assert min(world.counts.values()) >= RUNS // 5


def test_the_machine_finds_a_provider_outside_what_is_permitted(running):
    planted = frozenset(f"{name}/{MODELS[0].partition('/')[2]}" for name in NAMES)
    world = World(*running, forbidden=planted)
    with pytest.raises(AssertionError):
        run(world, 20, 30)
    assert "reached" in world.problems[0] or "in place of [None]" in world.problems[0], "somebody who was not permitted got it"
