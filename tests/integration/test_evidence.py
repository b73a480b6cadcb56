"""What providers state that they did, through a real gateway and real sockets: recorded, in force at once and after a restart, shown, cleared.

Providers have the ids of those whose statements are known (`upstream/registry`); each scenario has an endpoint of its own, because what is
found out about one stays.
"""

import contextlib
import json
import sqlite3

import msgspec
import pytest
from click.testing import CliRunner
from tests.integration.lab import until
from tests.integration.test_dialects import BODIES
from tests.tools.gateway import simulated

from anyapi.cli import main
from anyapi.domain.evidence import Contradiction, EvidenceCode
from anyapi.simulator import ModelSpec, ProviderSpec, SimulationOptions, read_fault
from anyapi.simulator.cast import ClaimedPolicy

ZERO = ClaimedPolicy("never", "zero", 0, "default", "no")
HEADER = "x-zero-data-retention"
WAYS = [(path, stream) for path in BODIES for stream in (False, True)]
NAMES = ("plain", "agreed", "odd", "huge", "shown", "failing", "host", "told", "named", "metadata", "echo", "echoed", "double")
CONFIDENTIAL = {"data_class": "confidential"}


def way_name(path, stream):
    return f"{path.replace('/', '-')}-{'stream' if stream else 'whole'}"


def specs():
    every = [*NAMES, *(way_name(*way) for way in WAYS)]
    served = {
        name: ProviderSpec(name, models=tuple(ModelSpec(f"{name}/{one}", one, 1.0, 1.0) for one in every), policy=ZERO)
        for name in ("xai", "openrouter", "vercel", "huggingface", "openai")
    }
    # One more endpoint of the failing model, at a provider that states nothing.
    other = ProviderSpec("sim-quiet", models=(ModelSpec("xai/failing", "failing", 9.0, 9.0),), policy=ZERO)
    return [*served.values(), other]


# Routers whose endpoints promise the facts of one host: what their own records say of the hosts behind them is put aside.
BEHIND = """
[[providers.openrouter.policy_exceptions]]
applies_to = { models = ["openrouter/*"] }
override = { same_as_provider = "anthropic", training = "never", retention = { kind = "zero", days = 0 }, human_review = "no" }

[[providers.vercel.policy_exceptions]]
applies_to = { models = ["vercel/*"] }
override = { same_as_provider = "amazon-bedrock", training = "never", retention = { kind = "zero", days = 0 }, human_review = "no" }

[[providers.huggingface.policy_exceptions]]
applies_to = { models = ["huggingface/*"] }
override = { same_as_provider = "together", training = "never", retention = { kind = "zero", days = 0 }, human_review = "no" }
"""


def states(headers=None, fields=None, times=1):
    return read_fault(json.dumps({"kind": "states", "headers": headers or {}, "fields": fields or {}, "times": times}))


class Place:
    """A running gateway in front of providers that state what they did."""

    def __init__(self, gateway, simulation):
        self.gateway, self.simulation = gateway, simulation

    def ask(self, model, path="chat/completions", *says, stream=False, data_policy=CONFIDENTIAL, **fields):
        """One request; the provider that the model is named after states `says` with its answer."""
        if says:
            self.simulation.script(model.split("/")[0], [list(says)])
        body = {"model": model, **BODIES[path], "stream": stream, "data_policy": data_policy, **fields}
        return self.gateway.request("POST", f"/v1/{path}", body)

    def row(self, answer):
        """The usage row of an answer."""
        wanted = answer.headers["x-anyapi-decision"]
        return until(lambda: next((row for row in self.gateway.usage() if row.decision == wanted), None), "the usage row")

    def stored(self, endpoint):
        """The codes that are written down against an endpoint and in force."""

        def found():
            with self.gateway.store() as store:
                return [row for row in store.contradictions() if row.endpoint == endpoint and row.cleared_at is None]

        return found

    def sent(self, provider):
        """The bodies that a provider got since the last time."""
        running = self.simulation.simulation.providers[provider]
        bodies = self.simulation.call(lambda: [json.loads(body.body) for body in running.ledger.bodies])
        self.simulation.reset()
        return bodies

    def command(self, *words):
        result = CliRunner().invoke(main, [*words, "--config", str(self.gateway.home / "anyapi.toml")])
        assert result.exit_code == 0, result.output
        return result.stdout


