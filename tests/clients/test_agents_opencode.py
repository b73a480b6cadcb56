"""opencode, unmodified, by the lines of its page: what a provider of OpenAI's format receives is what opencode would send it."""

import json

import pytest
from tests.clients.coding_agents import (
    NOTE,
    NOTES,
    OPENAI_MODEL,
    SAYS,
    Target,
    blocks,
    key_of,
    lines_of,
    program,
    providers,
    seated,
    settled,
    translated,
    watched,
)

from anyapi.simulator import WireName

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

(CONFIG,) = blocks("opencode", "json")
SETUP, PLAIN = lines_of("opencode")
AT_HOME = "export OPENCODE_DISABLE_MODELS_FETCH=1"
VOLATILE = (
    (r"call_sim_\d+_\d+", "CALL"),
    (r"\b(ses|msg|prt)_\w+", r"\1_ID"),
    (r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d{4}", "DAY"),
    (r'"(time|start|end|timestamp|created|completed)": \d+', r'"\1": 0'),
    (r'"snapshot": "\w+"', '"snapshot": "S"'),
)
"""The simulator's ids of calls; opencode's own ids, days and times."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway, simulated providers, and a desk for opencode."""
    home = tmp_path_factory.mktemp("opencode")
    specs = providers("openai/gpt-5.2", OPENAI_MODEL, WireName.OPENAI)
    with seated(home, "opencode", program("npm", "node_modules/opencode-linux-*/bin/opencode"), specs) as place:
        yield place


def run(place, target, command, name="sim-agents", model=OPENAI_MODEL, stdin=""):
    """One fresh start with the page's file and lines, and this command after them."""
    desk, simulation, *_ = place
    desk.clear()
    directory = desk.home / ".config" / "opencode"
    directory.mkdir(parents=True)
    (directory / "opencode.json").write_text(target.fill(CONFIG).replace(OPENAI_MODEL, model))
    ran = watched(simulation, name, desk.run, "\n".join([target.fill(SETUP), AT_HOME, command]), stdin)
    assert all(host.startswith("registry.") for host in ran.asked), ran.asked
    return ran


def both(place, command, stdin=""):
    """The same through the gateway and straight at the provider. It asks for a title at the same time, so order says nothing."""
    through, straight = run(place, place[2], command, stdin=stdin), run(place, place[3], command, stdin=stdin)
    assert through.received
    received, sent = (sorted(json.dumps(settled(body, VOLATILE)) for body in ran.bodies) for ran in (through, straight))
    assert received == sent
    return through, straight


def test_the_lines_of_the_page(place):
    through, straight = both(place, PLAIN)
    assert through.out == straight.out == f"This is {OPENAI_MODEL}. {SAYS}\n", through.err
    assert (through.status, straight.status) == (0, 0)
    title, asked = sorted(through.bodies, key=lambda body: "tools" in body)
    assert [body["model"] for body in (title, asked)] == [OPENAI_MODEL] * 2
    assert asked["stream"] is True
    assert not place[1].ledger("sim-agents")["leaked"]


TASK = "opencode run --format json"


def prompt(desk):
    read, shell = json.dumps({"filePath": str(desk.work / NOTES)}), json.dumps({"command": f"wc -w {NOTES}", "description": "Count"})
    return f"use the tool read with {read} and use the tool bash with {shell}"


def results(ran):
    return [json.dumps(message["content"]) for message in ran.bodies[-1]["messages"] if message["role"] == "tool"]


def texts(ran):
    events = [json.loads(line) for line in ran.out.splitlines()]
    return [event["part"]["text"] for event in events if event["type"] == "text"]


def kinds(ran):
    return [json.loads(line)["type"] for line in ran.out.splitlines()]


def test_a_task_with_tools(place):
    through, straight = both(place, TASK, prompt(place[0]))
    assert texts(through) == texts(straight) == [f"This is {OPENAI_MODEL}. {SAYS}"], through.err
    assert kinds(through) == kinds(straight)
    assert kinds(through).count("tool_use") == 2
    assert [NOTE in results(through)[0], f"7 {NOTES}" in results(through)[1]] == [True, True]


@pytest.mark.parametrize("wire", translated(WireName.OPENAI))
def test_the_same_task_at_providers_of_other_formats(place, wire):
    ran = run(place, place[2], TASK, name=f"sim-{wire}", model=f"acme/{wire}", stdin=prompt(place[0]))
    assert (ran.status, texts(ran)) == (0, [f"This is model-{wire}. {SAYS}"]), ran.err
    assert NOTE in json.dumps(ran.bodies[-1])
    assert f"7 {NOTES}" in json.dumps(ran.bodies[-1])


def test_a_refusal_says_why(place):
    ran = run(place, Target(place[4].url, key_of(place[4], "--data-class", "regulated")), PLAIN)
    assert ran.received == ()
    assert ran.status == 1
    assert "The data policy in force permits none of the available endpoints" in ran.err


@pytest.mark.parametrize(("model", "status"), [("acme/nothing", 404), ("acme/picky", 400)])
def test_errors_are_printed(place, model, status):
    ran = run(place, place[2], PLAIN, name="sim-picky", model=model)
    assert ran.status == 1
    assert ("No such model" if status == 404 else "request is not valid") in ran.err
    assert (len(ran.received) > 0) == (status == 400)
