"""OpenAI responses as the provider speaks them: the response object, and the events that build it.

Source: the API reference of OpenAI (responses, streaming events, reasoning items), as of 2026. Nothing is kept between requests.
"""

import itertools
from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, halves, spoken
from anyapi.simulator.call import Call
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.openai_errors import CREATED, OpenAiErrors, log_probabilities
from anyapi.simulator.reply import EVENTS, Reply, answered
from anyapi.simulator.responses_read import read_request
from anyapi.simulator.seal import seal
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of, tokens_for
from anyapi.simulator.wire import Target

_write = msgspec.json.Encoder().encode
_Dict = dict[str, object]
_Event = tuple[_Dict, int]
"""An event, and the bytes of completion in it."""

_DEFAULTS: _Dict = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
_STATUS = {Finish.LENGTH: "incomplete", Finish.CONTENT_FILTER: "incomplete", Finish.FAILED: "failed"}
_REASON = {Finish.LENGTH: {"reason": "max_output_tokens"}, Finish.CONTENT_FILTER: {"reason": "content_filter"}}
_FAILURE = {"code": "server_error", "message": "The simulator was told to fail."}


class ResponsesWire(OpenAiErrors):
    """`POST /v1/responses`, and `POST /v1/responses/input_tokens` to count."""

    completion_path = "/v1/responses"

    def target(self, path: str, query: str) -> Target | None:
        """Azure serves the same under `/openai`, and in its older API where the query states a version."""
        path = "/v1/responses" if path == "/openai/responses" and "api-version=" in query else path.removeprefix("/openai")
        counting = path == self.completion_path + "/input_tokens"
        return Target(count=counting) if counting or path == self.completion_path else None

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        return read_request(body)

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write a `response`, or the events from `response.created` to `response.completed`, `.incomplete` or `.failed`."""
        choice = answer.choices[0]
        outcome = Outcome.CONTENT_REFUSED if choice.finish is Finish.CONTENT_FILTER or choice.refusal else Outcome.ANSWERED
        reply = answered(answer, outcome)
        reply.headers = [(b"x-request-id", b"req_sim_%d" % serial)]
        items = list(_items(call, choice, serial, answer.padding))
        final = _response(call, model, serial, items, answer)
        if call.stream:
            reply.content_type, reply.body = EVENTS, list(_sends(_events(call, choice, final)))
        else:
            reply.body = [Send(_write(final), 0, choice.size, answer.reported is not None)]
        return reply

    def error_event(self, message: str, after: int) -> bytes:
        """Return an `error` event as OpenAI sends it, its fields in an object; the reference shows them beside the type."""
        error = {"type": "server_error", "code": "server_error", "message": message, "param": None}
        return _event({"type": "error", "error": error, "sequence_number": after})

    def count(self, call: Call) -> object:
        """Return the prompt's tokens."""
        return {"object": "response.input_tokens", "input_tokens": tokens_for(call.prompt_bytes)}


def _response(call: Call, model: str, serial: int, items: list[_Dict], answer: Answer) -> _Dict:
    """Return the response object as it is in the end."""
    finish = answer.choices[0].finish
    status = _STATUS.get(finish, "completed")
    given = {name: msgspec.json.decode(value) for name, value in call.echo.items()}
    return {
        "id": f"resp_sim_{serial}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "completed_at": CREATED if status == "completed" else None,
        "error": _FAILURE if finish is Finish.FAILED else None,
        "incomplete_details": _REASON.get(finish),
        "model": model,
        **_DEFAULTS,
        **given,
        "reasoning": {"effort": None, "summary": None, **given.get("reasoning", {})},
        "tools": [_tool(tool) for tool in given.get("tools") or []],
        "text": {"format": {"type": "text"}, "verbosity": "medium", **given.get("text", {})},
        "output": items,
        **({"usage": _usage(answer)} if answer.reported is not None else {}),
    }


def _tool(tool: _Dict) -> _Dict:
    """Return a tool as a response repeats it: a function with all of its fields."""
    return {"description": None, "parameters": None, "strict": True, **tool} if tool.get("type") == "function" else tool


def _usage(answer: Answer) -> _Dict:
    prompt, completion = answer.reported or (0, 0)
    read, written = answer.reported_cache
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": answer.reported_reasoning},
        "total_tokens": prompt + completion,
    }


def _items(call: Call, choice: Choice, serial: int, padding: int) -> Iterator[_Dict]:
    """Yield the items of the output: reasoning, a message, calls of functions."""
    status = "incomplete" if choice.finish in _STATUS else "completed"
    if choice.reasoning:
        summary = [] if call.hide_reasoning else [{"type": "summary_text", "text": choice.reasoning}]
        item: _Dict = {"id": f"rs_sim_{serial}", "type": "reasoning", "summary": summary}
        yield {**item, "encrypted_content": seal(choice.reasoning)} if call.seal_reasoning else item
    content = _content(call, choice, padding)
    if content:
        yield {"id": f"msg_sim_{serial}", "type": "message", "status": status, "role": "assistant", "content": content}
    for number, tool in enumerate(choice.tool_calls):
        names = {"call_id": f"call_sim_{serial}_{number}", "name": tool.name, "arguments": tool.arguments}
        yield {"id": f"fc_sim_{serial}_{number}", "type": "function_call", "status": "completed", **names}


