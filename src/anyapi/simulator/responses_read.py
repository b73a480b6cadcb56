"""Reads requests for OpenAI responses: what decides about the answer, and the fields that the answer repeats. Writes nothing.

Source: the API reference of OpenAI (responses, function calling, reasoning items), as of 2026.
"""

import msgspec

from anyapi.simulator.call import Call, Rejected, Tool, said_last, tools_to_use
from anyapi.simulator.jsontype import NULL, Json, decoded, is_given
from anyapi.simulator.prompt import Prompt
from anyapi.simulator.seal import is_sealed
from anyapi.simulator.wire import GatewayFields, unreadable

_ATTACHMENTS = {"input_image": "image", "input_file": "document"}
_LOGPROBS = "message.output_text.logprobs"
_SEALED = "reasoning.encrypted_content"
REPEATED = (
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key",
    "reasoning", "safety_identifier", "store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
"""Fields of the request that the response object holds again."""


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct):
    """Any item of the input; a message may leave out its type."""

    type: str = "message"
    role: str | None = None
    content: str | list[_Part] | None = None
    output: str | list[_Part] | None = None
    encrypted_content: str | None = None

    @property
    def parts(self) -> list[_Part]:
        """What the item says: content of a message, output of a tool. Reasoning that comes back counts nothing."""
        said = self.content if self.type == "message" else self.output
        return said if isinstance(said, list) else [_Part("input_text", said)]

    @property
    def text(self) -> str:
        return "".join((part.text or "") + (part.refusal or "") for part in self.parts)


class _Tool(msgspec.Struct):
    type: str
    name: str = ""
    parameters: msgspec.Raw = NULL


class _Choice(msgspec.Struct):
    type: str
    name: str = ""
    mode: str = "auto"
    tools: list[_Tool] = []

    @property
    def word(self) -> str:
        """The choice as one word: a mode, or `=` and a name."""
        return self.mode if self.type == "allowed_tools" else f"={self.name}"


class _Format(msgspec.Struct, frozen=True):
    type: str = "text"
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Text(msgspec.Struct):
    format: _Format = _Format()


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Request(GatewayFields, kw_only=True):
    model: str
    input: str | list[_Item]
    instructions: str | None = None
    stream: bool | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    max_output_tokens: int | None = None
    reasoning: _Reasoning | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    previous_response_id: str | None = None
    background: bool | None = None

    @property
    def items(self) -> list[_Item]:
        """The input as items."""
        return [_Item(role="user", content=self.input)] if isinstance(self.input, str) else self.input

    @property
    def included(self) -> list[str]:
        return self.include or []


_read = msgspec.json.Decoder(_Request).decode
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_request(body: bytes) -> Call:
    """Understand a request; `Rejected` 400 when it is not one, or wants what was kept from an earlier one."""
    try:
        request = _read(body)
        fields = _read_fields(body)
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None
    _check(request)
    prompt, output, thinking = _prompt(request), (request.text or _Text()).format, request.reasoning
    return Call(
        model=request.model,
        prompt_bytes=prompt.size,
        parts=prompt.parts,
        cache=prompt.implicit,
        stream=request.stream is True,
        include_usage=True,
        uses=_tools(request),
        schema=decoded(output.schema) if output.type == "json_schema" else None,
        json_object=output.type == "json_object",
        max_tokens=request.max_output_tokens,
        logprobs=(request.top_logprobs or 0) if _LOGPROBS in request.included or request.top_logprobs else None,
        reasoning=thinking is not None and thinking.effort != "none",
        hide_reasoning=thinking is None or thinking.summary is None,
        seal_reasoning=_SEALED in request.included,
        echo={name: fields[name] for name in REPEATED if is_given(fields.get(name, NULL))},
        store=request.store_value,
        leaked=request.leaked,
    )


def _check(request: _Request) -> None:
    if not request.items:
        raise Rejected(400, "input must hold at least one item.")
    if request.previous_response_id is not None:
        raise Rejected(400, "The previous response was not found: nothing is kept here.")
    if request.background:
        raise Rejected(400, "background is not possible: nothing is kept here.")
    for place, item in enumerate(request.items):
        if item.type == "item_reference":
            raise Rejected(400, f"input[{place}] was not found: nothing is kept here.")
        if item.encrypted_content is not None and not is_sealed(item.encrypted_content):
            raise Rejected(400, f"input[{place}]: the encrypted content could not be verified.")


def _prompt(request: _Request) -> Prompt:
    prompt = Prompt()
    prompt.text(request.instructions)
    for item in request.items:
        if item.role == "assistant" or item.type in {"function_call", "reasoning"}:
            prompt.model_turn()
        if item.type == "function_call_output":
            prompt.tool_result()
        prompt.text(item.text)
        for part in item.parts:
            prompt.attachment(_ATTACHMENTS.get(part.type))
    return prompt


def _tools(request: _Request) -> tuple[Tool, ...]:
    offered = tuple(Tool(tool.name, _schema(tool)) for tool in request.tools or () if tool.type == "function")
    wanted = request.tool_choice
    if isinstance(wanted, _Choice):
        if wanted.type == "allowed_tools":
            allowed = {tool.name for tool in wanted.tools}
            offered = tuple(tool for tool in offered if tool.name in allowed)
        wanted = wanted.word
    last = said_last(request.items)
    said = last.text if last is not None and last.role == "user" else None
    return tools_to_use(offered, "any" if wanted == "required" else wanted, said, parallel=request.parallel_tool_calls is not False)


def _schema(tool: _Tool) -> Json:
    return decoded(tool.parameters) if is_given(tool.parameters) else {}
