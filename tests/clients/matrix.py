"""The matrix of Python clients: which there are, what they do, and the run of one of them, straight at providers or through the gateway.

The drivers (`drivers/`) run in environments of their own, made by `scripts/client_environment.sh` from hash-locked requirements, with an
empty environment and a home of their own.
"""

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.clients.transcripts import without_ids

from anyapi.simulator import DEFAULT_PROVIDERS, FORMATS, ClaimedPolicy, ModelSpec, ProviderSpec, WireName
from anyapi.simulator.demo_config import key_variable

ROOT = Path(__file__).parents[2]
KEPT = ClaimedPolicy("never", "limited", 30)
POLICY = {"X-AnyAPI-Training-Allowed": "false", "X-AnyAPI-Retention-Days": "30"}
ERRORS = ("limited", "overloaded", "broken", "picky", "error event", "broken off", "wrong key")
CASES = ("whole", "stream", "tools", "structured", "image", *ERRORS, "cancel")
"""What every client does in every wire format that it has."""
PROVIDERS = {"chat": "sim-openai", "responses": "sim-openai", "messages": "sim-anthropic"}
"""Who answers each wire format."""
VIA = {str(wire): wire for wire in FORMATS}
"""Providers of other formats, which the gateway translates for. OpenAI's is reached from Anthropic's format only."""
NOT_VIA = {*ERRORS, "cancel", "embeddings"}
"""Cases that say nothing of a translation: the same code answers them."""
PROVIDER_KEY = "key-of-the-provider"
ENVIRONMENT = {key_variable(provider): PROVIDER_KEY for provider in PROVIDERS.values()}
"""Of the gateway."""
FAULTS = {
    "usual": "",
    "other": "@@comments",
    "slow": "@@say/words:2000/text:slow@@drip/seconds:0.02",
    "error-event": "@@error_event/at:4",
    "broken-off": "@@close/at:6/of:events",
    **{
        f"{name}{way}": f"@@status/status:{status}{how}"
        for name, status in {"limited": 429, "overloaded": 503, "broken": 500, "picky": 400}.items()
        for way, how in {"": "", "-stream": "/body:json"}.items()
    },
}
"""What is wrong with each model of a wire format, as the simulator reads it from the model's name."""
QUIET = {
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "false",
    "LANGSMITH_TRACING": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""The whole environment of a driver: telemetry off, and nothing of the person who runs the tests."""
MADE_BY_CLIENTS = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b|\bresp_bGl0ZWxsbT\w+=*")
"""Ids that clients draw by lot."""
NOW = re.compile(r"(\"created(?:_at)?\": )(?!1764000000\b)\d{10}(?:\.\d+)?")
"""Times that clients write themselves; those of the simulator are fixed."""
REQUEST_ID = re.compile(r'("request_id": )"(?:req_sim|dec_\w+)"')
"""The provider's id of a request, from a header. The gateway gives its decision's."""


SAYS = r"This is claude-3\.5-sonnet\..*"
"""What the lines of most pages print."""
LENGTH = "1536"


@dataclass(frozen=True)
class Client:
    """A client of the matrix: its environment, its page, and what the page prints."""

    environment: str
    page: str
    prints: tuple[str, ...]
    cases: dict[str, tuple[str, ...]]
    """By wire format, the cases of its own."""
    other_errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Cases that raise another class through the gateway than straight: both. The page says why."""

    def all_cases(self) -> dict[str, list[str]]:
        """All it does, by wire format."""
        return {flavour: [*CASES, *more] for flavour, more in self.cases.items()}


CLIENTS = {
    "langchain": Client(
        "openai-3",
        "langchain.md",
        (SAYS, SAYS, LENGTH),
        {"chat": ("asynchronous", "embeddings"), "responses": ("asynchronous",), "messages": ("asynchronous",)},
    ),
    "llamaindex": Client(
        "openai-2",
        "llamaindex.md",
        (SAYS, LENGTH),
        {"chat": ("asynchronous", "completion", "schema", "embeddings"), "responses": ("asynchronous",)},
    ),
    "instructor": Client(
        "openai-2",
        "instructor.md",
        (r"city='\w+' degrees=[\d.]+",),
        {"chat": ("asynchronous",), "messages": ("asynchronous",)},
    ),
    "pydantic_ai": Client(
        "openai-3",
        "pydantic-ai.md",
        (SAYS, SAYS),
        {"chat": ("native",), "responses": ("native",), "messages": ()},
        {f"{flavour} overloaded": ("ModelUnavailableError", "ModelOverloadedError") for flavour in ("chat", "responses", "messages")},
    ),
    "openai_agents": Client("openai-3", "openai-agents.md", (SAYS,), {"chat": ("handoff",), "responses": ("handoff",)}),
    "litellm": Client(
        "litellm",
        "litellm.md",
        (SAYS, SAYS),
        {"chat": ("asynchronous", "embeddings"), "responses": (), "messages": ("asynchronous",)},
        {
            **{f"{flavour} broken": ("InternalServerError", "BadGatewayError") for flavour in ("chat", "responses", "messages")},
            "messages overloaded": ("ServiceUnavailableError", "InternalServerError"),
        },
    ),
}


def upstream_name(flavour: str, name: str) -> str:
    """The provider's name of a model."""
    return ("vectors-1" if name == "vectors" else f"{flavour}-1") + FAULTS.get(name, "")


def models(flavour: str) -> list[str]:
    """The models of a wire format, by our names."""
    return [*FAULTS, *(["vectors"] if flavour == "chat" else [])]


def specs() -> tuple[ProviderSpec, ...]:
    """The providers of the demo, one for each wire format, those of other formats, and one for the embeddings of the pages."""
    found = []
    for provider in sorted(set(PROVIDERS.values())):
        flavours = [flavour for flavour, each in PROVIDERS.items() if each == provider]
        rows = tuple(
            ModelSpec(f"acme/{flavour}-{name}", upstream_name(flavour, name), 1.0, 1.0, dimensions=8 if name == "vectors" else None)
            for flavour in flavours
            for name in models(flavour)
        )
        wire = WireName.ANTHROPIC if provider == "sim-anthropic" else WireName.OPENAI
        found.append(ProviderSpec(provider, wire=wire, models=rows, policy=KEPT, api_key=PROVIDER_KEY))
    for name, wire in VIA.items():
        rows = (ModelSpec(f"acme/via-{name}", f"via-{name}-1", 1.0, 1.0),)
        found.append(ProviderSpec(f"sim-via-{name}", wire=wire, models=rows, policy=KEPT))
    vectors = ModelSpec("openai/text-embedding-3-small", "text-embedding-3-small", 1.0, dimensions=int(LENGTH))
    return (*DEFAULT_PROVIDERS, *found, ProviderSpec("sim-of-pages", models=(vectors,), policy=KEPT))


def python_of(environment: str) -> str:
    """The Python of a client's environment. Skips where it cannot be had."""
    arguments = [str(ROOT / "scripts/client_environment.sh"), environment]
    surroundings = {**os.environ, "ANYAPI_TEST_BIN": str(Path(sys.executable).parent)}
    ran = subprocess.run(arguments, capture_output=True, text=True, check=False, env=surroundings)
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(
            f"SKIPPED LOUDLY: the clients of requirements/clients/{environment}.lock cannot be installed, so they are NOT tested: {why}"
        )
    return ran.stdout.strip()


def direct_place(simulation) -> dict[str, object]:
    """Straight at the providers."""
    names = {f"{flavour}-{name}": upstream_name(flavour, name) for flavour in PROVIDERS for name in models(flavour)}
    urls = simulation.base_urls
    return {"openai": urls["sim-openai"], "anthropic": urls["sim-anthropic"], "key": PROVIDER_KEY, "models": names, "headers": {}}


def gateway_place(gateway) -> dict[str, object]:
    """Through the gateway, with a policy."""
    names = {f"{flavour}-{name}": f"acme/{flavour}-{name}" for flavour in PROVIDERS for name in models(flavour)}
    return {"openai": f"{gateway.url}/v1", "anthropic": gateway.url, "key": gateway.key, "models": names, "headers": POLICY}


def translated(gateway, client: str) -> dict[str, dict[str, object]]:
    """For each other format: where a client goes that asks for a provider of it, and which cases it runs there."""
    found = {}
    for name, wire in VIA.items():
        cases = {
            flavour: [case for case in cases if case not in NOT_VIA]
            for flavour, cases in CLIENTS[client].all_cases().items()
            if PROVIDERS[flavour] != f"sim-{wire}"
        }
        place = gateway_place(gateway)
        names = place["models"] | {f"{flavour}-usual": f"acme/via-{name}" for flavour in cases}
        found[name] = {"place": place | {"models": names}, "cases": cases}
    return found


def run(client: str, home: Path, runs: list[dict[str, object]], pages: list[str]) -> dict[str, object]:
    """Run a driver and give its JSON, without ids. Each of `runs` has a `place` and `cases`."""
    home.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        [python_of(CLIENTS[client].environment), "-m", "tests.clients.drivers.run", client],
        input=json.dumps({"runs": runs, "pages": pages}),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**QUIET, "HOME": str(home), "TMPDIR": str(home)},
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return comparable(json.loads(_as_at_the_provider(ran.stdout.splitlines()[-1], runs[0]["place"])))


