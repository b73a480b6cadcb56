"""Claude Code, unmodified, by the lines of its page: what a provider of Anthropic's format receives is what Claude Code would send it."""

import json

import pytest
from tests.clients.coding_agents import (
    ANTHROPIC_MODEL,
    DAY,
    NOTE,
    NOTES,
    SAYS,
    UUID,
    Target,
    blocks,
    key_of,
    lines_of,
    program,
    provider,
    providers,
    quoted,
    seated,
    settled,
    translated,
    watched,
)

from anyapi.simulator import ModelSpec, WireName

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

_, MODELS, AT_HOME = blocks("claude-code", "sh")
SETUP, PLAIN = lines_of("claude-code")
VOLATILE = (DAY, (r"toolu_sim_\d+_\d+", "CALL"), UUID)
"""The day, the simulator's ids of calls, and ids of the session."""
TOOLS = "--allowedTools Read Bash --"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway, simulated providers, and a desk for Claude Code."""
    home = tmp_path_factory.mktemp("claude")
    elsewhere = provider("sim-elsewhere", WireName.BEDROCK, ModelSpec("anthropic/claude-opus-5", "anthropic.claude-opus-5", 1.0, 1.0))
    specs = (*providers("anthropic/claude-opus-4.8", ANTHROPIC_MODEL, WireName.ANTHROPIC), elsewhere)
    with seated(home, "claude", program("npm", "node_modules/@anthropic-ai/claude-code-linux-*/claude"), specs) as place:
        yield place


def run(place, target, *commands, name="sim-agents", more=""):
    """One fresh start of the page's lines with these commands after them."""
    desk, simulation, *_ = place
    desk.clear()
    script = "\n".join([target.fill(SETUP), AT_HOME, more, *commands])
    return watched(simulation, name, desk.run, script)


def both(place, *commands):
    """The same through the gateway and straight at the provider; nothing beyond loopback was asked."""
    through, straight = run(place, place[2], *commands), run(place, place[3], *commands)
    assert through.asked == straight.asked == ()
    return through, straight


def without_metadata(bodies):
    """What the gateway may leave out: the id of the user."""
    for body in bodies:
        assert set(body.pop("metadata")) == {"user_id"}
    return bodies


def assert_same_received(through, straight):
    assert through.received
    assert settled(through.bodies, VOLATILE) == settled(without_metadata(straight.bodies), VOLATILE)
    for one, other in zip(through.received, straight.received, strict=True):
        assert one["headers"]["anthropic-beta"] == other["headers"]["anthropic-beta"] != ""
        assert one["headers"]["anthropic-version"] == other["headers"]["anthropic-version"]
        assert not [header for header in one["headers"] if header.startswith(("x-anyapi", "x-stainless", "x-claude"))]


def test_the_lines_of_the_page(place):
    through, straight = both(place, PLAIN)
    assert through.out == straight.out == f"This is {ANTHROPIC_MODEL}. {SAYS}\n", through.err
    assert (through.status, straight.status) == (0, 0)
    assert_same_received(through, straight)
    body = through.bodies[0]
    assert (body["model"], body["stream"], body["thinking"]["type"]) == (ANTHROPIC_MODEL, True, "adaptive")
    assert json.dumps(body).count('"cache_control"') >= 3


def test_streamed_events(place):
    """What its SDK reads of the stream, event by event."""
    through, straight = both(place, "claude -p --output-format stream-json --include-partial-messages --verbose Hello")

    def events(ran):
        found = [json.loads(line) for line in ran.out.splitlines()]
        return settled([one["event"] for one in found if one["type"] == "stream_event"], [(r"msg_sim_\d+", "MESSAGE"), *VOLATILE])

    assert events(through) == events(straight)
    assert [event["type"] for event in events(through)][-1] == "message_stop"
    assert len([event for event in events(through) if event["type"] == "content_block_delta"]) > 8


FIRST = f"use the tool Read with {quoted(file_path='PLACE')[1:-1]} and use the tool Bash with {quoted(command=f'wc -w {NOTES}')[1:-1]}"
SECOND = f"Now use the tool Bash with {quoted(command=f'cat {NOTES}')[1:-1]}"


