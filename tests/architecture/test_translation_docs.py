"""The lists of docs/translation.md against the tables of the code, both ways: a name on one side alone fails.

What has no table in the code (prose, rules) cannot be checked, but every name that a translator gives to `X-AnyAPI-Adjusted` has to
stand in its section.
"""

import ast
import json
import re

import pytest
from tests.architecture.source import ROOT, modules, none

from anyapi.domain.catalogue import Auth, ProviderApi
from anyapi.domain.decision import OutcomeKind
from anyapi.gateway.formats import anthropic_count, anthropic_errors, anthropic_messages
from anyapi.gateway.formats import openai_responses as responses_request
from anyapi.upstream import adapters, bedrock_errors, classify_gemini, cohere, readdressed, refusal, responses_passthrough
from anyapi.upstream.adapter import Dialect
from anyapi.upstream.translate import (
    anthropic_messages_to_openai_chat,
    anthropic_tools_to_openai_tools,
    bedrock_wire,
    gemini_to_openai_chat,
    hub_target,
    openai_chat_to_anthropic,
    openai_chat_to_anthropic_messages,
    openai_chat_to_bedrock,
    openai_chat_to_gemini,
    openai_embeddings_to_gemini,
    openai_fields_to_bedrock,
    openai_parts_to_bedrock,
    openai_parts_to_gemini,
    openai_reasoning_to_anthropic,
    openai_reasoning_to_bedrock,
    openai_reasoning_to_gemini,
    openai_responses_input_to_openai_chat,
    openai_responses_to_openai_chat,
    openai_responses_tools_to_openai_chat,
    openai_responses_wire,
)

READDRESSED = (readdressed.ClaudeAtVertex, readdressed.OpenAIAtVertex, readdressed.AzureDated)
PAGE = (ROOT / "docs/translation.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")
ANTHROPIC, MESSAGES, RESPONSES = "Chat completions at Anthropic", "Anthropic messages from a client", "OpenAI responses from a client"
EMBEDDINGS, GEMINI, BEDROCK, COHERE = (
    "Embeddings at Gemini",
    "Chat completions at Gemini (AI Studio and Vertex)",
    "Chat completions at Amazon Bedrock",
    "Chat completions at Cohere",
)


def section(heading, page=PAGE):
    """What stands under a heading, up to the next of its level or above."""
    lines = page.splitlines()
    starts = [at for at, line in enumerate(lines) if line.lstrip("#") == f" {heading}"]
    assert len(starts) == 1, f"{len(starts)} headings {heading!r}"
    level = len(lines[starts[0]]) - len(lines[starts[0]].lstrip("#"))
    rest = lines[starts[0] + 1 :]
    end = next((at for at, line in enumerate(rest) if re.match(rf"#{{1,{level}}} ", line)), len(rest))
    return "\n".join(rest[:end])


def listed(text, label):
    """The names in the one paragraph that begins with a label in bold: in its first sentence, behind the colon, outside brackets."""
    found = [part.lstrip() for part in re.split(r"\n\s*\n", text) if part.lstrip().startswith(f"**{label}**")]
    assert len(found) == 1, f"{len(found)} paragraphs **{label}**"
    sentence = re.split(r"\.(?:\s|$)", found[0], maxsplit=1)[0]
    names = CODE.findall(re.sub(r"\([^()]*\)", "", sentence).partition(":")[2])
    assert len(names) == len(set(names)), f"a name twice in {label}"
    return set(names)


def table(text, head):
    """The rows, as cells, of the one table whose first column has this head."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith(f"| {head} |")]
    assert len(starts) == 1, f"{len(starts)} tables of {head}"
    found = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def column(text, head):
    """All names in code of a table's first column, each once."""
    names = [name for row in table(text, head) for name in CODE.findall(row[0])]
    assert len(names) == len(set(names)), f"a name twice in the table of {head}"
    return set(names)


def pairs(text, head):
    """What the second column says of each name in the first."""
    return {name: row[1] for row in table(text, head) for name in CODE.findall(row[0])}


CHATS = {
    ANTHROPIC: (openai_chat_to_anthropic.TRANSLATED, openai_chat_to_anthropic.REFUSED, openai_chat_to_anthropic.LEFT_OUT),
    GEMINI: (openai_chat_to_gemini.TRANSLATED, openai_chat_to_gemini.RULES.refused, openai_chat_to_gemini.LEFT_OUT),
    BEDROCK: (openai_fields_to_bedrock.TRANSLATED, openai_fields_to_bedrock.REFUSED, openai_fields_to_bedrock.LEFT_OUT),
    COHERE: (cohere.RULES.translated, cohere.RULES.refused, cohere.RULES.left_out),
}