def _content(call: Call, choice: Choice, padding: int) -> list[_Dict]:
    if choice.refusal:
        return [{"type": "refusal", "refusal": choice.refusal}]
    if choice.tool_calls or (choice.finish is Finish.CONTENT_FILTER and not choice.text):
        return []
    chances = [] if call.logprobs is None else log_probabilities(spoken(choice.text), call.logprobs)
    return [{"type": "output_text", "annotations": [], "logprobs": chances, "text": choice.text + "a" * padding}]


def _event(payload: _Dict) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (str(payload["type"]).encode(), _write(payload))


def _sends(events: Iterator[_Event]) -> Iterator[Send]:
    for number, (payload, size) in enumerate(events):
        final = payload.get("response")
        usage = isinstance(final, dict) and final.get("usage") is not None
        yield Send(_event({**payload, "sequence_number": number}), 1, size, usage)


def _events(call: Call, choice: Choice, final: _Dict) -> Iterator[_Event]:
    begun: _Dict = {**final, "status": "in_progress", "output": [], **dict.fromkeys(("completed_at", "error", "incomplete_details"))}
    begun["usage"] = None
    yield {"type": "response.created", "response": begun}, 0
    yield {"type": "response.in_progress", "response": begun}, 0
    items = final["output"]
    for index, item in enumerate(items if isinstance(items, list) else ()):
        parts, place = _PARTS[item["type"]], {"output_index": index}
        yield {"type": "response.output_item.added", **place, "item": _opened(item)}, 0
        for payload, size in parts(item, choice):
            yield {**payload, "item_id": item["id"], **place}, size
        # Reasoning that is not shown still reaches the client, as an item.
        hidden = item["type"] == "reasoning" and call.hide_reasoning
        yield {"type": "response.output_item.done", **place, "item": item}, size_of(choice.reasoning) if hidden else 0
    yield {"type": f"response.{final['status']}", "response": final}, 0


def _opened(item: _Dict) -> _Dict:
    """Return an item as it is announced: without content."""
    empty: _Dict = {"content": [], "summary": [], "arguments": "", "status": "in_progress"}
    return {name: empty.get(name, value) for name, value in item.items() if name != "encrypted_content"}


def _reasoning(item: _Dict, choice: Choice) -> Iterator[_Event]:
    if not item["summary"]:
        return
    part, place = {"type": "summary_text", "text": ""}, {"summary_index": 0}
    yield {"type": "response.reasoning_summary_part.added", **place, "part": part}, 0
    for piece in spoken(choice.reasoning):
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}, size_of(piece)
    yield {"type": "response.reasoning_summary_text.done", **place, "text": choice.reasoning}, 0
    yield {"type": "response.reasoning_summary_part.done", **place, "part": {**part, "text": choice.reasoning}}, 0


def _message(item: _Dict, choice: Choice) -> Iterator[_Event]:
    content = item["content"]
    place: _Dict = {"content_index": 0}
    part = content[0] if isinstance(content, list) else {}
    empty = {"text": "", "refusal": "", "logprobs": []}
    yield {"type": "response.content_part.added", **place, "part": {name: empty.get(name, value) for name, value in part.items()}}, 0
    yield from _refused(part, place) if part["type"] == "refusal" else _said(part, choice, place)
    yield {"type": "response.content_part.done", **place, "part": part}, 0


def _refused(part: _Dict, place: _Dict) -> Iterator[_Event]:
    refusal = str(part["refusal"])
    for piece in spoken(refusal):
        yield {"type": "response.refusal.delta", **place, "delta": piece}, size_of(piece)
    yield {"type": "response.refusal.done", **place, "refusal": refusal}, 0


def _said(part: _Dict, choice: Choice, place: _Dict) -> Iterator[_Event]:
    text, chances = str(part["text"]), part["logprobs"]
    each = iter(chances) if isinstance(chances, list) else iter(())
    for piece in spoken(choice.text):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": list(itertools.islice(each, 1))}, size_of(piece)
    if padding := text[len(choice.text) :]:
        yield {"type": "response.output_text.delta", **place, "delta": padding, "logprobs": []}, 0
    yield {"type": "response.output_text.done", **place, "text": text, "logprobs": chances}, 0


def _call(item: _Dict, choice: Choice) -> Iterator[_Event]:  # noqa: ARG001 - the table's shape
    arguments = str(item["arguments"])
    for piece in halves(arguments):
        yield {"type": "response.function_call_arguments.delta", "delta": piece}, size_of(piece)
    yield {"type": "response.function_call_arguments.done", "name": item["name"], "arguments": arguments}, 0


_PARTS = {"reasoning": _reasoning, "message": _message, "function_call": _call}
