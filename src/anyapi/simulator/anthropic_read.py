"""Reads requests for Anthropic messages: what decides about the answer, and what the provider would refuse. Writes nothing.

Source: the API reference of Anthropic (messages, system messages between them, extended thinking, prompt caching, tool use), as of 2026.
"""

from collections.abc import Mapping

import msgspec

from anyapi.simulator.call import REDACT, Call, Rejected, Tool, tools_to_use
from anyapi.simulator.jsontype import NULL, decoded, is_given
from anyapi.simulator.pairing import Turn, pairing_problem
from anyapi.simulator.prompt import Prompt
from anyapi.simulator.seal import fits, is_sealed
from anyapi.simulator.wire import GatewayFields, unreadable

_SERVER_TOOLS = ("web_search", "web_fetch", "code_execution", "tool_search", "mcp_toolset")
"""Tools that Anthropic runs itself; the answer never calls them."""


class _CacheControl(msgspec.Struct):
    type: str = "ephemeral"
    ttl: str | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    content: msgspec.Raw = NULL
    id: str = ""
    tool_use_id: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    cache_control: _CacheControl | None = None

    @property
    def inner(self) -> "str | list[_Block]":
        """What a tool's result holds."""
        return _read_content(self.content) if self.type == "tool_result" and is_given(self.content) else ""


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Block]

    @property
    def blocks(self) -> list[_Block]:
        """The content as blocks."""
        return self.content if isinstance(self.content, list) else [_Block("text", self.content)]


class _Tool(msgspec.Struct):
    name: str = ""
    type: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw(b"{}")
    cache_control: _CacheControl | None = None


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool = False


class _Thinking(msgspec.Struct):
    type: str
    display: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _OutputConfig(msgspec.Struct):
    format: _Format | None = None


class _Request(GatewayFields, kw_only=True):
    model: str
    messages: list[_Message]
    max_tokens: int | None = None
    system: str | list[_Block] | None = None
    stream: bool = False
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    cache_control: _CacheControl | None = None
    output_format: _Format | None = None
    output_config: _OutputConfig | None = None

    @property
    def turns(self) -> list[_Message]:
        """What user and model say."""
        return [message for message in self.messages if message.role != "system"]

    @property
    def thinks(self) -> bool:
        """Whether thinking is on, in either way."""
        return self.thinking is not None and self.thinking.type != "disabled"


_read = msgspec.json.Decoder(_Request).decode
_read_content = msgspec.json.Decoder(str | list[_Block]).decode


def read_request(body: bytes, headers: Mapping[str, str]) -> Call:
    """Understand a request; `Rejected` 400 when it is not one, or the `anthropic-version` header is missing."""
    if "anthropic-version" not in headers:
        raise Rejected(400, "anthropic-version: header is required.")
    try:
        request = _read(body)
        _check(request)
        prompt, said = _prompt(request), _last_words(request)
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None
    wanted = request.output_format or (request.output_config.format if request.output_config else None)
    return Call(
        model=request.model,
        prompt_bytes=prompt.size,
        parts=prompt.parts,
        cache=prompt.explicit,
        stream=request.stream,
        include_usage=True,
        uses=_tools(request, said),
        schema=decoded(wanted.schema) if wanted else None,
        max_tokens=request.max_tokens,
        stops=tuple(request.stop_sequences or ()),
        reasoning=request.thinks,
        hide_reasoning=request.thinking is not None and request.thinking.display == "omitted",
        seal_reasoning=REDACT in (said or ""),
        store=request.store_value,
        leaked=request.leaked,
    )


def _check(request: _Request) -> None:
    if not request.messages:
        raise Rejected(400, "messages: at least one message is required.")
    _check_roles(request.messages)
    problem = pairing_problem([_turn(message) for message in request.turns])
    if problem is not None:
        raise Rejected(400, f"messages: {problem}")
    for place, message in enumerate(request.messages):
        for number, block in enumerate(message.blocks):
            _check_thinking(block, f"messages.{place}.content.{number}")
    _check_order(request)


def _check_roles(messages: list[_Message]) -> None:
    """A system message may stand right behind a user's, where it changes nothing of what is in the cache."""
    before = ""
    for place, message in enumerate(messages):
        if message.role not in {"user", "assistant", "system"}:
            raise Rejected(400, f"messages.{place}: role must be user, assistant or system.")
        if message.role == "system" and before != "user":
            raise Rejected(400, f"messages.{place}: a system message must follow a user message.")
        before = message.role


def _turn(message: _Message) -> Turn:
    calls = tuple(block.id for block in message.blocks if block.type == "tool_use")
    return Turn(message.role, calls, tuple(block.tool_use_id for block in message.blocks if block.type == "tool_result"))


def _check_thinking(block: _Block, where: str) -> None:
    if block.type == "thinking" and not fits(block.thinking, block.signature):
        raise Rejected(400, f"{where}: Invalid `signature` in `thinking` block")
    if block.type == "redacted_thinking" and not is_sealed(block.data):
        raise Rejected(400, f"{where}: Invalid `data` in `redacted_thinking` block")


def _check_order(request: _Request) -> None:
    """With thinking switched on by hand, the message whose tools are being answered has to begin with its thinking."""
    answers = any(block.type == "tool_result" for block in request.turns[-1].blocks)
    if request.thinking is None or request.thinking.type != "enabled" or not answers:
        return
    called = next((message for message in reversed(request.messages) if message.role == "assistant"), None)
    if called is not None and called.blocks and called.blocks[0].type not in {"thinking", "redacted_thinking"}:
        raise Rejected(400, "messages: Expected `thinking` or `redacted_thinking` first in the final assistant message.")


def _prompt(request: _Request) -> Prompt:
    prompt = Prompt()
    for tool in request.tools or ():
        _mark(prompt, tool.cache_control)
    _add(prompt, request.system or "")
    for message in request.messages:
        if message.role == "assistant":
            prompt.model_turn()
        _add(prompt, message.content)
    _mark(prompt, request.cache_control)
    return prompt


def _add(prompt: Prompt, content: str | list[_Block]) -> None:
    if isinstance(content, str):
        prompt.text(content)
        return
    for block in content:
        prompt.text(block.text)
        prompt.attachment(block.type)
        if block.type == "tool_result":
            prompt.tool_result()
            _add(prompt, block.inner)
        _mark(prompt, block.cache_control)


def _mark(prompt: Prompt, control: _CacheControl | None) -> None:
    if control is not None:
        prompt.mark(control.ttl)


def _last_words(request: _Request) -> str | None:
    """Return what the user says last; None if the last message is not the user's, or hands back a tool's result."""
    last = request.turns[-1]
    if last.role != "user" or any(block.type == "tool_result" for block in last.blocks):
        return None
    return "".join(block.text or "" for block in last.blocks)


def _tools(request: _Request, said: str | None) -> tuple[Tool, ...]:
    offered = tuple(
        Tool(tool.name, decoded(tool.input_schema)) for tool in request.tools or () if not (tool.type or "").startswith(_SERVER_TOOLS)
    )
    wanted = request.tool_choice or _ToolChoice("auto")
    choice = f"={wanted.name}" if wanted.type == "tool" else wanted.type
    return tools_to_use(offered, choice, said, parallel=not wanted.disable_parallel_tool_use)