def test_formats_at_other_addresses():
    assert column(section("Formats at other addresses"), "protocol") == {
        protocol
        for protocol in adapters.SERVED_PROTOCOLS
        if isinstance(adapters.adapter_for(Dialect.CHAT_COMPLETIONS, ProviderApi("", protocol, Auth.NONE)), READDRESSED)
    }


@pytest.mark.parametrize("name", CHATS)
def test_fields_of_a_chat(name):
    translated, refused, left_out = CHATS[name]
    text = section(name)
    assert column(text, "field") == translated
    assert listed(text, "Refused") == set(refused)
    assert listed(text, "Left out, adjusted") == left_out


@pytest.mark.parametrize("name", CHATS)
def test_values_that_ask_for_nothing(name):
    refused = CHATS[name][1]
    said = re.search(r"^\*\*Refused\*\*.*?\n\n", section(name), re.MULTILINE | re.DOTALL)[0].partition(":")[2]
    values = {one: json.loads(value) for one, value in re.findall(r"`(\w+)`\s\(`?([^()`]+)`?\)", said)}
    samples = (None, 0, 1, False, True, {}, [], ["text"], "x")
    assert values.keys() == {one for one, (asks_nothing, _why) in refused.items() if any(map(asks_nothing, samples))}
    assert [one for one, value in values.items() if not refused[one][0](value)] == []


def test_fields_of_a_message():
    text, code = section(MESSAGES), anthropic_messages_to_openai_chat
    assert column(text, "field") == code.TRANSLATED
    assert listed(text, "Refused") == set(code.REFUSED)
    assert listed(text, "Left out, adjusted") == code.LEFT_OUT
    assert column(text, "extension") == hub_target.EXTENSIONS


def test_tools_of_a_message():
    text, code = section(MESSAGES), anthropic_tools_to_openai_tools
    assert listed(text, "Tools refused") == {*code.SERVER_TOOLS, *code.TRAINED_TOOLS}
    assert listed(text, "Left out of tools, adjusted") == set(code.LEFT_OUT)
    assert listed(text, "Tools that may be asked for") == {*anthropic_messages.KNOWN_TOOLS, "custom"}


def test_fields_of_a_response():
    text, code = section(RESPONSES), openai_responses_to_openai_chat
    everywhere, besides = listed(text, "Refused"), listed(text, "Refused besides")
    assert column(text, "field") == {*code.TRANSLATED, *code.CARRIED}
    assert everywhere == set(responses_request.STATEFUL)
    assert besides == code.REFUSED.keys() - everywhere
    assert everywhere <= code.REFUSED.keys()
    assert listed(text, "Left out, adjusted") == code.LEFT_OUT


def test_tools_and_items_of_a_response():
    text, code = section(RESPONSES), openai_responses_tools_to_openai_chat
    assert listed(text, "Tools refused") == responses_request.REFUSED_TOOLS.keys()
    assert listed(text, "Tools refused by way of chat") == code.HOSTED
    assert listed(text, "Tools left out, adjusted") == code.SEARCHES
    assert listed(text, "Left out of tools, adjusted") == set(code.HINTS)
    assert listed(text, "Items refused") == openai_responses_input_to_openai_chat.HOSTED


def test_fields_of_embeddings_at_gemini():
    text, code = section(EMBEDDINGS), openai_embeddings_to_gemini
    assert column(text, "field") == code.TRANSLATED
    assert listed(text, "Left out, adjusted") == code.LEFT_OUT
    assert f"at most {code.MOST_INPUTS};" in text


def test_beta_names_and_formats_at_bedrock():
    text = section(BEDROCK)
    assert listed(text, "Beta names sent") == openai_chat_to_bedrock.BETAS
    formats = re.search(r"^Formats:.*?\n\n", text, re.MULTILINE | re.DOTALL)[0]
    assert set(CODE.findall(formats)) == {*openai_parts_to_bedrock.DOCUMENTS.values(), *openai_parts_to_bedrock.AUDIO}


def test_media_types_at_gemini():
    said = re.search(r"^Media types by suffix.*?\n\n", section(GEMINI), re.MULTILINE | re.DOTALL)[0]
    code = openai_parts_to_gemini
    assert set(CODE.findall(said)) - {"format"} == {*code.IMAGES, *code.DOCUMENTS, *code.AUDIO}


# --- how an answer ends


def test_finish_reasons_of_a_message():
    said, code = pairs(section(MESSAGES), "finish_reason"), openai_chat_to_anthropic_messages.STOP
    assert said.keys() == code.keys()
    assert {name: CODE.findall(text)[0] for name, text in said.items()} == code