@contextlib.contextmanager
def running(home):
    with simulated(home, specs(), SimulationOptions(record_bodies=True), extra=BEHIND) as (gateway, simulation):
        yield Place(gateway, simulation)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with running(tmp_path_factory.mktemp("evidence") / "home") as found:
        yield found


def codes_of(refusal):
    assert refusal.status == 403, refusal.body
    (endpoint,) = refusal.json()["error"]["metadata"]["endpoints"]
    return {reason["code"] for reason in endpoint["reasons"]}


def test_a_provider_that_states_nothing_leaves_nothing(place):
    answer = place.ask("xai/plain")
    assert answer.status == 200
    assert (place.row(answer).evidence, place.row(answer).host) == (None, None)


def test_a_true_statement_is_noted_and_changes_nothing(place):
    before = place.gateway.request("GET", "/v1/models/xai/agreed/endpoints").json()
    answer = place.ask("xai/agreed", "chat/completions", states({HEADER: "true"}))
    assert place.row(answer).evidence == "agreed"
    assert place.gateway.request("GET", "/v1/models/xai/agreed/endpoints").json() == before
    assert place.ask("xai/agreed").status == 200


@pytest.mark.parametrize(("path", "stream"), WAYS)
def test_a_contradicted_promise_counts_no_more(place, path, stream):
    model = f"xai/{way_name(path, stream)}"
    answer = place.ask(model, path, states({HEADER: "false"}), stream=stream)
    assert answer.status == 200, "the answer was paid for with the prompt; it is passed on"
    place.sent("xai")
    refused = place.ask(model, path, stream=stream)
    assert codes_of(refused) == {"retention_unknown", "evidence_contradicts"}
    assert place.row(answer).evidence == "retained"
    assert place.sent("xai") == [], "nothing was sent there"
    assert codes_of(place.ask(model, data_policy={"retention_days": 30})) == {"retention_unknown", "evidence_contradicts"}
    assert codes_of(place.ask(model, data_policy={"min_confidence": "primary"})) == {"confidence_too_low", "evidence_contradicts"}
    assert place.ask(model, data_policy={"training_allowed": False}).status == 200, "that was not contradicted"
    (row,) = until(place.stored(model), "the contradiction in the store")
    assert (row.code, row.credential, row.decision) == ("retained", "xai", answer.headers["x-anyapi-decision"])


@pytest.mark.parametrize("words", ["maybe", "", "true, maybe", "true" + " " * 100 + ",false"])
def test_what_cannot_be_read_is_no_statement(place, words):
    answer = place.ask("xai/odd", "chat/completions", states({HEADER: words}))
    assert place.row(answer).evidence == "unreadable"
    assert place.ask("xai/odd").status == 200


def test_of_two_that_differ_the_worse_counts(place):
    answer = place.ask("xai/double", "chat/completions", states({HEADER: "false"}), states({HEADER: "true"}))
    assert place.row(answer).evidence == "retained"


@pytest.mark.parametrize("stream", [False, True])
def test_hostile_sizes_are_refused_reading(place, stream):
    """A header of 40 KB; host names, fields and objects of up to a megabyte, in an answer and in a stream's first event."""
    answer = place.ask("xai/huge", "chat/completions", states({HEADER: "x"}, times=40_000), stream=stream)
    assert (answer.status, place.row(answer).evidence) == (200, "unreadable")
    for field in ({"provider": "x"}, {"provider": {"a": {"b": [1] * 1000}}}, {"provider": ["x" * 1000]}, {"provider": 10**300}):
        answer = place.ask("openrouter/huge", "chat/completions", states(fields=field, times=50_000), stream=stream, data_policy={})
        assert (answer.status, place.row(answer).host) == (200, "unrecognised")
    answer = place.ask(
        "openrouter/huge", "chat/completions", states(fields={"provider": "x"}, times=900_000), stream=stream, data_policy={}
    )
    assert (answer.status, place.row(answer).evidence) == (200, "unreadable" if stream else "other_host")


