"""Codex, unmodified, by the lines of its page: what a provider that serves responses receives is what Codex would send it."""

import json

import pytest
from tests.clients.coding_agents import (
    DAY,
    NOTE,
    NOTES,
    OPENAI_MODEL,
    SAYS,
    UUID,
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

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CONFIG, AT_HOME = blocks("codex", "toml")
SETUP, PLAIN = lines_of("codex")
VOLATILE = (
    UUID,
    DAY,
    (r"turn_started_at_unix_ms\W+\d+", "STARTED"),
    (r"\b(rs|fc|call|msg|resp)_sim_\d+(_\d+)*", r"\1_SIM"),
    (r"Chunk ID: \w+", "CHUNK"),
    (r"Wall time: [\d.]+ seconds", "TIME"),
)
"""Ids of installation, session, turn and items; the day and times; the simulator's ids; ids and times of its shell."""
EXEC = "codex exec --skip-git-repo-check --sandbox danger-full-access"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway, simulated providers, and a desk for Codex."""
    home = tmp_path_factory.mktemp("codex")
    specs = providers("openai/gpt-5.2", OPENAI_MODEL, WireName.OPENAI)
    with seated(home, "codex", program("npm", "node_modules/@openai/codex-linux-*/vendor/*/bin/codex"), specs) as place:
        yield place


def run(place, target, *commands, name="sim-agents", model=OPENAI_MODEL):
    """One fresh start with the page's files and lines, and these commands after them."""
    desk, simulation, *_ = place
    desk.clear()
    (desk.home / ".codex").mkdir()
    config = AT_HOME + target.fill(CONFIG).replace(f'model = "{OPENAI_MODEL}"', f'model = "{model}"')
    (desk.home / ".codex" / "config.toml").write_text(config)
    return watched(simulation, name, desk.run, "\n".join([target.fill(SETUP), *commands]))


def both(place, *commands):
    """The same through the gateway and straight at the provider; nothing beyond loopback was asked."""
    through, straight = run(place, place[2], *commands), run(place, place[3], *commands)
    assert through.asked == straight.asked == ()
    assert through.received
    assert settled(through.bodies, VOLATILE) == settled(straight.bodies, VOLATILE)
    return through, straight


def test_the_lines_of_the_page(place):
    through, straight = both(place, PLAIN)
    assert through.out == straight.out == f"This is {OPENAI_MODEL}. {SAYS}\n", through.err
    assert (through.status, straight.status) == (0, 0)
    body = through.bodies[0]
    assert (body["model"], body["stream"], body["store"]) == (OPENAI_MODEL, True, False)
    assert "web_search" in [tool["type"] for tool in body["tools"]]
    assert body["include"] == ["reasoning.encrypted_content"]


def events(ran):
    return settled([json.loads(line) for line in ran.out.splitlines()], [*VOLATILE, (r"item_\d+", "ITEM")])


TURNS = (
    f"""{EXEC} --json 'use the tool exec_command with {{"cmd": "cat {NOTES}"}}'""",
    f"""{EXEC} resume --last --json 'use the tool exec_command with {{"cmd": "wc -w {NOTES}"}}'""",
)


def outputs(body):
    return [item["output"] for item in body["input"] if item["type"] == "function_call_output"]


def test_a_task_of_two_turns_with_tools_and_sealed_reasoning(place):
    through, straight = both(place, *TURNS)
    assert events(through) == events(straight), through.err
    assert len(through.bodies) == 4
    last = through.bodies[-1]
    assert [NOTE in outputs(last)[0], f"7 {NOTES}" in outputs(last)[1]] == [True, True]
    sealed = [item for item in last["input"] if item["type"] == "reasoning" and item["encrypted_content"]]
    assert len(sealed) == 3
    assert not place[1].ledger("sim-agents")["leaked"]
    kinds = [event["type"] for event in events(through)]
    assert kinds.count("turn.completed") == 2


@pytest.mark.parametrize("wire", translated(WireName.OPENAI))
def test_the_same_task_at_providers_of_other_formats(place, wire):
    """Its web search, which runs at OpenAI, is left out there."""
    ran = run(place, place[2], *TURNS, name=f"sim-{wire}", model=f"acme/{wire}")
    assert (ran.status, ran.asked, len(ran.bodies)) == (0, (), 4), ran.err
    said = [event["item"]["text"] for event in events(ran) if event.get("item", {}).get("type") == "agent_message"]
    assert said == [f"This is model-{wire}. {SAYS}"] * 2
    assert NOTE in json.dumps(ran.bodies[1])
    assert f"7 {NOTES}" in json.dumps(ran.bodies[3])
    assert "web_search" not in json.dumps(ran.bodies)


def test_a_refusal_says_why_and_is_not_tried_again(place):
    ran = run(place, Target(place[4].url, key_of(place[4], "--data-class", "regulated")), PLAIN)
    assert (ran.status, ran.received) == (1, ())
    assert "403" in ran.err
    assert "The data policy in force permits none of the available endpoints" in ran.err


@pytest.mark.parametrize(("model", "status"), [("acme/nothing", 404), ("acme/picky", 400)])
def test_errors_are_printed(place, model, status):
    ran = run(place, place[2], PLAIN, name="sim-picky", model=model)
    assert ran.status == 1
    assert ("No such model" if status == 404 else "request is not valid") in ran.err
    assert len(ran.received) == (status == 400)


def test_its_web_search_can_be_switched_off(place):
    desk = place[0]
    ran = run(place, place[2], f"sed -i '1i web_search = \"disabled\"' {desk.home}/.codex/config.toml", PLAIN)
    assert ran.status == 0, ran.err
    assert "web_search" not in json.dumps(ran.bodies[0]["tools"])
