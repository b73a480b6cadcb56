"""A complete chat completion as a response object of OpenAI's Responses API. Pure; docs/translation.md is the list of what becomes what.

Only the first choice is read: a Responses request cannot ask for more. The order of the output is reasoning, message, calls.
"""

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate import openai_responses_items as items
from anyapi.upstream.translate import openai_responses_wire as wire
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_reasoning import Gathered
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Name
from anyapi.upstream.translate.reading import Object

BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def translate(answer: Answer, echo: Echo, *, now: float) -> Answer | Outcome:
    """Translate a chat completion that an adapter read; what it found of tokens and refusal stays.

    `echo` comes from the translation of the request, `now` is in Unix seconds. An `Outcome` when it is not understood. Never raises.
    """
    try:
        found = wire.completion(answer.body)
        choice = found.choices[0]
        if choice.message is None:
            return BAD
        ending = wire.ENDINGS.get(choice.finish_reason or "", wire.COMPLETED)
        head = wire.head_of(found, now)
        output = tuple(wire.encode(item) for item in _output(head, choice, choice.message, (ending.item, echo)))
    except (ValueError, RecursionError, IndexError):
        return BAD
    completed = int(now) if ending is wire.COMPLETED else None
    body = wire.response(head, echo, wire.Outcome(ending, output, wire.usage_of(found.usage), completed))
    return msgspec.structs.replace(answer, body=body)


def _output(head: wire.Head, choice: wire.Choice, said: wire.Said, around: tuple[str, Echo]) -> list[Object]:
    """The items. Raises ValueError when a call has no name."""
    status, echo = around
    found: list[Object] = []
    for gathered in _thoughts(said):
        found.append(items.reasoning(head.named("rs", len(found)), "completed", gathered, echo))
    content = _content(choice, said)
    if content:
        found.append(items.message(head.named("msg", len(found)), "completed" if said.tool_calls else status, content))
    for call in said.tool_calls or []:
        found.append(_call(call, head.named("fc", len(found)), status, echo))
    return found


def _content(choice: wire.Choice, said: wire.Said) -> list[Object]:
    """The parts of the message; none where there is none."""
    content: list[Object] = []
    text = said.text
    if text:
        content.append(items.text_part(text, wire.annotations_of(said.annotations), wire.logprobs_of(choice.logprobs)))
    if said.refusal:
        content.append({"type": "refusal", "refusal": said.refusal})
    return content


def _call(call: wire.Call, item_id: str, status: str, echo: Echo) -> Object:
    function = call.function
    if function is None or not function.name:
        raise ValueError("a tool call without a name")
    name, arguments = echo.names.get(function.name) or Name(function.name), function.arguments or ""
    if not name.custom and not arguments.strip():
        arguments += items.NO_ARGUMENTS  # behind the white space, where a stream's pieces have it too
    return items.call(item_id, status, call.id or f"call_{item_id}", name, arguments)


def _thoughts(said: wire.Said) -> list[Gathered]:
    """The message's reasoning: an item for each `index` of its details, or one for text without details."""
    found: list[Gathered] = []
    for detail in filter(Gathered.says, wire.details_of(said)):
        if not found or not found[-1].takes(detail):
            found.append(Gathered())
        found[-1].add(detail)
    text = wire.thought_of(said)
    if text and not any(gathered.text for gathered in found):
        if not found:
            found.append(Gathered())
        found[0].say(text)
    return found
