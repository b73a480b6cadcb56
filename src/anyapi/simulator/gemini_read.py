"""Reads requests for Gemini's generateContent. Unlike the other formats, Google refuses fields it does not know, and so does this.

Names of fields are taken in snake case too, as Google takes them: its own SDK writes some so.

Source: the API references of Google (Gemini API and Vertex AI: generateContent, function calling, thinking), as of 2026.
"""

import base64
from collections.abc import Iterator

import msgspec

from anyapi.simulator.call import POLICY_FIELDS, Call, Rejected, Tool, tools_to_use
from anyapi.simulator.jsontype import NULL, Json, decoded, is_given
from anyapi.simulator.prompt import Prompt, strings_in
from anyapi.simulator.seal import is_sealed
from anyapi.simulator.wire import GatewayFields, Target, unreadable

_UNSIGNED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_ACCEPTED = {*_UNSIGNED, *(base64.b64encode(word.encode()).decode() for word in _UNSIGNED)}
"""What Google documents as a signature for calls that another model made, as it is or in base64."""
_FREE = frozenset({"args", "response", "responseSchema", "responseJsonSchema", "parameters", "parametersJsonSchema", "labels"})
"""Fields whose value has names of its own."""


class _Blob(msgspec.Struct, rename="camel"):
    mime_type: str = ""

    @property
    def kind(self) -> str:
        """`image`, or `document` for everything else."""
        return "image" if self.mime_type.startswith("image/") else "document"


class _Result(msgspec.Struct):
    response: msgspec.Raw = msgspec.Raw(b"{}")


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    inline_data: _Blob | None = None
    file_data: _Blob | None = None
    function_call: msgspec.Raw = NULL
    function_response: _Result | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] = []
    role: str | None = None


class _Declaration(msgspec.Struct, rename="camel"):
    name: str
    parameters: msgspec.Raw = NULL
    parameters_json_schema: msgspec.Raw = NULL


class _Tools(msgspec.Struct, rename="camel"):
    function_declarations: list[_Declaration] = []


class _Calling(msgspec.Struct, rename="camel", frozen=True):
    mode: str = "AUTO"
    allowed_function_names: list[str] = []


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _Calling = _Calling()


