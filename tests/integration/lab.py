"""The laboratory of the reliability suites: one gateway, two providers that policy permits, one that it does not, and official SDK calls.

Every scenario has a model of its own, so that the health of one scenario's endpoints says nothing about the next one's. Requests are made
one after the other; what a provider saw and what was written down is compared after each test.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import openai
from tests.tools.gateway import Gateway, running_gateway

from anyapi.simulator import ProviderSpec, SimulationOptions, SimulationThread, demo_config_toml
from anyapi.simulator.cast import ClaimedPolicy, ModelSpec, WireName
from anyapi.simulator.faults import read_fault

STRICT = ClaimedPolicy("never", "zero", 0, "default", "no")
LEAKY = ClaimedPolicy("by_default", "indefinite", None, "no", "yes")
FIRST, SECOND, FORBIDDEN = "lab-a", "lab-b", "lab-open"
PERMITTED = (FIRST, SECOND)
PRICES = {FIRST: (1.0, 4.0), SECOND: (2.0, 8.0)}
"""US dollars per million prompt and completion tokens: the first is the cheapest of the permitted."""
WORDS = 14
"""Of each answer: enough events for a middle."""
CONNECT, FIRST_BYTE, IDLE = 1.0, 0.4, 0.4
"""Seconds that the gateways of the lab give a provider."""
SWEEP = 0.5
"""Resolution of the gateway's deadlines."""
TIMEOUTS = f"[server.upstream]\nconnect_timeout = {CONNECT}\nfirst_byte_timeout = {FIRST_BYTE}\nanswer_timeout = {FIRST_BYTE}\nstream_idle_timeout = {IDLE}\n"
SENTENCES = {FIRST: "Provider A answers.", SECOND: "Provider B answers.", FORBIDDEN: "This provider trains on what it gets."}


def upstream_name(model: str) -> str:
    return model.partition("/")[2]


def provider(
    name: str, models: Sequence[str] | Mapping[str, str], wire: WireName = WireName.OPENAI, policy: ClaimedPolicy = STRICT
) -> ProviderSpec:
    """A simulated provider of `models` (a mapping: with the fault of each, as a suffix of its name there)."""
    price, completion_price = PRICES.get(name, (0.5, 2.0))
    faults = models if isinstance(models, Mapping) else dict.fromkeys(models, "")
    served = tuple(ModelSpec(model, upstream_name(model) + fault, price, completion_price) for model, fault in faults.items())
    sentence = SENTENCES.get(name, f"Provider {name} answers.")
    return ProviderSpec(name, sentence=sentence, wire=wire, models=served, policy=policy, words=WORDS)


def trio(pairs: Sequence[str], solos: Sequence[str] = ()) -> list[ProviderSpec]:
    """Both permitted providers and the forbidden one serve `pairs`; only the first and the forbidden one serve `solos`."""
    return [
        provider(FIRST, [*pairs, *solos]),
        provider(SECOND, pairs),
        provider(FORBIDDEN, [*pairs, *solos], policy=LEAKY),
    ]


@dataclass
class Result:
    """What a caller who uses the SDK got: a whole answer or an error, never something in between."""

    text: str
    """All of it, or what came before the error."""
    error: Exception | None
    finish: str | None
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        """HTTP status of an error that came instead of an answer."""
        return getattr(self.error, "status_code", None)


