"""Python clients, unmodified, each in an environment of its own: the same transcript through the gateway as straight at the provider."""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clients.matrix import (
    CLIENTS,
    ENVIRONMENT,
    ERRORS,
    ROOT,
    VIA,
    as_we_send_it,
    bodies,
    direct_place,
    gateway_place,
    gone,
    headers,
    python_of,
    run,
    specs,
    translated,
)
from tests.tools.gateway import simulated

from anyapi.simulator import DEFAULT_PROVIDERS, SimulationOptions

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]

STATUSES = {500: 502}
"""A provider's failure has another status here (docs/api.md, errors)."""
NEEDS_TOOLS = "`tools`: this model at Bedrock needs `tools` while the conversation holds tool calls"
"""Bedrock's API cannot be asked to go on after a call without any tool (docs/clients/openai-agents.md)."""
EACH_CASE = [
    pytest.param(client, f"{flavour} {case}", id=f"{client}-{flavour}-{case}")
    for client, row in CLIENTS.items()
    for flavour, cases in row.all_cases().items()
    for case in cases
]
each_case = pytest.mark.parametrize(("client", "case"), EACH_CASE)
each_client = pytest.mark.parametrize("client", CLIENTS)


@dataclass
class Run:
    """What a client gave, and what the providers saw of it."""

    cases: dict
    reached: list
    sent: dict
    gone: int
    leaked: dict
    headers: set


@dataclass
class Told:
    """The whole story of one client."""

    straight: Run
    through: Run
    rows: list
    page: str | dict
    page_reached: set
    translated: dict


@pytest.fixture(scope="module")
def tell(tmp_path_factory):
    """Gives the story of a client; each is told once."""

    @functools.cache
    def outcome(client: str):
        try:
            return story(client, tmp_path_factory.mktemp(client))
        except BaseException as error:  # a skip too: said again for each of its tests, instead of tried again
            return error

    def of(client: str) -> Told:
        told = outcome(client)
        if isinstance(told, BaseException):
            raise told
        return told

    return of


def story(client: str, home: Path) -> Told:
    """Run a client straight at the providers; then through the gateway, as its page says, and to providers of other formats."""
    row = CLIENTS[client]
    python_of(row.environment)
    with simulated(home / "gateway", specs(), SimulationOptions(record_bodies=True), environment=ENVIRONMENT) as (gateway, simulation):

        def observed(name, runs, pages=()):
            simulation.reset()
            result = run(client, home / name, runs, list(pages))
            simulation.idle()
            leaked = {each: simulation.ledger(each)["leaked"] for each in simulation.base_urls}
            first = Run(result["runs"][0], result["reached"], bodies(simulation), gone(simulation), leaked, headers(simulation))
            return first, result

        straight, _ = observed("straight", [{"place": direct_place(simulation), "cases": row.all_cases()}])
        via = translated(gateway, client)
        runs = [{"place": gateway_place(gateway), "cases": row.all_cases()}, *via.values()]
        through, result = observed("through", runs, [lines_of(row.page, gateway)])
        rows = [each for each in gateway.usage() if each.model.endswith("-slow")]
        reached = {spec.id for spec in DEFAULT_PROVIDERS if simulation.ledger(spec.id)["requests"]}
        return Told(straight, through, rows, result["pages"][0], reached, dict(zip(via, result["runs"][1:], strict=True)))


def lines_of(page: str, gateway) -> str:
    """The Python of a page as it stands, but for address and key."""
    text = (ROOT / "docs/clients" / page).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return code.replace("http://127.0.0.1:8080", gateway.url).replace("anyapi_sk_...", gateway.key)


def as_we_answer(value: object) -> object:
    """A transcript as the gateway must give it: a failure with our status and without the provider's words, and nothing stored."""
    if isinstance(value, list):
        return [as_we_answer(part) for part in value]
    if not isinstance(value, dict):
        return value
    ours = {name: as_we_answer(part) for name, part in value.items()}
    if "words of the provider" in value:
        ours |= {"status": STATUSES.get(value["status"], value["status"]), "words of the provider": False}
    return ours | ({"store": False} if value.get("store") is True else {})


