"""The `tools`, `tool_choice` and `parallel_tool_calls` of OpenAI's Responses API as those of a chat completion request.

A custom tool becomes a function with one string, `input`, because that is what every provider knows; its grammar goes into the
description and is not enforced. The tools of a namespace become functions whose names carry it. `names` tells the way back.
What runs at the provider (files, code, MCP, ...) has no counterpart here and is refused by name. Web search is left out and named where the
model may choose among other tools, because agents offer it unasked; where it is all there is, or a tool must be called, it is refused.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.reading import Object

SEARCHES = frozenset({"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"})
"""Tools that OpenAI runs, which a model can do without when it has others."""

HOSTED = frozenset(
    {
        "file_search", "code_interpreter", "mcp", "image_generation", "computer", "computer_use", "computer_use_preview", "local_shell",
        "shell", "apply_patch", "tool_search", "programmatic_tool_calling",
    }
)  # fmt: skip
"""Tools that OpenAI runs, or that only its own models know how to use."""

CHOICES = frozenset({"auto", "none", "required"})
HINTS = ("defer_loading", "output_schema", "async", "allowed_callers")
"""Fields of a tool that chat completions do not have, and that change how it is loaded, not what it is."""


class Name(msgspec.Struct, frozen=True):
    """What a tool is to the client."""

    name: str
    namespace: str | None = None
    custom: bool = False


class Tools(msgspec.Struct):
    """The three fields for the chat request, None where they are not sent, and what the answer must know."""

    tools: list[Object] | None = None
    choice: object | None = None
    parallel: bool | None = None
    names: dict[str, Name] = {}
    """By the name that the model sees: every tool whose calls are not plain function calls of that name."""
    echo_tools: list[Object] = []
    """The tools as a response object states them."""
    echo_choice: object = "auto"


def joined(namespace: object, name: str) -> str:
    """The name under which the model sees a tool of a namespace (None: of none)."""
    if not isinstance(namespace, str) or not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"


def translate(tools: object, choice: object, parallel: object, notes: Adjustments) -> Tools:
    """Translate the three decoded fields (None: absent). `BadRequest` names a tool that cannot be offered."""
    found = _Tools(notes)
    for number, item in enumerate([] if tools is None else reading.sequence(tools, "tools")):
        found.offer(reading.mapping(item, f"tools[{number}]"), f"tools[{number}]")
    made = Tools(names=found.names, echo_tools=found.echo)
    made.echo_choice, asked, allowed = _choice(choice)
    found.leave_out_searches(asked)
    if parallel is not None:
        made.parallel = reading.flag(parallel, "parallel_tool_calls")
    if allowed is not None:
        notes.note("tool_choice")  # the others are not shown at all, instead of being shown and forbidden
        found.made = {name: tool for name, tool in found.made.items() if name in allowed}
    if found.made:
        made.tools, made.choice = list(found.made.values()), asked
    elif asked not in (None, "auto", "none"):
        raise BadRequest("`tool_choice` asks for a tool, but `tools` holds none that may be called.", "tool_choice")
    else:
        made.parallel = None
    if isinstance(asked, dict) and asked["function"]["name"] not in found.made:
        raise BadRequest("`tool_choice` names a tool that is not in `tools`.", "tool_choice")
    return made


class _Tools:
    """Collects tools under the names that the model will see."""

    __slots__ = ("_notes", "_searches", "echo", "made", "names")

    def __init__(self, notes: Adjustments) -> None:
        self._notes = notes
        self.made: dict[str, Object] = {}
        self.names: dict[str, Name] = {}
        self.echo: list[Object] = []
        self._searches: list[tuple[str, str]] = []
        """Where a tool of `SEARCHES` stands, and which."""

    def offer(self, tool: Object, where: str) -> None:
        """Take one tool of the request."""
        kind = tool.get("type")
        if isinstance(kind, str) and kind in SEARCHES:
            self._searches.append((where, kind))
        else:
            self.echo.append(self.add(tool, where))

    def leave_out_searches(self, asked: object) -> None:
        """Name web searches that were left out. Raises `BadRequest` where the model has nothing else, or must call something."""
        for where, kind in self._searches:
            if not self.made or asked not in (None, "auto", "none"):
                raise _hosted(kind, where)
            self._notes.note("tools.web_search")

    def add(self, tool: Object, where: str, namespace: str | None = None) -> Object:
        """Take one tool and return its echo."""
        kind = tool.get("type")
        for hint in HINTS:
            if tool.get(hint) not in (None, False, [], ["direct"]):
                self._notes.note(f"tools.{hint}")
        if kind == "function":
            return self._function(tool, where, namespace)
        if kind == "custom":
            return self._custom(tool, where, namespace)
        if kind == "namespace" and namespace is None:
            return self._namespace(tool, where)
        if isinstance(kind, str) and kind in HOSTED | SEARCHES:
            raise _hosted(kind, where)
        raise BadRequest(f"`{where}.type` must be function, custom or namespace for this model.", f"{where}.type")

    def _function(self, tool: Object, where: str, namespace: str | None) -> Object:
        name = reading.text(tool.get("name"), f"{where}.name")
        function: Object = {"name": joined(namespace, name)}
        described = _optional_text(tool, "description", where)
        parameters = tool.get("parameters")
        strict = tool.get("strict")
        if described is not None:
            function["description"] = described
        if parameters is not None:
            function["parameters"] = reading.mapping(parameters, f"{where}.parameters")
        if strict is not None:
            function["strict"] = reading.flag(strict, f"{where}.strict")
        self._take(function, where)
        if namespace is not None:
            self.names[joined(namespace, name)] = Name(name, namespace)
        return {"type": "function", "name": name, "description": described, "parameters": parameters, "strict": strict}

    def _custom(self, tool: Object, where: str, namespace: str | None) -> Object:
        name = reading.text(tool.get("name"), f"{where}.name")
        described = _optional_text(tool, "description", where)
        echo: Object = {"type": "custom", "name": name}
        if described is not None:
            echo["description"] = described
        said = [described] if described else []
        form = self._grammar(tool.get("format"), f"{where}.format")
        if form is not None:
            echo["format"] = form
            said.append(f"The input must match this {form['syntax']} grammar:\n{form['definition']}")
        function: Object = {"name": joined(namespace, name)}
        if said:
            function["description"] = "\n\n".join(said)
        function["parameters"] = {
            "type": "object",
            "properties": {"input": {"type": "string", "description": "The whole input of the tool, as it is, without any wrapping."}},
            "required": ["input"],
            "additionalProperties": False,
        }
        self._take(function, where)
        self.names[joined(namespace, name)] = Name(name, namespace, custom=True)
        return echo

    def _grammar(self, value: object, where: str) -> Object | None:
        """The grammar of a custom tool; None where it takes any text."""
        if value is None:
            return None
        form = reading.mapping(value, where)
        if form.get("type") == "text":
            return None
        if form.get("type") != "grammar" or form.get("syntax") not in ("lark", "regex"):
            raise BadRequest(f"`{where}` must be text, or a grammar whose syntax is lark or regex.", where)
        self._notes.note("tools.format")
        return {
            "type": "grammar",
            "syntax": form["syntax"],
            "definition": reading.text(form.get("definition"), f"{where}.definition"),
        }

    def _namespace(self, tool: Object, where: str) -> Object:
        name = reading.text(tool.get("name"), f"{where}.name")
        described = reading.text(tool.get("description"), f"{where}.description")
        if described:
            self._notes.note("tools.namespace.description")
        inner = []
        for number, item in enumerate(reading.sequence(tool.get("tools"), f"{where}.tools")):
            at = f"{where}.tools[{number}]"
            inner.append(self.add(reading.mapping(item, at), at, name))
        return {"type": "namespace", "name": name, "description": described, "tools": inner}

    def _take(self, function: Object, where: str) -> None:
        name = reading.text(function["name"], f"{where}.name")
        if name in self.made:
            raise BadRequest(f"`{where}.name` is the name of another tool too.", f"{where}.name")
        self.made[name] = {"type": "function", "function": function}


def _hosted(kind: str, where: str) -> BadRequest:
    return BadRequest(f"`{where}`: the tool {kind} runs at OpenAI or needs its models. Leave it out for this model.", where)


def _choice(value: object) -> tuple[object, object | None, frozenset[str] | None]:
    """The echo, the chat request's `tool_choice`, and the tools that may be called at all (None: every one)."""
    if value is None:
        return "auto", None, None
    if isinstance(value, str):
        if value not in CHOICES:
            raise BadRequest("`tool_choice` must be auto, none, required, or an object that names a tool.", "tool_choice")
        return value, value, None
    asked = reading.mapping(value, "tool_choice")
    kind = asked.get("type")
    if kind in ("function", "custom"):
        echo, seen = _named(asked, "tool_choice")
        return echo, {"type": "function", "function": {"name": seen}}, None
    if kind == "allowed_tools":
        mode = asked.get("mode", "auto")
        if mode not in ("auto", "required"):
            raise BadRequest("`tool_choice.mode` must be auto or required.", "tool_choice.mode")
        listed = reading.sequence(asked.get("tools"), "tool_choice.tools")
        found = [_named(reading.mapping(item, f"tool_choice.tools[{at}]"), f"tool_choice.tools[{at}]") for at, item in enumerate(listed)]
        echo = {"type": "allowed_tools", "mode": mode, "tools": [named for named, _ in found]}
        return echo, mode, frozenset(seen for _, seen in found)
    raise BadRequest("`tool_choice.type` must be function, custom or allowed_tools for this model.", "tool_choice.type")


def _named(asked: Mapping[str, object], where: str) -> tuple[Object, str]:
    """A named tool's echo, and the name that the model sees."""
    kind = asked.get("type")
    if kind not in ("function", "custom"):
        raise BadRequest(f"`{where}.type` must be function or custom for this model.", f"{where}.type")
    name = reading.text(asked.get("name"), f"{where}.name")
    return {"type": kind, "name": name}, joined(asked.get("namespace"), name)


def _optional_text(tool: Object, name: str, where: str) -> str | None:
    value = tool.get(name)
    return None if value is None else reading.text(value, f"{where}.{name}")