@dataclass
class Lab:
    """A gateway in front of simulated providers."""

    gateway: Gateway
    simulation: SimulationThread
    client: openai.OpenAI
    asked: int = 0
    rows_seen: int = 0

    def script(self, name: str, *faults: object) -> None:
        """Faults of the next requests of a provider: dicts, or lists of them; none restores it."""
        items = [[read_fault(json.dumps(one)) for one in (fault if isinstance(fault, list) else [fault])] for fault in faults]
        self.simulation.script(name, items)

    def restore(self) -> None:
        """Have every provider listen and answer normally again."""
        for name, running in self.simulation.simulation.providers.items():
            self.simulation.script(name, [])
            self.simulation.run(running.listen())

    def calls(self) -> dict[str, int]:
        """Requests that each provider has read, for any path."""
        return {name: requests_read(self.simulation.ledger(name)) for name in self.simulation.base_urls}

    def refusals(self) -> int:
        """Connections that providers refused."""
        return sum(self.simulation.ledger(name)["refused_connections"] for name in self.simulation.base_urls)

    def ask(self, model: str, *, stream: bool, order: Sequence[str] = PERMITTED, **fields: object) -> Result:
        """One request of the official SDK for what may not be trained on."""
        self.asked += 1
        return ask(self.client, model, stream=stream, order=order, **fields)

    def answer_of(self, name: str, model: str) -> str:
        """The whole right answer of a provider to what `ask` asks."""
        return whole_answer(model, SENTENCES.get(name, f"Provider {name} answers."))

    def new_rows(self) -> list:
        """The usage rows since the last time, oldest first: exactly one for each request that was asked meanwhile."""
        rows = self.gateway.usage(self.asked)[self.rows_seen :]
        wanted, self.rows_seen = self.asked - self.rows_seen, self.asked
        assert len(rows) == wanted, [(row.model, row.outcome) for row in rows]
        return rows


def requests_read(ledger: dict[str, object]) -> int:
    """Requests for any path that a simulated provider has read."""
    return ledger["requests"] + sum(ledger["other_requests"].values())


def whole_answer(model: str, sentence: str) -> str:
    """What the simulator says, by its documentation: the model, the sentence, filling up to the number of words."""
    text = f"This is {upstream_name(model)}. {sentence}"
    filling = "Nothing in this answer comes from a model.".split()
    missing = WORDS - len(text.split())
    return text + "".join(f" {filling[number % len(filling)]}" for number in range(missing))


def ask(client: openai.OpenAI, model: str, *, stream: bool, order: Sequence[str] = (), **fields: object) -> Result:
    """One request with the official SDK, read to its end."""
    extra = {"data_policy": {"training_allowed": False}, **({"provider": {"order": list(order)}} if order else {}), **fields}
    text, finish, headers, error = "", None, {}, None
    started = time.monotonic()
    try:
        raw = client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": "Say it."}], stream=stream, extra_body=extra
        )
        headers = {name.lower(): value for name, value in raw.headers.items()}
        answer = raw.parse()
        if stream:
            with answer:
                for chunk in answer:
                    for choice in chunk.choices:
                        text += choice.delta.content or ""
                        finish = choice.finish_reason or finish
        else:
            text, finish = answer.choices[0].message.content or "", answer.choices[0].finish_reason
    except openai.APIError as problem:
        error = problem
    return Result(text, error, finish, time.monotonic() - started, headers)


@contextlib.contextmanager
def sdk(gateway: Gateway, timeout: float = 30.0) -> Iterator[openai.OpenAI]:
    """The official SDK without retries of its own."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=timeout) as client:
        yield client


@contextlib.contextmanager
def laboratory(
    home: Path, providers: Sequence[ProviderSpec], options: SimulationOptions | None = None, *, extra: str = TIMEOUTS
) -> Iterator[Lab]:
    """A gateway in front of `providers`; `extra` is more configuration, the short timeouts of the lab if nothing is said."""
    with SimulationThread(providers, options) as simulation:
        for running in simulation.simulation.providers.values():
            running.names = ()  # any model is served: some carry their fault in their name
        toml = demo_config_toml(simulation.simulation.ports, providers) + extra
        with running_gateway(home, toml) as gateway, sdk(gateway) as client:
            yield Lab(gateway, simulation, client)


def resident(pid: int) -> float:
    """Memory of a process that is resident, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process is gone")


def until(condition, what: str, patience: float = 10.0):
    """Poll until `condition()` is true and give its value; fails with `what` when it never is."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.01)