def test_a_router_is_told_the_requirement_in_its_own_words(place):
    """And, as its endpoints promise one host, to use this one: a caller who names another must not make it break its promise."""
    place.sent("openrouter")
    asked = {"training_allowed": False, "retention_days": 0, "providers": {"ignore": ["deepseek", "zai", "ollama"]}}
    for path, stream in WAYS:
        assert place.ask("openrouter/told", path, stream=stream, data_policy=asked).status == 200
    place.ask("openrouter/told", data_policy={"providers": {"only": ["openrouter", "anthropic", "google-vertex", "ollama"]}})
    place.ask("openrouter/told", data_policy={"providers": {"only": ["openrouter", "deepseek"]}, "retention_days": 30})
    place.ask("openrouter/told", data_policy={})
    words = [body.get("provider") for body in place.sent("openrouter")]
    strict = {"data_collection": "deny", "zdr": True, "only": ["anthropic"], "ignore": ["deepseek", "z-ai"]}
    assert words == [*[strict] * len(WAYS), *[{"only": ["anthropic"]}] * 3]


def test_each_router_has_its_own_words(place):
    """Vercel's has none for what is to be ignored, Hugging Face's has none at all: their endpoints are judged by their own facts."""
    asked = {"training_allowed": False, "retention_days": 0, "providers": {"ignore": ["deepseek"]}}
    bodies = {}
    for router in ("vercel", "huggingface"):
        place.sent(router)
        assert place.ask(f"{router}/told", data_policy=asked).status == 200
        (bodies[router],) = place.sent(router)
    assert bodies["vercel"].pop("providerOptions") == {
        "gateway": {"disallowPromptTraining": True, "zeroDataRetention": True, "only": ["bedrock"]}
    }
    assert all({"provider", "providerOptions"}.isdisjoint(body) for body in bodies.values())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "headers", "says", "host"),
    [
        ("openrouter/named", {}, {"provider": "Anthropic"}, "anthropic"),
        ("huggingface/named", {"x-inference-provider": "together"}, {}, "together"),
        ("vercel/metadata", {}, {"providerMetadata": {"gateway": {"routing": {"finalProvider": "bedrock"}}}}, "amazon-bedrock"),
        ("openrouter/echo", {}, {"store": False}, None),
    ],
)
def test_the_promised_host_answered(place, model, headers, says, host, stream):
    answer = place.ask(model, "chat/completions", states(headers, says), stream=stream)
    row = place.row(answer)
    assert (row.host, row.evidence) == (host, "agreed")
    assert place.ask(model).status == 200


@pytest.mark.parametrize(("path", "stream"), WAYS)
def test_another_host_answered(place, path, stream):
    name, recorded = ("DeepSeek", "deepseek") if stream else ("Nobody Knows, Inc.", "unrecognised")
    model = f"openrouter/{way_name(path, stream)}"
    answer = place.ask(model, path, states(fields={"provider": name}), stream=stream)
    row = place.row(answer)
    assert (answer.status, row.host, row.evidence) == (200, recorded, "other_host")
    refused = codes_of(place.ask(model, path, data_policy={"training_allowed": False}))
    assert refused == {"training_unknown", "evidence_contradicts"}
    (stored,) = until(place.stored(model), "the contradiction in the store")
    assert (stored.code, stored.host) == ("other_host", recorded)


def test_a_host_that_was_ruled_out_answered(place):
    """Told not to use it, the router used it. What it was not told, because nobody can, is not held against it."""
    asked = {"providers": {"ignore": ["anthropic"]}}
    answer = place.ask("openrouter/host", "chat/completions", states(fields={"provider": "Anthropic"}), data_policy=asked)
    assert (place.row(answer).host, place.row(answer).evidence) == ("anthropic", "excluded_host")
    told = place.ask(
        "vercel/host",
        "chat/completions",
        states(fields={"provider": "Amazon Bedrock"}),
        data_policy={"providers": {"ignore": ["amazon-bedrock"]}},
    )
    assert (place.row(told).host, place.row(told).evidence) == ("amazon-bedrock", "agreed")


