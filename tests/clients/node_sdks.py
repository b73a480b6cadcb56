"""JavaScript SDKs, unmodified, told the same story at many targets by one node process; the stories are in `node`.

A target is a base URL, a key and a model: the gateway in front of a provider (`through`), that provider itself (`straight`), the gateway in
front of a provider of another format that serves a model of the same name (`translated`), providers that fail, providers that are slow.
"""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from tests.clients.transcripts import without_ids

from anyapi.simulator import ClaimedPolicy, ModelSpec, ProviderSpec, WireName, read_fault

HERE = Path(__file__).parent / "node"
ROOT = HERE.parents[2]
KEPT = ClaimedPolicy("never", "limited", 30)
POLICY = {"data_policy": {"training_allowed": False, "retention_days": 30}}
POLICY_HEADERS = {"X-AnyAPI-Training-Allowed": "false", "X-AnyAPI-Retention-Days": "30"}
DENYING = {"X-AnyAPI-Retention-Days": "0"}
STRAIGHT_KEY = "the-key-of-the-straight-run"
NAMES = {
    WireName.OPENAI: "gpt-4o-mini",
    WireName.ANTHROPIC: "claude-opus-4-5",
    WireName.GEMINI: "gemini-3-pro",
    WireName.BEDROCK: "anthropic.claude-opus-4-5",
    WireName.COHERE: "command-a-plus-05-2026",
}
"""What the providers call their models: real names, because some SDKs look into them."""
FAILING = {
    "limited": {"kind": "status", "status": 429, "retry_after": 7},
    "overloaded": {"kind": "status", "status": 503},
    "broken": {"kind": "status", "status": 500},
    "picky": {"kind": "status", "status": 400},
    "cut": {"kind": "close", "at": 5, "of": "events"},
}
REFUSALS = (
    ("wrong key", "AuthenticationError", 401, "authentication_error"),
    ("unknown model", "NotFoundError", 404, "model_not_found"),
    ("denied", "PermissionDeniedError", 403, "no_eligible_endpoint"),
    ("header alone", "PermissionDeniedError", 403, "no_eligible_endpoint"),
)
"""What the gateway refuses itself, and what the vendors' SDKs make of it: a target, the class, the status, our code."""
ABSENT = "(absent)"
LEFT_AFTER = 5
"""Events; `cancelled` in story.mjs."""
AT_ONCE, EVENT_EVERY = 1000, 20
"""Milliseconds. A stream that nobody ends would go on for forty seconds."""

_OF_THE_RUN = {"performance", "callId", "headers", "request", "milliseconds", "sent"}
_MADE_UP = re.compile(r"^(call|aitxt|msg|id)-[A-Za-z0-9]{16,}$")


# --- node


@cache
def installed() -> Path:
    """A directory with the packages of the lock file, kept in the virtual environment. Skips the test where npm cannot install them."""
    home = Path(sys.prefix) / "node"
    subprocess.run(["bash", ROOT / "scripts" / "install_node_packages.sh", home], check=True)
    place = home / hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    if not (place / "done").exists():
        pytest.skip("SKIPPED LOUDLY: node, npm or the network is missing: JavaScript clients are NOT tested")
    for path in HERE.glob("*.mjs"):
        shutil.copy(path, place / path.name)
    return place


def node(*arguments: str | Path, given: object = None, timeout: float = 60) -> str:
    """What node prints; it reaches loopback only."""
    command = ["node", "--import", "./loopback.mjs", *arguments]
    ran = subprocess.run(command, cwd=installed(), input=json.dumps(given), capture_output=True, text=True, check=False, timeout=timeout)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def tell(story: str, targets: Sequence[dict[str, object]]) -> dict[str, dict[str, dict]]:
    """By target and form, what the SDK gave (`value`) or threw (`raised`)."""
    return json.loads(node(f"{story}.mjs", given=targets))


# --- providers


def cast(wires: Iterable[WireName], failing: Mapping[WireName, Iterable[str]] | None = None) -> tuple[ProviderSpec, ...]:
    """For each wire a provider and a slow one; and those that fail, under names of the form `KIND-USE`.

    Each use of a failing provider needs one of its own, because one that failed is left alone for a while.
    """
    specs = []
    for wire in wires:
        name = NAMES[wire]
        vectors = (ModelSpec("acme/vectors", "vectors", dimensions=8),) if wire is WireName.OPENAI else ()
        specs.append(ProviderSpec(f"sim-{wire}", wire=wire, models=(ModelSpec(f"{wire}/{name}", name, 1.0, 1.0), *vectors), policy=KEPT))
        slow = ModelSpec(f"{wire}-slow/{name}", name, 1.0, 1.0)
        specs.append(ProviderSpec(f"sim-{wire}-slow", wire=wire, models=(slow,), policy=KEPT, chunk_delay=EVENT_EVERY / 1000, words=2000))
        for use in (failing or {}).get(wire, ()):
            fault = read_fault(json.dumps(FAILING[use.partition("-")[0]]))
            models = (ModelSpec(f"{wire}-{use}/{name}", name, 1.0, 1.0),)
            specs.append(ProviderSpec(f"sim-{wire}-{use}", wire=wire, models=models, policy=KEPT, faults=(fault,)))
    return tuple(specs)


def disguised(pairs: Iterable[tuple[WireName, WireName]]) -> tuple[ProviderSpec, ...]:
    """Providers that speak the second format of a pair and serve the model of the first, so that answers can be compared word for word."""
    return tuple(
        ProviderSpec(
            f"sim-{wire}-as-{name}", wire=wire, models=(ModelSpec(f"{wire}-as/{NAMES[name]}", NAMES[name], 1.0, 1.0),), policy=KEPT
        )
        for name, wire in pairs
    )


