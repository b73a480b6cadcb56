"""aider, unmodified, by the lines of its page: what a provider of OpenAI's format receives is what aider would send it."""

import json

import pytest
from tests.clients.coding_agents import (
    DAY,
    NOTE,
    NOTES,
    OPENAI_MODEL,
    SAYS,
    Target,
    key_of,
    lines_of,
    program,
    providers,
    seated,
    settled,
    translated,
    watched,
)

from anyapi.simulator import WireName, read_fault

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

SETUP, PLAIN = lines_of("aider")
PLAIN = PLAIN.partition("#")[0].rstrip()
VOLATILE = (DAY,)
QUIETLY = "--no-git --yes-always --no-show-model-warnings --no-show-release-notes"
AT_HOME = "export AIDER_ANALYTICS_DISABLE=true AIDER_CHECK_UPDATE=false"
PRICES = {"raw.githubusercontent.com"}
"""Whom aider asks for its table of prices, whatever is set."""
EDITED = NOTE.replace("third", "first")
EDIT = f"{NOTES}\n<<<<<<< SEARCH\n{NOTE}\n=======\n{EDITED}\n>>>>>>> REPLACE\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway, simulated providers, and a desk for aider."""
    home = tmp_path_factory.mktemp("aider")
    specs = providers("openai/gpt-5.2", OPENAI_MODEL, WireName.OPENAI)
    with seated(home, "aider", program("aider", "venv/bin/aider"), specs) as place:
        yield place


def run(place, target, more="", name="sim-agents", model=OPENAI_MODEL, say=None):
    """One fresh start of the page's lines, with more options; `say` is what the model answers."""
    desk, simulation, *_ = place
    desk.clear()
    if say is not None:
        simulation.script(name, [read_fault(json.dumps({"kind": "say", "text": say}))])
    command = PLAIN.replace(f"openai/{OPENAI_MODEL}", f"openai/{model}")
    ran = watched(simulation, name, desk.run, "\n".join([target.fill(SETUP), AT_HOME, f"{command} {QUIETLY} {more}"]))
    assert set(ran.asked) <= PRICES
    return ran


def both(place, *arguments, **more):
    """The same through the gateway and straight at the provider. The gateway asks for usage, which aider leaves out of its streams."""
    through, straight = (run(place, target, *arguments, **more) for target in place[2:4])
    assert through.received
    for body in through.bodies:
        assert body.pop("stream_options", None) == ({"include_usage": True} if body.get("stream") else None)
    assert settled(through.bodies, VOLATILE) == settled(straight.bodies, VOLATILE)
    return through, straight


def said(ran):
    """What it prints, less the lines about tokens and what it cost."""
    return [line for line in ran.out.splitlines() if not line.startswith(("Tokens:", "("))]


def in_one_line(ran):
    """What it prints, without its line ends in the middle of a sentence."""
    return " ".join(ran.out.split())


@pytest.mark.parametrize("more", ["", "--no-stream"])
def test_the_lines_of_the_page(place, more):
    through, straight = both(place, more)
    assert said(through) == said(straight)
    assert f"This is {OPENAI_MODEL}. {SAYS}" in through.out
    assert (through.status, straight.status) == (0, 0)
    assert [body["model"] for body in through.bodies] == [OPENAI_MODEL]
    assert through.bodies[0].get("stream", False) is (not more)


def test_an_edit(place):
    through, straight = both(place, f"--edit-format diff {NOTES}", say=EDIT)
    assert said(through) == said(straight)
    assert (place[0].work / NOTES).read_text().strip() == EDITED
    assert f"Applied edit to {NOTES}" in through.out


@pytest.mark.parametrize("wire", translated(WireName.OPENAI))
def test_the_same_edit_at_providers_of_other_formats(place, wire):
    ran = run(place, place[2], f"--edit-format diff {NOTES}", name=f"sim-{wire}", model=f"acme/{wire}", say=EDIT)
    assert (place[0].work / NOTES).read_text().strip() == EDITED, ran.out
    assert len(ran.bodies) == 1


def test_a_refusal_says_why(place):
    ran = run(place, Target(place[4].url, key_of(place[4], "--data-class", "regulated")))
    assert ran.received == ()
    assert "The data policy in force permits none of the available endpoints" in in_one_line(ran)


@pytest.mark.parametrize(("model", "status"), [("acme/nothing", 404), ("acme/picky", 400)])
def test_errors_are_printed(place, model, status):
    ran = run(place, place[2], name="sim-picky", model=model)
    assert ("No such model" if status == 404 else "request is not valid") in in_one_line(ran)
    assert len(ran.received) == (status == 400)
