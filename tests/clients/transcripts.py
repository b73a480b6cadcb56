"""What an application sees of a provider, in a form that can be compared: everything but the ids, which count requests."""

import base64
import json
import re

ID = re.compile(r"\b(chatcmpl-sim|call_sim|msg_sim|req_sim|resp_sim|rs_sim|fc_sim|toolu_sim)([-_]\d+)+\b")
MESSAGES = [{"role": "user", "content": "Hello"}]
SEED_POLICY = {"training_allowed": False, "retention_days": 30}
MODEL = "anthropic/claude-3.5-sonnet"
UPSTREAM_MODEL = "claude-3.5-sonnet"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "time",
            "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
        },
    },
]
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
DENIED = {"data_policy": {"providers": {"only": ["sim-30d"]}, "retention_days": 0}}
"""Zero retention, at the provider that keeps 30 days: nothing is left."""


def without_ids(value: object) -> object:
    """The same JSON with every id of the simulator replaced, and without `"usage": null`.

    The gateway always asks for usage. A provider that was asked writes that null into every chunk, one that was not leaves it out; to a
    client both mean the same.
    """
    if isinstance(value, dict):
        return {name: without_ids(part) for name, part in value.items() if (name, part) != ("usage", None)}
    if isinstance(value, list):
        return [without_ids(part) for part in value]
    return ID.sub(r"\1", value) if isinstance(value, str) else value


def transcript(ask, client, model: str, fields: dict[str, object], *, stream: bool) -> object:
    """What an SDK gives for one request, as JSON without ids; `ask(client, model, **fields)` makes it."""
    if stream:
        with ask(client, model, **fields, stream=True) as events:
            return without_ids([event.model_dump() for event in events])
    return without_ids(ask(client, model, **fields).model_dump())


def last_body(simulation, provider: str) -> dict[str, object]:
    """What a provider received last."""
    bodies = simulation.call(simulation.simulation[provider].ledger.bodies_as_json)
    return json.loads(base64.b64decode(bodies[-1]["body"]))