# --- targets


@dataclass(frozen=True)
class Client:
    """One way to reach a model: the format it speaks, what its base URL ends in, how it says the policy."""

    wire: WireName
    name: str = ""
    suffix: str = "/v1"
    policy: Mapping[str, object] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)
    """What the story needs to know, wherever the target is."""

    def through(self, gateway, what: str = "", provider: str = "", **more: object) -> dict[str, object]:
        """The gateway in front of `sim-WIRE` or another of the cast: `slow`, `KIND-USE`, `as/...`."""
        model = f"{provider or self.wire}/{NAMES[self.wire]}"
        at = {"url": gateway.url + self.suffix, "key": gateway.key, "model": model, "vectors": "acme/vectors"}
        return {"name": self.called("through", what), **at, **self.policy, **self.fields, **more}

    def straight(self, simulation, what: str = "", provider: str = "", **more: object) -> dict[str, object]:
        """That provider itself."""
        url = simulation.base_urls[f"sim-{provider or self.wire}"].removesuffix("/v1") + self.suffix
        at = {"url": url, "key": STRAIGHT_KEY, "model": NAMES[self.wire], "vectors": "vectors"}
        return {"name": self.called("straight", what), **at, **self.fields, **more}

    def called(self, *words: str) -> str:
        """The name of a target."""
        return " ".join(word for word in (self.name, *words) if word)

    def both(self, place, what: str, provider: str, **more: object) -> list[dict[str, object]]:
        """Through the gateway and straight."""
        return [self.through(place[0], what, provider, **more), self.straight(place[1], what, provider, **more)]

    def slow(self, place) -> list[dict[str, object]]:
        """Targets whose streams are left."""
        provider = f"{self.wire}-slow"
        return self.both(place, "slow", provider, ledger=place[1].base_urls[f"sim-{provider}"].removesuffix("/v1"))


# --- comparing


def comparable(value: object, besides: frozenset[str] = frozenset()) -> object:
    """What an SDK gave, without ids, and without what tells of the run and not of the answer: durations, headers, the request itself."""
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if name not in _OF_THE_RUN | besides and (name, part) != ("usage", None)}
        return {name: comparable(part, besides) for name, part in kept.items()}
    if isinstance(value, list):
        return [comparable(part, besides) for part in value]
    return without_ids("made up" if isinstance(value, str) and _MADE_UP.match(value) else value)


def differences(one: object, other: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """Where two JSON values differ, and the two parts; of a list all positions are called `*`."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            yield from differences(one.get(name, ABSENT), other.get(name, ABSENT), f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from differences(left, right, f"{path}.*")
    elif one != other:
        yield path, one, other


def same(told: Mapping[str, Mapping[str, dict]], client: Client, form: str, besides: frozenset[str] = frozenset()) -> object:
    """Assert that the transcript is that of the provider; the transcript."""
    through = comparable(told[client.called("through")][form], besides)
    assert through == comparable(told[client.called("straight")][form], besides)
    assert "value" in through, through
    assert len(json.dumps(through["value"])) > 40
    return through["value"]


def bodies(simulation, provider: str) -> tuple[list[dict], list[dict]]:
    """What a provider received from the gateway, and what it received from the SDKs themselves, ids aside."""
    found: tuple[list[dict], list[dict]] = ([], [])
    for entry in simulation.call(simulation.simulation[provider].ledger.bodies_as_json):
        direct = STRAIGHT_KEY in json.dumps(entry["headers"])
        found[direct].append(without_ids(json.loads(base64.b64decode(entry["body"]))))
    return found


def left_at_once(told: Mapping[str, Mapping[str, dict]], client: Client, form: str) -> None:
    """Assert that a stream which the application left ended at the provider, at once, as it does without the gateway."""
    through, straight = (told[client.called(way, "slow")][form]["value"] for way in ("through", "straight"))
    both = min(len(through["seen"]), len(straight["seen"]))  # what had arrived when the application left may still be given to it
    assert both >= LEFT_AFTER
    besides = frozenset({"store"})  # said to be false by whoever was asked by the gateway
    assert comparable(through["seen"][:both], besides) == comparable(straight["seen"][:both], besides)
    assert through["raised"] == straight["raised"]
    for one in (through, straight):
        assert one["provider"]["outcome"] == "client_gone"
        assert one["provider"]["milliseconds"] < AT_ONCE
        assert one["provider"]["sent"] < LEFT_AFTER + AT_ONCE / EVENT_EVERY


# --- translated

IDS = frozenset({"id", "item_id", "call_id", "tool_call_id", "tool_use_id", "toolCallId", "itemId", "responseId"})
"""Each provider makes its own, in forms of its own."""
CLOCKS = frozenset({"created", "created_at", "completed_at", "timestamp"})
"""Where a provider says no time, the gateway's or the SDK's own clock does; the simulator's stands still."""


def unlisted(one: object, other: object, listed: Mapping[str, str]) -> tuple[list, set[str]]:
    """Differences between the transcript of a translated route and the one straight at the client's own format that are not listed.

    `listed` maps patterns of paths to the words of docs/translation.md that say why; the second value is those that were met.
    """
    found, met = [], set()
    for path, left, right in differences(comparable(one, IDS | CLOCKS), comparable(other, IDS | CLOCKS)):
        pattern = next((pattern for pattern in listed if re.search(pattern, path)), None)
        if pattern is None:
            found.append((path, left, right))
        else:
            met.add(pattern)
    return found, met


def documented(listed: Mapping[str, str]) -> None:
    """Assert that the reasons stand in the page."""
    page = " ".join((ROOT / "docs" / "translation.md").read_text().split())
    assert not [reason for reason in listed.values() if reason not in page]
