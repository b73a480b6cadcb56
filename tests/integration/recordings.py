"""Event streams as providers send them, recorded from the simulator: twenty requests and spellings in each format.

A recording is the body of a whole answer, without HTTP framing. Nothing here knows the product.
"""

import contextlib
import http.client
import json
import re
from dataclasses import dataclass

from anyapi.simulator import SimulationThread
from anyapi.simulator.faults import read_fault

OPENAI, ANTHROPIC = "openai", "anthropic"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "required": ["place"],
                "properties": {"place": {"type": "string", "default": "Zürich \u2028"}},
            },
        },
    }
    for name in ("weather", "traffic")
]
CLAUDE_TOOLS = [{"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]} for tool in TOOLS]
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
MANY_ALPHABETS = {"kind": "say", "text": 'Zürich 東京 🙂🙃 "quoted" back\\slash [DONE] data: x "error" "usage" {"error":1} \u2028 \u0000'}
"""Words that look like the format itself, and every length of UTF-8."""


@dataclass(frozen=True)
class Wanted:
    """One stream to record: what is asked, and under which faults (of spelling, never of content)."""

    name: str
    fields: tuple[tuple[str, object], ...] = ()
    faults: tuple[dict[str, object], ...] = ()


def wanted(name: str, *faults: dict[str, object], **fields: object) -> Wanted:
    return Wanted(name, tuple(fields.items()), faults)


SPELLINGS = (
    wanted("plain"),
    wanted("alphabets", MANY_ALPHABETS),
    wanted("many-words", {"kind": "say", "text": "one two three four", "words": 60}),
    wanted("empty", {"kind": "empty"}),
    wanted("refusal", {"kind": "refusal"}),
    wanted("refusal-field", {"kind": "refusal", "style": "field"}),
    wanted("comments", {"kind": "comments"}),
    wanted("crlf", {"kind": "line_ends", "ending": "crlf"}),
    wanted("cr", {"kind": "line_ends", "ending": "cr"}),
    wanted("multiline", {"kind": "multiline_data"}),
    wanted("everything", MANY_ALPHABETS, {"kind": "comments"}, {"kind": "multiline_data"}, {"kind": "line_ends", "ending": "crlf"}),
    wanted("no-usage", {"kind": "usage", "mode": "missing"}),
    wanted("zero-usage", {"kind": "usage", "mode": "zero"}),
    wanted("cut-short", max_tokens=3),
)
REQUESTS = {
    OPENAI: (
        *SPELLINGS,
        wanted("tool", tools=TOOLS[:1], tool_choice="required"),
        wanted("tools", tools=TOOLS, messages=[{"role": "user", "content": "Use the tools."}]),
        wanted("reasoning", reasoning_effort="low"),
        wanted("choices", n=3),
        wanted("logprobs", logprobs=True, top_logprobs=2),
        wanted("stop", stop=["Provider"]),
        wanted("json", response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}),
    ),
    ANTHROPIC: (
        *SPELLINGS,
        wanted("tool", tools=CLAUDE_TOOLS[:1], tool_choice={"type": "any"}),
        wanted("tools", tools=CLAUDE_TOOLS, messages=[{"role": "user", "content": "Use the tools."}]),
        wanted("reasoning", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=4096),
        wanted(
            "reasoning-crlf", {"kind": "line_ends", "ending": "crlf"}, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=4096
        ),
        wanted("stop", stop_sequences=["Provider"]),
        wanted("json", output_format={"type": "json_schema", "schema": SCHEMA}),
    ),
}
PATHS = {OPENAI: "/v1/chat/completions", ANTHROPIC: "/v1/messages"}


def body_of(wire: str, model: str, request: Wanted) -> dict[str, object]:
    """The request's JSON in the provider's own format."""
    body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": "Say it."}], "stream": True}
    body |= {"stream_options": {"include_usage": True}} if wire == OPENAI else {"max_tokens": 1024}
    return body | dict(request.fields)


def record(simulation: SimulationThread, provider: str, wire: str, model: str, request: Wanted) -> bytes:
    """Ask a provider directly, and give the body of its answer."""
    simulation.script(provider, [[read_fault(json.dumps(fault)) for fault in request.faults]])
    connection = http.client.HTTPConnection("127.0.0.1", simulation.simulation.ports[provider], timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", PATHS[wire], json.dumps(body_of(wire, model, request)), {"anthropic-version": "2023-06-01"})
        answer = connection.getresponse()
        body = answer.read()
    assert answer.status == 200, body
    return body


def with_plain_ends(data: bytes) -> bytes:
    """CRLF and CR as LF: line ends mean the same in an event stream."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def with_fixed_ids(data: bytes) -> bytes:
    """The simulator counts its ids up; two answers to the same request differ in nothing else."""
    return re.sub(rb"(chatcmpl-sim-|call_sim_|msg_sim_|toolu_sim_)\d+", rb"\1N", data)


def events_of(data: bytes) -> list[bytes]:
    """A stream with LF line ends, event by event."""
    assert data.endswith(b"\n\n")
    return [event + b"\n\n" for event in data.split(b"\n\n")[:-1]]