def test_finish_reasons_of_a_response():
    said = pairs(section(RESPONSES), "finish_reason")
    assert said.keys() == openai_responses_wire.ENDINGS.keys()
    for name, ending in openai_responses_wire.ENDINGS.items():
        status, reason = CODE.findall(said[name])
        assert (status, f'{{"reason":"{reason}"}}'.encode()) == (ending.status, ending.incomplete)


@pytest.mark.parametrize(
    ("name", "head", "finish", "broken"),
    [
        (GEMINI, "finishReason", gemini_to_openai_chat.FINISH, gemini_to_openai_chat.BROKEN),
        (BEDROCK, "stopReason", bedrock_wire.FINISH, bedrock_wire.MALFORMED),
        (COHERE, "finish_reason", cohere.FINISH, cohere.FAILED.keys()),
    ],
)
def test_finish_reasons_of_providers(name, head, finish, broken):
    said = pairs(section(name), head)
    assert said.keys() == finish.keys() | broken
    assert {one for one, text in said.items() if text.startswith("no answer")} == broken
    assert [one for one, meant in finish.items() if meant not in CODE.findall(said[one])] == []


# --- reasoning


def test_reasoning_at_anthropic():
    said = {CODE.findall(row[0])[0]: row[1] for row in table(section("Reasoning"), "asked")}
    budgets = openai_reasoning_to_anthropic.BUDGETS
    assert {name: int(said[name].replace(",", "")) for name in budgets} == budgets
    assert said.keys() == {"none", "reasoning.max_tokens", *budgets}


def test_reasoning_at_gemini():
    rows, code = {CODE.findall(row[0])[0]: row for row in table(section("Reasoning at Gemini"), "asked")}, openai_reasoning_to_gemini
    assert rows.keys() == {"none", *code.BUDGETS}
    assert {name: rows[name][1] for name in code.BUDGETS} == {name: str(tokens) for name, tokens in code.BUDGETS.items()}
    assert {name: CODE.findall(rows[name][2])[0] for name in code.LEVELS} == code.LEVELS
    assert {name for name in code.LEVELS if rows[name][2].endswith("**adjusted**")} == code.LEVELS.keys() - code.EXACT | {"minimal"}


def test_reasoning_at_bedrock():
    code = openai_reasoning_to_bedrock
    said = {row[0]: row[2] for row in table(section("Reasoning at Bedrock"), "model")}
    for model, stands_in in (("Nova", code.NOVA), ("gpt-oss", code.GPT_OSS), ("other OpenAI models", code.GPT)):
        assert dict(re.findall(r"`(\w+)` -> `(\w+)`", said[model].split(";")[0])) == stands_in


def test_reasoning_at_cohere():
    said = {CODE.findall(row[0])[0]: row[1] for row in table(section("Reasoning at Cohere"), "asked")}
    assert said.keys() == {"none", *openai_reasoning_to_gemini.BUDGETS}
    assert {name: int(text.split()[-1]) for name, text in said.items() if "budget` " in text} == cohere.BUDGETS


# --- errors


def outcomes(text, head):
    """The outcome that a table of errors gives to each name."""
    said = {name: re.split(r"[,;:]", text, maxsplit=1)[0] for name, text in pairs(text, head).items()}
    assert set(said.values()) <= {kind.value.replace("_", " ") for kind in OutcomeKind}
    return said


def spelled(codes):
    """A table of the code in the page's words."""
    return {name: kind.value.replace("_", " ") for name, kind in codes.items()}


def test_content_refusals():
    found = table(section("Content refusals that come as errors"), "a content refusal is")
    (codes,) = (row[0] for row in found if "code, type" in row[0])
    assert set(CODE.findall(codes)) - {"error_type"} == refusal.CODES
    (metadata,) = (row[0] for row in found if "`metadata`" in row[0])
    assert set(CODE.findall(metadata)) - {"metadata"} == set(refusal.MODERATED)
    words = {row[0]: re.findall(r'"([^"]+)"', row[0]) for row in found}
    beside = {code: tuple(words[cell]) for cell in words for code in CODE.findall(cell) if code in refusal.BEGINNINGS}
    assert {code: tuple(map(str.lower, said)) for code, said in beside.items()} == {
        code: tuple(text for text in said if text.isascii()) for code, said in refusal.BEGINNINGS.items()
    }
    alone = [text for cell, said in words.items() if not CODE.search(cell) for text in said]
    assert len(alone) == 5
    assert all(map(refusal.is_said, alone))


def test_errors_of_gemini():
    assert outcomes(section(GEMINI), "reason or status") == spelled({**classify_gemini.REASONS, **classify_gemini.STATUSES})


def test_errors_of_bedrock():
    text = section("Errors of Bedrock")
    assert outcomes(text, "type") == spelled(bedrock_errors.EXCEPTIONS)
    words = {word: re.split(r"[,;:]", row[1])[0] for row in table(text, "type") for word in re.findall(r'"([^"]+)"', row[0])}
    assert words == spelled(bedrock_errors.WORDS)


