"""Reads requests for Bedrock's Converse: what decides about the answer, and what the service would refuse. Writes nothing.

Source: the API reference of Amazon Bedrock (Converse, ConverseStream, CountTokens), as of 2026.
"""

import itertools
from collections.abc import Sequence

import msgspec

from anyapi.simulator.call import REDACT, Call, Rejected, Tool, tools_to_use
from anyapi.simulator.jsontype import NULL, Json, decoded, is_given
from anyapi.simulator.pairing import Turn, pairing_problem
from anyapi.simulator.prompt import Prompt, strings_in
from anyapi.simulator.seal import fits, is_sealed
from anyapi.simulator.wire import GatewayFields, Target, unreadable


class _CachePoint(msgspec.Struct):
    type: str
    ttl: str | None = None


class _ResultContent(msgspec.Struct):
    text: str | None = None
    json: msgspec.Raw = NULL
    image: msgspec.Raw = NULL
    document: msgspec.Raw = NULL


class _Use(msgspec.Struct, rename="camel"):
    tool_use_id: str
    name: str
    input: msgspec.Raw


class _Result(msgspec.Struct, rename="camel"):
    tool_use_id: str
    content: list[_ResultContent]


class _ReasoningText(msgspec.Struct):
    text: str
    signature: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class _Block(msgspec.Struct, rename="camel"):
    text: str | None = None
    image: msgspec.Raw = NULL
    document: msgspec.Raw = NULL
    tool_use: _Use | None = None
    tool_result: _Result | None = None
    reasoning_content: _Reasoning | None = None
    cache_point: _CachePoint | None = None


class _Message(msgspec.Struct):
    role: str
    content: list[_Block]


class _Schema(msgspec.Struct):
    json: msgspec.Raw = msgspec.Raw(b"{}")


class _Spec(msgspec.Struct, rename="camel"):
    name: str
    input_schema: _Schema


class _Tool(msgspec.Struct, rename="camel"):
    tool_spec: _Spec | None = None
    cache_point: _CachePoint | None = None


class _Named(msgspec.Struct):
    name: str


class _Choice(msgspec.Struct):
    auto: msgspec.Raw = NULL
    any: msgspec.Raw = NULL
    tool: _Named | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    tools: list[_Tool]
    tool_choice: _Choice | None = None


class _Inference(msgspec.Struct, rename="camel", frozen=True):
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None


class _Thinking(msgspec.Struct):
    type: str = "disabled"


class _ModelFields(msgspec.Struct, frozen=True):
    """What Claude calls these fields; other models have names of their own, which mean nothing here."""

    thinking: _Thinking | None = None
    reasoning_config: _Thinking | None = None


class _JsonSchema(msgspec.Struct):
    schema: str


class _Structure(msgspec.Struct, rename="camel", frozen=True):
    json_schema: _JsonSchema | None = None


class _TextFormat(msgspec.Struct):
    structure: _Structure = _Structure()


class _Output(msgspec.Struct, rename="camel", frozen=True):
    text_format: _TextFormat | None = None


class _Request(GatewayFields, kw_only=True, rename="camel"):
    messages: list[_Message]
    system: list[_Block] = []
    inference_config: _Inference = _Inference()
    tool_config: _ToolConfig | None = None
    additional_model_request_fields: _ModelFields = _ModelFields()
    output_config: _Output = _Output()

    @property
    def thinks(self) -> bool:
        """Whether thinking is on."""
        fields = self.additional_model_request_fields
        wanted = fields.thinking or fields.reasoning_config
        return wanted is not None and wanted.type != "disabled"

    @property
    def offered(self) -> list[_Tool]:
        return self.tool_config.tools if self.tool_config else []


class _CountInput(msgspec.Struct):
    converse: _Request


class _Count(msgspec.Struct):
    input: _CountInput


_read = msgspec.json.Decoder(_Request).decode
_read_count = msgspec.json.Decoder(_Count).decode