def failures_in(value: object) -> list[dict]:
    """All failures of a transcript."""
    if isinstance(value, dict):
        return [value] if "words of the provider" in value else [each for part in value.values() for each in failures_in(part)]
    return [each for part in value for each in failures_in(part)] if isinstance(value, list) else []


def replaced(value: object, failures: list[dict]) -> object:
    """A transcript whose failures are given other fields, in order."""
    if isinstance(value, dict) and "words of the provider" in value:
        return value | failures.pop(0)
    if isinstance(value, dict):
        return {name: replaced(part, failures) for name, part in value.items()}
    return [replaced(part, failures) for part in value] if isinstance(value, list) else value


@each_case
def test_transcript_is_that_of_the_provider(tell, client, case):
    row, told = CLIENTS[client], tell(client)
    straight, through = told.straight.cases[case], told.through.cases[case]
    for transcript in (straight, through):
        assert not (isinstance(transcript, dict) and "raised" in transcript), transcript["raised"]
    failures = failures_in(through)
    kind = case.partition(" ")[2]
    if kind == "broken off":
        # Straight, the connection ends: the client raises something else, or takes the half answer for a whole one.
        assert [failure["words of the provider"] for failure in failures] == [False]
        return
    expected = as_we_answer(straight)
    if case in row.other_errors:
        pairs = list(zip(failures_in(straight), failures, strict=True))
        assert {(one["error"][0], other["error"][0]) for one, other in pairs} == {row.other_errors[case]}
        assert f"`{row.other_errors[case][1]}`" in (ROOT / "docs/clients" / row.page).read_text(encoding="utf-8")
        expected = replaced(expected, [{name: other[name] for name in ("error", "status")} for other in failures])
    elif kind == "error event":  # an event has no status of its own: the client makes one up
        expected = replaced(expected, [{"status": other["status"]} for other in failures])
    assert through == expected
    assert len(json.dumps(through)) > 60
    if kind in ERRORS:
        assert failures, "no error was raised"
        assert '"no error"' not in json.dumps(through)


@each_client
def test_the_provider_receives_what_the_client_sends(tell, client):
    told = tell(client)
    assert told.through.sent == {name: [as_we_send_it(body) for body in sent] for name, sent in told.straight.sent.items()}
    assert any(told.through.sent.values())
    assert not any(told.through.leaked.values())
    assert not {name for name in told.through.headers if name.startswith(("x-stainless", "x-anyapi"))}


@each_client
def test_a_cancelled_stream_ends_at_the_provider(tell, client):
    told, flavours = tell(client), len(CLIENTS[client].cases)
    assert told.straight.gone == flavours
    assert told.through.gone == flavours
    assert [row.outcome for row in told.rows] == ["client_gone"] * flavours


@each_client
def test_nothing_but_loopback_was_tried(tell, client):
    told = tell(client)
    assert told.straight.reached == told.through.reached == []


@each_client
def test_lines_of_the_page(tell, client):
    told, row = tell(client), CLIENTS[client]
    printed = told.page
    assert isinstance(printed, str), printed["raised"]
    lines = printed.splitlines()
    assert len(lines) == len(row.prints), printed
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(row.prints, lines, strict=True)), printed
    assert told.page_reached
    assert told.page_reached <= {"sim-30d", "sim-zero"}, "a provider that the page's policy does not permit"


@each_client
@pytest.mark.parametrize("wire", VIA)
def test_providers_of_other_formats(tell, client, wire):
    """The client's own classes read what the gateway translates, and its loops with tools come to an end."""
    told = tell(client).translated[wire]
    refused = {name for name, value in told.items() if isinstance(value, dict) and NEEDS_TOOLS in value.get("raised", "")}
    assert refused == {name for name in told if wire == "bedrock" and name.endswith(" handoff")}
    for name, value in told.items():
        if name not in refused:
            assert not (isinstance(value, dict) and "raised" in value), f"{name}: {value['raised']}"
            if name.endswith((" whole", " image")) and client != "instructor":
                assert f"This is via-{wire}-1." in json.dumps(value), name