def test_errors_of_cohere():
    said = pairs(section("Errors of Cohere"), "status")
    assert said == {str(status): kind.value.replace("_", " ") for status, kind in cohere.STATUSES.items()}


def test_errors_of_responses():
    assert outcomes(section("Errors of responses"), "code") == spelled(responses_passthrough.CODES)


def test_errors_in_anthropics_envelope():
    rows = table(section("Errors in Anthropic's envelope"), "status")
    said = {int(status): CODE.findall(row[1])[0] for row in rows for status in re.findall(r"\d+", row[0]) if not row[0].startswith("other")}
    assert said == anthropic_errors.TYPES


def test_rates_of_the_token_count():
    said = [float(number) for row in table(section("Counting tokens"), "what") for number in re.findall(r"(?<![\w-])\d+(?:\.\d+)?", row[1])]
    code = anthropic_count
    rates = [code.ASCII_BYTES_A_TOKEN, code.TOKENS_A_WIDE_CHARACTER, code.TOKENS_A_BLOCK, code.TOKENS_WITH_TOOLS, code.TOKENS_AN_IMAGE]
    assert said == [*rates, code.TOKENS_A_PAGE, code.PDF_BASE64_A_PAGE]


# --- every name that a translator notes

PLACES = (
    (r"openai_embeddings_to_gemini", EMBEDDINGS),
    (r"(?!openai_embeddings)\w+_to_gemini", GEMINI),
    (r"\w+_to_bedrock", BEDROCK),
    (r"openai_(chat|messages|parts|tools|reasoning)_to_anthropic", ANTHROPIC),
    (r"anthropic_(messages|blocks|tools|turns|output)_to_\w+|hub_target", MESSAGES),
    (r"openai_responses_\w+", RESPONSES),
    (r"chat_reading", ANTHROPIC),
    (r"chat_reading|carried_reasoning|cohere", COHERE),
)
"""Which sections speak of a module that notes something: all that fit."""
ANYWHERE = {"chat_fields"}
"""Notes names of fields alone, for whichever section's translator."""


def noted():
    """Each literal handed to a `note(...)` in a translator, with its module's name; of an f-string the literal pieces.

    Of `note_held(..., names)` the values of the names, which stand there or in a constant of the module.
    """
    for module in modules():
        if not module.inside("upstream/translate") and module.dotted != cohere.__name__:
            continue
        for node in ast.walk(module.tree):
            for given in names_of(node, module.tree):
                for part in ast.walk(given):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield module.dotted.rpartition(".")[2], part.value


def names_of(node, tree):
    """What a call notes, as expressions; nothing for what is no such call."""
    called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    if called == "note":
        return node.args[:1]
    if called != "note_held":
        return []
    names = node.args[1]
    if isinstance(names, ast.Name):
        names = next(line.value for line in tree.body if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == names.id)
    return names.values


def says(word, name):
    """Whether a word in code is the name; of a piece of one, which ends in a dot or begins with one, whether it holds it."""
    return name in word if name.startswith(".") or name.endswith(".") else name == word


def missing(found, page=PAGE):
    """The noted names that their section does not say."""
    for module, name in found:
        if module in ANYWHERE:
            continue
        headings = [place for pattern, place in PLACES if re.fullmatch(pattern, module)]
        if not headings:
            yield f"{module}: no section speaks of it"
        for heading in headings:
            if not any(says(word, name) for word in CODE.findall(section(heading, page))):
                yield f"{module}: {name} is not in the section {heading!r}"


def test_every_noted_name_is_documented():
    found = list(noted())
    assert len(found) > 40
    assert {name for module, name in found if module == "cohere"} >= {"messages.name", "tools.function.strict", "tools"}
    none(list(missing(found)))


def test_a_drift_is_found():
    page = (
        f"## {BEDROCK}\n\n**Refused** unless `x`: `n` (1), `audio`. `x`\n\n| field | what |\n|---|---|\n| `a`, `b` | `c` |\n\n## Next\n`d`"
    )
    text = section(BEDROCK, page)
    assert listed(text, "Refused") == {"n", "audio"}
    assert column(text, "field") == {"a", "b"}
    assert pairs(text, "field") == {"a": "`c`", "b": "`c`"}
    assert list(
        missing([("openai_tools_to_bedrock", "d"), ("openai_tools_to_bedrock", "x"), ("new", "x"), ("chat_fields", "q")], page)
    ) == [
        f"openai_tools_to_bedrock: d is not in the section {BEDROCK!r}",
        "new: no section speaks of it",
    ]
