"""The exposure ledger equals what the providers themselves noted: what each was sent of which app, key and class, and until when it keeps it.

The simulators note what they receive, share no code with the product and know no app and no class: those stand in the prompts that they
record. What each keeps is what it claims; the arithmetic here is the test's own.
"""

import asyncio
import collections
import dataclasses
import json
import os
import random
import subprocess
import sys

import pytest
from tests.conftest import LONG
from tests.integration.lab import laboratory, provider
from tests.integration.raw_client import call
from tests.tools.gateway import add_key

from anyapi.control.channel import ask_reload
from anyapi.simulator import SimulationOptions
from anyapi.simulator.cast import ClaimedPolicy

REQUESTS = 20_000 if LONG else 1_000
AT_ONCE = 32
DAY = 86_400
POLICIES = {
    "x-zero": ClaimedPolicy("never", "zero", 0, "default", "no"),
    "x-hours": ClaimedPolicy("never", "limited", 0.25, "no", "no"),
    "x-brief": ClaimedPolicy("never", "limited", 0, "no", "no"),
    "x-month": ClaimedPolicy("never", "limited", 30, "contract", "no"),
    "x-audit": ClaimedPolicy("never", "compliance", 14, "contract", "no"),
    "x-endless": ClaimedPolicy("never", "indefinite", None, "no", "no"),
    "x-silent": ClaimedPolicy("never", "unknown", None, "unknown", "no"),
    "x-vague": ClaimedPolicy("never", "limited", None, "no", "no"),
    "x-trains": ClaimedPolicy("by_default", "limited", 90, "no", "yes"),
}
WANTED = {
    "x-zero": ("nothing", 0),
    "x-hours": ("until", 0.25),
    "x-brief": ("until", 1),
    "x-month": ("until", 30),
    "x-audit": ("until", 14),
    "x-endless": ("indefinitely", None),
    "x-silent": ("unknown", None),
    "x-vague": ("unknown", None),
    "x-trains": ("until", 90),
}
"""What each policy comes to, and for how many days; under a day counts as one."""
FAULTS = {
    "right": "",
    "fails": "@@status/status:500",
    "limited": "@@status/status:429",
    "cut": "@@reset/at:40",
    "leave": "@@stall/at:4/of:events",
    "wrong": "@@status/status:400",
}
"""What the first provider of a request does: each is a model of its own."""
OFF = "x-off"
"""Listens nowhere, so that nothing can be sent to it."""
APPS = (None, "shop", "night.report", "search")
CLASSES = (None, "public", "internal", "confidential")
PATIENCE = "[server.upstream]\nconnect_timeout = 3600\nfirst_byte_timeout = 3600\nanswer_timeout = 3600\nstream_idle_timeout = 3600\n"
"""No provider is given up for its slowness: whether one that is had read the request, or when it will, nobody on this side can tell."""
LATE = 20.0
"""Seconds between a request's arrival at the provider and the end of its answer, at most."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request: who asks, of which app and class, where it goes first and then."""

    key: int
    app: str | None
    data_class: str | None
    fault: str
    first: str
    second: str

    @property
    def label(self) -> str:
        """What its prompt says, for the provider's own notes."""
        return f"{self.key}|{self.app or ''}|{self.data_class or ''}"

    @property
    def body(self) -> dict[str, object]:
        limits = {"data_class": self.data_class} if self.data_class else {}
        order = [self.first, self.second]
        return {
            "model": f"mix/{self.fault}",
            "messages": [{"role": "user", "content": self.label}],
            "stream": self.fault == "leave",
            "data_policy": {**limits, "providers": {"only": order}},
            "provider": {"order": order},
        }


def drawn(generator: random.Random) -> Asked:
    first, second = generator.sample([*POLICIES, OFF], 2)
    return Asked(generator.randrange(3), generator.choice(APPS), generator.choice(CLASSES), generator.choice(list(FAULTS)), first, second)


async def ask_all(port, keys, wanted):
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(asked):
        async with gate:
            headers = {"X-AnyAPI-App-Name": asked.app} if asked.app else {}
            return await call(port, keys[asked.key][0], asked.body, headers, 4 if asked.fault == "leave" else None)

    return await asyncio.gather(*map(one, wanted))