class _Thinking(msgspec.Struct, rename="camel"):
    include_thoughts: bool = False
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Generation(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    candidate_count: int | None = None
    response_mime_type: str | None = None
    response_schema: msgspec.Raw = NULL
    response_json_schema: msgspec.Raw = NULL
    response_logprobs: bool = False
    logprobs: int | None = None
    thinking_config: _Thinking | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_modalities: list[str] | None = None
    media_resolution: str | None = None
    speech_config: msgspec.Raw = NULL
    image_config: msgspec.Raw = NULL
    audio_timestamp: bool | None = None
    response_format: msgspec.Raw = NULL
    model_selection_config: msgspec.Raw = NULL
    routing_config: msgspec.Raw = NULL
    enable_affective_dialog: bool | None = None
    enable_enhanced_civic_answers: bool | None = None


class _Request(GatewayFields, kw_only=True, rename="camel", forbid_unknown_fields=True):
    contents: list[_Content]
    model: str | None = None
    system_instruction: _Content | None = None
    tools: list[_Tools] = []
    tool_config: _ToolConfig | None = None
    generation_config: _Generation | None = None
    safety_settings: msgspec.Raw = NULL
    cached_content: str | None = None
    labels: msgspec.Raw = NULL
    service_tier: str | None = None


class _Count(msgspec.Struct, rename="camel"):
    generate_content_request: _Request | None = None


_read = msgspec.json.Decoder(_Request).decode
_read_count = msgspec.json.Decoder(_Count).decode


def read_request(body: bytes, target: Target) -> Call:
    """Understand a request; `Rejected` 400 when it is not one."""
    try:
        body = msgspec.json.encode(_in_camel_case(decoded(msgspec.Raw(body))))
        wrapped = _read_count(body).generate_content_request if target.count else None
        request = wrapped or _read(body)
        _check(request)
        return _call(request, target)
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None


def _call(request: _Request, target: Target) -> Call:
    prompt = _prompt(request)
    config = request.generation_config or _Generation()
    thinking = config.thinking_config or _Thinking(thinking_budget=0)
    return Call(
        model=target.model or "",
        prompt_bytes=prompt.size,
        parts=prompt.parts,
        cache=prompt.implicit,
        stream=target.stream,
        include_usage=True,
        uses=_tools(request),
        schema=decoded(_first(config.response_json_schema, config.response_schema)),
        json_object=config.response_mime_type == "application/json",
        max_tokens=config.max_output_tokens,
        stops=tuple(config.stop_sequences or ()),
        choices=config.candidate_count or 1,
        logprobs=(config.logprobs or 0) if config.response_logprobs else None,
        reasoning=thinking.thinking_budget != 0,
        hide_reasoning=not thinking.include_thoughts,
        store=request.store_value,
        leaked=request.leaked,
    )


def _in_camel_case(value: Json) -> Json:
    if isinstance(value, list):
        return [_in_camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {name if name in POLICY_FIELDS else _camel(name): item for name, item in value.items()}
    return {name: item if name in _FREE else _in_camel_case(item) for name, item in named.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def _check(request: _Request) -> None:
    if not request.contents:
        raise Rejected(400, "contents must hold at least one content.")
    if request.cached_content is not None:
        raise Rejected(403, "The cached content was not found: nothing is kept here.")
    config = request.generation_config or _Generation()
    if config.candidate_count is not None and not 1 <= config.candidate_count <= 8:
        raise Rejected(400, "candidateCount must be between 1 and 8.")
    for place, content in enumerate(request.contents):
        _check_content(content, f"contents[{place}]")
    _check_calls(request.contents)


def _check_content(content: _Content, where: str) -> None:
    if content.role not in {None, "user", "model", "function"}:
        raise Rejected(400, "Please use a valid role: user, model.")
    if not content.parts:
        raise Rejected(400, f"{where}.parts must not be empty.")
    marks = [part.thought_signature for part in content.parts if part.thought_signature is not None]
    if not all(is_sealed(mark) or mark in _ACCEPTED for mark in marks):
        raise Rejected(400, f"{where}: Thought signature is not valid.")


def _check_calls(contents: list[_Content]) -> None:
    """A turn that calls functions is followed by one with as many responses."""
    wanted = 0
    for content in contents:
        given = sum(part.function_response is not None for part in content.parts)
        if given != wanted:
            message = "the number of function response parts is equal to the number of function call parts of the function call turn."
            raise Rejected(400, f"Please ensure that {message}")
        wanted = sum(is_given(part.function_call) for part in content.parts)


def _prompt(request: _Request) -> Prompt:
    prompt = Prompt()
    for part in request.system_instruction.parts if request.system_instruction else ():
        prompt.text(part.text)
    for content in request.contents:
        if content.role == "model":
            prompt.model_turn()
        for part in content.parts:
            _add(prompt, part)
    return prompt


def _add(prompt: Prompt, part: _Part) -> None:
    if not part.thought:
        prompt.text(part.text)
    for blob in (part.inline_data, part.file_data):
        prompt.attachment(blob.kind if blob else None)
    if part.function_response is not None:
        prompt.tool_result()
        prompt.text(strings_in(decoded(part.function_response.response)))


def _tools(request: _Request) -> tuple[Tool, ...]:
    calling = request.tool_config.function_calling_config if request.tool_config else _Calling()
    mode, allowed = calling.mode.lower(), calling.allowed_function_names
    offered = tuple(tool for tool in _offered(request) if not allowed or tool.name in allowed)
    last = request.contents[-1]
    answers = any(part.function_response is not None for part in last.parts)
    said = "".join(part.text or "" for part in last.parts) if last.role in {None, "user"} and not answers else None
    return tools_to_use(offered, mode, said)


def _offered(request: _Request) -> Iterator[Tool]:
    for tools in request.tools:
        for declared in tools.function_declarations:
            yield Tool(declared.name, decoded(_first(declared.parameters_json_schema, declared.parameters)) or {})


def _first(*fields: msgspec.Raw) -> msgspec.Raw:
    return next((field for field in fields if is_given(field)), NULL)