def read_request(body: bytes, target: Target) -> Call:
    """Understand a request; `Rejected` 400 when it is not one."""
    try:
        request = _read_count(body).input.converse if target.count else _read(body)
        _check(request)
        prompt, said, schema = _prompt(request), _last_words(request), _schema(request)
        uses = _tools(request, said)
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None
    return Call(
        model=target.model or "",
        prompt_bytes=prompt.size,
        parts=prompt.parts,
        cache=prompt.explicit,
        stream=target.stream,
        include_usage=True,
        uses=uses,
        schema=schema,
        max_tokens=request.inference_config.max_tokens,
        stops=tuple(request.inference_config.stop_sequences or ()),
        reasoning=request.thinks,
        seal_reasoning=REDACT in (said or ""),
        store=request.store_value,
        leaked=request.leaked,
    )


def _check(request: _Request) -> None:
    _check_roles([message.role for message in request.messages])
    for message in request.messages:
        for block in message.content:
            _check_block(block)
    turns = [_turn(message) for message in request.messages]
    if request.tool_config is None and any(turn.calls or turn.results for turn in turns):
        raise Rejected(400, "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    problem = pairing_problem(turns)
    if problem is not None:
        raise Rejected(400, problem)


def _check_roles(roles: list[str]) -> None:
    if not roles or not {*roles} <= {"user", "assistant"}:
        raise Rejected(400, "A conversation is made of messages whose role is user or assistant.")
    if roles[0] != "user":
        raise Rejected(400, "A conversation must start with a user message.")
    if any(before == after for before, after in itertools.pairwise(roles)):
        raise Rejected(400, "A conversation must alternate between user and assistant roles.")


def _check_block(block: _Block) -> None:
    if not _genuine(block.reasoning_content):
        raise Rejected(400, "The model returned the following errors: Invalid `signature` in `thinking` block")
    if block.text is not None and not block.text.strip():
        raise Rejected(400, "The text field in the ContentBlock object is blank.")


def _genuine(reasoning: _Reasoning | None) -> bool:
    if reasoning is None:
        return True
    if reasoning.reasoning_text is not None:
        return fits(reasoning.reasoning_text.text, reasoning.reasoning_text.signature or "")
    return reasoning.redacted_content is not None and is_sealed(reasoning.redacted_content)


def _turn(message: _Message) -> Turn:
    calls = tuple(block.tool_use.tool_use_id for block in message.content if block.tool_use)
    return Turn(message.role, calls, tuple(block.tool_result.tool_use_id for block in message.content if block.tool_result))


def _prompt(request: _Request) -> Prompt:
    prompt = Prompt()
    for tool in request.offered:
        _mark(prompt, tool.cache_point)
    _add(prompt, request.system)
    for message in request.messages:
        if message.role == "assistant":
            prompt.model_turn()
        _add(prompt, message.content)
    return prompt


def _add(prompt: Prompt, blocks: Sequence[_Block]) -> None:
    for block in blocks:
        prompt.text(block.text)
        _attach(prompt, block)
        if block.tool_result is not None:
            prompt.tool_result()
            for content in block.tool_result.content:
                prompt.text(content.text, strings_in(decoded(content.json)))
                _attach(prompt, content)
        _mark(prompt, block.cache_point)


def _attach(prompt: Prompt, block: _Block | _ResultContent) -> None:
    prompt.attachment("image" if is_given(block.image) else None)
    prompt.attachment("document" if is_given(block.document) else None)


def _mark(prompt: Prompt, point: _CachePoint | None) -> None:
    if point is not None:
        prompt.mark(point.ttl)


def _last_words(request: _Request) -> str | None:
    """Return what the user says last; None if the last message is not the user's, or hands back a tool's result."""
    last = request.messages[-1]
    if last.role != "user" or any(block.tool_result for block in last.content):
        return None
    return "".join(block.text or "" for block in last.content)


def _tools(request: _Request, said: str | None) -> tuple[Tool, ...]:
    specs = [tool.tool_spec for tool in request.offered if tool.tool_spec]
    offered = tuple(Tool(spec.name, decoded(spec.input_schema.json)) for spec in specs)
    choice = (request.tool_config.tool_choice if request.tool_config else None) or _Choice()
    if choice.tool is not None:
        return tools_to_use(offered, f"={choice.tool.name}", said)
    return tools_to_use(offered, "any" if is_given(choice.any) else "auto", said)


def _schema(request: _Request) -> Json:
    wanted = request.output_config.text_format
    if wanted is None or wanted.structure.json_schema is None:
        return None
    schema: Json = msgspec.json.decode(wanted.structure.json_schema.schema)
    return schema