def two_turns(desk):
    return (
        f"claude -p {TOOLS} '{FIRST.replace('PLACE', str(desk.work / NOTES))}'",
        f"claude -p --continue {TOOLS} '{SECOND}'",
    )


def kinds(message):
    return [block["type"] for block in message["content"]]


def test_a_task_of_two_turns_with_tools_thinking_and_cache(place):
    through, straight = both(place, *two_turns(place[0]))
    assert through.out == straight.out == f"This is {ANTHROPIC_MODEL}. {SAYS}\n" * 2, through.err
    assert_same_received(through, straight)
    assert len(through.bodies) == 4
    last = through.bodies[-1]
    turns = [message for message in last["messages"] if message["role"] != "system"]
    assert [message["role"] for message in turns] == ["user", "assistant"] * 3 + ["user"]
    assert kinds(turns[1]) == ["thinking", "tool_use", "tool_use"]
    assert kinds(turns[2]) == ["tool_result", "tool_result"]
    assert kinds(turns[5]) == ["thinking", "tool_use"]
    assert NOTE in json.dumps(turns[2])
    assert "7 notes.txt" in json.dumps(turns[2])
    assert NOTE in json.dumps(turns[6])
    assert last["context_management"]["edits"]
    entries = place[1].ledger("sim-agents")["entries"][-8:]
    assert all(entry["status"] == 200 and not entry["leaked"] for entry in entries)
    assert all(entry["cache_read_tokens"] > 0 for entry in (entries[1], entries[3]))


@pytest.mark.parametrize("wire", translated(WireName.ANTHROPIC))
def test_the_same_task_at_providers_of_other_formats(place, wire):
    assert MODELS.startswith("export ANTHROPIC_MODEL=")
    ran = run(place, place[2], *two_turns(place[0]), name=f"sim-{wire}", more=f"export ANTHROPIC_MODEL=acme/{wire}")
    assert ran.out == f"This is model-{wire}. {SAYS}\n" * 2, ran.err
    assert (ran.status, ran.asked, len(ran.bodies)) == (0, (), 4)
    assert NOTE in json.dumps(ran.bodies[1])
    assert NOTE in json.dumps(ran.bodies[3])


def test_thinking_goes_round_at_a_claude_elsewhere(place):
    """By its own name for the model, which another provider serves in another format: that one gets back what it signed."""
    ran = run(place, place[2], *two_turns(place[0]), name="sim-elsewhere", more="export ANTHROPIC_MODEL=claude-opus-5")
    assert ran.out == f"This is anthropic.claude-opus-5. {SAYS}\n" * 2, ran.err
    assert len(ran.bodies) == 4
    turns = [message for message in ran.bodies[3]["messages"] if message["role"] == "assistant"]
    signed = [block["reasoningContent"]["reasoningText"] for turn in turns for block in turn["content"] if "reasoningContent" in block]
    assert len(signed) == 3
    assert all(one["text"] and one["signature"] for one in signed)


def test_a_refusal_says_why_and_is_not_tried_again(place):
    gateway = place[4]
    ran = run(place, Target(gateway.url, key_of(gateway, "--data-class", "regulated")), PLAIN)
    assert (ran.status, ran.received) == (1, ())
    assert "403 The data policy in force permits none of the available endpoints" in ran.out


@pytest.mark.parametrize(("model", "status"), [("acme/nothing", 404), ("acme/picky", 400)])
def test_errors_are_printed(place, model, status):
    ran = run(place, Target(place[4].url, place[4].key), PLAIN, name="sim-picky", more=f"export ANTHROPIC_MODEL={model}")
    assert ran.status == 1
    assert (str(status) in ran.out) or status == 404, ran.out
    assert len(ran.received) == (status == 400)


def test_head_of_the_address_is_answered(place):
    """Claude Code asks for it before it begins to talk."""
    answer = place[4].request("HEAD", "/")
    assert (answer.status, answer.body) == (200, b"")
