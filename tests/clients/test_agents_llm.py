"""llm, unmodified, by the lines of its page: what a provider of OpenAI's format receives is what llm would send it."""

import base64
import json
import re

import pytest
from tests.clients.coding_agents import (
    OPENAI_MODEL,
    SAYS,
    Target,
    blocks,
    key_of,
    lines_of,
    page,
    program,
    providers,
    seated,
    settled,
    translated,
    watched,
)
from tests.clients.transcripts import PICTURE

from anyapi.simulator import ClaimedPolicy, ModelSpec, ProviderSpec, WireName

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

(CONFIG,) = blocks("llm", "yaml")
SETUP, PLAIN = lines_of("llm")
VOLATILE = ((r"call_sim_\d+_\d+", "CALL"),)
TOOL = "llm -m gateway -T llm_version --td 'use the tool llm_version with {}'"
COMMANDS = {
    "plain": PLAIN,
    "whole": "llm -m gateway --no-stream Hello",
    "system": "echo Hello | llm -m gateway -s 'Be brief.' -o temperature 0.5",
    "tool": TOOL,
    "schema": "llm -m gateway --schema 'city, degrees float' Hello",
    "image": "llm -m gateway -a picture.png 'What is this?'",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway, simulated providers, and a desk for llm."""
    home = tmp_path_factory.mktemp("llm")
    keeping = ProviderSpec("sim-keeping", models=(ModelSpec("acme/keeping", "keeping"),), policy=ClaimedPolicy("never", "limited", 30))
    specs = (*providers("openai/gpt-5.2", OPENAI_MODEL, WireName.OPENAI), keeping)
    with seated(home, "llm", program("llm", "venv/bin/llm"), specs) as place:
        yield place


def run(place, target, command, name="sim-agents", model=OPENAI_MODEL, more=""):
    """One fresh start with the page's file and lines, and this command after them."""
    desk, simulation, *_ = place
    desk.clear()
    directory = desk.home / ".config" / "io.datasette.llm"
    directory.mkdir(parents=True)
    (directory / "extra-openai-models.yaml").write_text(target.fill(CONFIG).replace(OPENAI_MODEL, model) + more)
    (desk.work / "picture.png").write_bytes(base64.b64decode(PICTURE.partition(",")[2]))
    ran = watched(simulation, name, desk.run, "\n".join([target.fill(SETUP), command]))
    assert ran.asked == ()
    return ran


@pytest.mark.parametrize("form", COMMANDS)
def test_it_prints_and_sends_the_same(place, form):
    through, straight = (run(place, target, COMMANDS[form]) for target in place[2:4])
    assert (through.status, through.out) == (0, straight.out), through.err
    assert through.received
    assert settled(through.bodies, VOLATILE) == settled(straight.bodies, VOLATILE)
    if form == "schema":
        assert json.loads(through.out).keys() == {"city", "degrees"}
    else:
        assert f"This is {OPENAI_MODEL}. {SAYS}" in through.out
    assert len(through.bodies) == (2 if form == "tool" else 1)
    assert through.bodies[0]["model"] == OPENAI_MODEL
    assert through.bodies[0].get("stream", False) is (form != "whole")


def test_a_tools_result_is_handed_back(place):
    ran = run(place, place[2], TOOL)
    called, result = ran.bodies[1]["messages"][-2:]
    assert called["tool_calls"][0]["function"]["name"] == "llm_version"
    assert result["role"] == "tool"
    assert result["content"] == "0.36"


@pytest.mark.parametrize("wire", translated(WireName.OPENAI))
def test_the_same_at_providers_of_other_formats(place, wire):
    ran = run(place, place[2], TOOL, name=f"sim-{wire}", model=f"acme/{wire}")
    assert (ran.status, len(ran.bodies)) == (0, 2), ran.err
    assert f"This is model-{wire}. {SAYS}" in ran.out
    assert "0.36" in json.dumps(ran.bodies[1])


def test_a_policy_in_the_entry(place):
    """The page's header: the provider that keeps nothing may answer, one that keeps something may not."""
    header = f"  {re.search('`(headers: .*)`', page('llm'))[1]}\n"
    allowed = run(place, place[2], PLAIN, more=header)
    assert (allowed.status, len(allowed.bodies)) == (0, 1), allowed.err
    denied = run(place, place[2], PLAIN, name="sim-keeping", model="acme/keeping", more=header)
    assert (denied.status, denied.received) == (1, ())


def test_a_refusal_says_why(place):
    ran = run(place, Target(place[4].url, key_of(place[4], "--data-class", "regulated")), PLAIN)
    assert (ran.status, ran.received) == (1, ())
    assert "The data policy in force permits none of the available endpoints" in ran.err


@pytest.mark.parametrize(("model", "status"), [("acme/nothing", 404), ("acme/picky", 400)])
def test_errors_are_printed(place, model, status):
    ran = run(place, place[2], PLAIN, name="sim-picky", model=model)
    assert ran.status == 1
    assert f"Error code: {status}" in ran.err
    assert len(ran.received) == (status == 400)