def _as_at_the_provider(told: str, place: dict[str, object]) -> str:
    """The address that a client was given, and the name that it knows a model by, as they are straight: some clients repeat them."""
    for name in ("openai", "anthropic"):
        told = told.replace(f"{place[name]}", f"<{name}>")
    for name, asked in place["models"].items():
        told = told.replace(json.dumps(asked)[1:-1], upstream_name(*name.split("-", 1))) if asked.startswith("acme/") else told
    return told


def comparable(value: object) -> object:
    """The same without ids, the provider's and the client's, and without the time of day."""
    text = MADE_BY_CLIENTS.sub("<id>", json.dumps(without_ids(value)))
    return json.loads(REQUEST_ID.sub(r"\1null", NOW.sub(r"\1null", text)))


def _entries(simulation, provider: str) -> list[dict[str, object]]:
    return simulation.call(simulation.simulation[provider].ledger.bodies_as_json)


def bodies(simulation) -> dict[str, list[object]]:
    """What reached each provider, in order, without ids.

    Models with a fault are left out, because the gateway tries them more than once, and so is a wrong key, which it does not send on.
    """
    found = {}
    for provider in sorted(set(PROVIDERS.values())):
        entries = [entry for entry in _entries(simulation, provider) if PROVIDER_KEY in json.dumps(entry["headers"])]
        sent = [json.loads(base64.b64decode(entry["body"])) for entry in entries]
        found[provider] = comparable([body for body in sent if "@@" not in body["model"]])
    return found


def as_we_send_it(body: dict[str, object]) -> dict[str, object]:
    """A body that a client sends, as the gateway sends it on: it always wants to know the usage, and nothing is to be stored or linked."""
    if body["model"].startswith("responses"):
        linked = {name for name in ("previous_response_id", "metadata") if body.get(name, "") is None}
        return {**{name: part for name, part in body.items() if name not in linked}, "store": False}
    if body.get("stream") and body["model"].startswith("chat"):
        return {**body, "stream_options": {**body.get("stream_options", {}), "include_usage": True}}
    return body


def headers(simulation) -> set[str]:
    """The names of all headers that reached the providers."""
    return {
        name.lower() for provider in set(PROVIDERS.values()) for entry in _entries(simulation, provider) for name, _ in entry["headers"]
    }


def gone(simulation) -> int:
    """How many requests their client left before the end."""
    return sum(simulation.ledger(provider)["outcomes"].get("client_gone", 0) for provider in set(PROVIDERS.values()))