@pytest.mark.parametrize(("path", "stream"), [("responses", False), ("responses", True), ("chat/completions", False)])
def test_stored_though_told_not_to(place, path, stream):
    model = f"openai/{way_name(path, stream)}"
    right = place.ask(model, path, stream=stream)
    assert place.row(right).evidence == ("agreed" if path == "responses" else None), "responses repeat `store`"
    answer = place.ask(model, path, states(fields={"store": True}), stream=stream)
    assert place.row(answer).evidence == "stored"
    assert codes_of(place.ask(model, path)) == {"retention_unknown", "evidence_contradicts"}


def test_what_one_provider_stated_is_not_said_of_the_next(place):
    fault = read_fault('{"kind":"status","status":500}')
    answer = place.ask("xai/failing", "chat/completions", fault, states({HEADER: "false"}))
    row = place.row(answer)
    assert (answer.status, row.endpoint, row.evidence) == (200, "sim-quiet/failing", None)
    (stored,) = until(place.stored("xai/failing"), "the contradiction in the store")
    assert stored.decision == row.decision


def test_it_is_shown_survives_a_restart_and_can_be_cleared(tmp_path):
    with running(tmp_path / "home") as place:
        gateway = place.gateway
        answer = place.ask("xai/shown", "chat/completions", states({HEADER: "false"}))
        decision = answer.headers["x-anyapi-decision"]
        until(place.stored("xai/shown"), "the contradiction in the store")
        line = f"event=evidence_contradicts endpoint=xai/shown credential=xai code=retained decision={decision}\n"
        assert gateway.log().count(line) == 1

        def shown():
            (endpoint,) = gateway.request("GET", "/v1/models/xai/shown/endpoints").json()["data"]["endpoints"]
            explained = gateway.request("POST", "/v1/explain", {"model": "xai/shown", "data_policy": CONFIDENTIAL}).json()
            denied = [row["reasons"] for row in explained["models"][0]["denied"]]
            policy = endpoint["data_policy"]
            return policy["grade"], policy["contradictions"], [reason["code"] for reasons in denied for reason in reasons]

        contradicted = ("contradicted", ["retained"], ["retention_unknown", "evidence_contradicts"])
        assert shown() == contradicted
        assert "[contradicted]" in place.command("explain", "xai/shown")
        assert "evidence_contradicts" in place.command("explain", "xai/shown", "--data-class", "confidential")
        gateway.usage(1)
        assert "1 answers stated otherwise" in place.command("usage", "--by", "evidence")
        assert "retained" in place.command("usage", "--by", "evidence")
        listed = json.loads(place.command("evidence", "list", "--json"))["contradictions"]
        found = msgspec.convert(listed, list[Contradiction])
        assert [(row.endpoint, row.code, row.decision) for row in found] == [("xai/shown", EvidenceCode.RETAINED, decision)]

        assert gateway.stop() == 0
        gateway.start()
        assert shown() == contradicted
        place.simulation.reset()
        assert codes_of(place.ask("xai/shown")) == {"retention_unknown", "evidence_contradicts"}
        assert place.sent("xai") == []

        assert "in force (snapshot" in place.command("evidence", "clear", "xai/shown")
        assert shown() == ("declared", [], [])
        assert place.ask("xai/shown").status == 200
        assert "no provider" in place.command("evidence", "list")
        assert "cleared" in place.command("evidence", "list", "--all")

        place.ask("xai/shown", "chat/completions", states({HEADER: "false"}))
        assert shown() == contradicted, "what was cleared does not excuse what comes after"
        # Another command's reload forgets nothing, whether or not the row is on the disk already.
        assert "in force" in place.command("settings", "set", "paid_only=true")
        assert shown()[:2] == contradicted[:2]


def test_the_store_refuses_to_forget(place):
    place.ask("xai/huge", "chat/completions", states({HEADER: "false"}))
    until(place.stored("xai/huge"), "the contradiction in the store")
    with contextlib.closing(sqlite3.connect(place.gateway.home / "anyapi.db")) as connection:
        for statement in (
            "DELETE FROM contradictions",
            "UPDATE contradictions SET code = 'stored'",
            "UPDATE contradictions SET host = 'x'",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="only be added and cleared"):
                connection.execute(statement)