def noted(simulation) -> dict[tuple[str, ...], list[float]]:
    """What the providers noted: when they received what, by provider, model, key, app and class."""
    found = collections.defaultdict(list)
    for name in POLICIES:
        ledger = simulation.call(lambda name=name: simulation.simulation[name].ledger)
        at = {entry.serial: entry.at for entry in ledger.entries}
        for body in ledger.bodies:
            sent = json.loads(body.body)
            key, app, data_class = sent["messages"][-1]["content"].split("|")
            found[name, sent["model"].partition("@@")[0], key, app, data_class].append(at[body.serial])
    return found


def command(gateway, *words):
    ran = subprocess.run(
        [sys.executable, "-m", "anyapi", "exposure", *words, "--config", str(gateway.home / "anyapi.toml")],
        capture_output=True,
        text=True,
        env={**os.environ, **gateway.environment},
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.timeout(600 if LONG else 60)
def test_the_ledger_is_what_the_providers_noted(tmp_path):
    specs = [provider(name, {f"mix/{kind}": fault for kind, fault in FAULTS.items()}, policy=policy) for name, policy in POLICIES.items()]
    off = provider(OFF, [f"mix/{kind}" for kind in FAULTS], policy=POLICIES["x-zero"])
    with laboratory(tmp_path / "home", [*specs, off], SimulationOptions(record_bodies=True), extra=PATIENCE) as lab:
        lab.script(OFF, {"kind": "refuse", "mode": "closed", "seconds": None})
        with lab.gateway.store() as store:
            keys = [add_key(store) for _ in range(3)]
        assert ask_reload(lab.gateway.home / "control.sock", "keys") is not None
        generator = random.Random(11)
        wanted = [drawn(generator) for _ in range(REQUESTS)]
        heard = asyncio.run(ask_all(lab.gateway.port, keys, wanted))
        lab.simulation.idle()
        accepted = sum(answer.status not in {400, 404} or "x-anyapi-decision" in answer.headers for answer in heard)
        rows = lab.gateway.usage(accepted, patience=20)
        truth = noted(lab.simulation)
        shown = json.loads(command(lab.gateway, "--json"))
        csv = command(lab.gateway, "--csv").splitlines()
    numbers = {key: str(number) for number, (_, key) in enumerate(keys)}
    found = {
        (
            one["provider"],
            one["endpoint"].partition("/")[2].partition("@@")[0],
            numbers[one["key"]],
            one["app"] or "",
            one["data_class"] or "",
        ): one
        for one in shown["entries"]
    }
    assert len(found) == len(shown["entries"]) == len(csv) - 1
    assert {place: one["requests"] for place, one in found.items()} == {place: len(at) for place, at in truth.items()}
    for place, at in truth.items():
        check_line(found[place], max(at), shown["at"])
    sent = sum(map(len, truth.values()))
    failovers = sum(row.sent_to is not None and len(row.sent_to) > 1 for row in rows)
    nowhere = sum(row.sent_to == () for row in rows)
    assert shown["requests"] == sent
    assert failovers > REQUESTS / 20, "too few failovers to say anything"
    assert nowhere > 0, "nothing went to a provider that is off"
    print(f"\n{REQUESTS} requests, {sent} times received, {failovers} failed over, {nowhere} sent nowhere, {len(found)} lines equal")


def check_line(line, last: float, now: float) -> None:
    """What a provider keeps, and until when, counted from when it had the last request."""
    kind, days = WANTED[line["provider"]]
    assert (line["main"]["kept"], line["main"]["days"]) == (kind, days)
    if kind == "until":
        assert 0 <= line["main"]["until"] - (last + days * DAY) <= LATE
        assert line["held"] is (now < line["main"]["until"])
    else:
        assert line["main"]["until"] is None
        assert line["held"] is (kind != "nothing")
    assert line["held_requests"] == (line["requests"] if line["held"] else 0)
    assert line["training"] == ("by_default" if line["provider"] == "x-trains" else "never")
