"""Fields that reach beyond the provider, in every client format."""

import json

import msgspec
import pytest

from anyapi.domain.call import NO_FACTS, Facts
from anyapi.errors import BadRequest
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.formats.beyond import (
    CACHING,
    KEEPING,
    MODALITIES,
    PICTURING,
    REFUSED,
    SEARCHING,
    SETTINGS,
    pictures,
    searches,
    seen,
    take_keeping,
)

BODIES = {
    openai_chat: {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]},
    anthropic_messages: {"model": "a/b", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    openai_responses: {"model": "a/b", "input": "hi"},
}
EMBEDDINGS = {"model": "a/b", "input": "hi"}
FORMATS = pytest.mark.parametrize("form", BODIES, ids=lambda form: form.__name__.rsplit(".", 1)[1])


def fields(**values):
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in values.items()}


def parse(form, **more):
    return form.parse(json.dumps({**BODIES.get(form, EMBEDDINGS), **more}).encode())


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_decision_saw_is_refused_by_name(name):
    with pytest.raises(BadRequest) as caught:
        searches(fields(**{name: [{"id": "x"}]}))
    assert caught.value.field == name
    for nothing in (None, [], {}, False):
        assert searches(fields(**{name: nothing})) is False


@FORMATS
@pytest.mark.parametrize("name", ["user_config", "kv_transfer_params", "bootstrap_host"])
def test_a_field_that_has_a_server_reach_another_host_is_one_of_them(form, name):
    """LiteLLM's own settings by request; where vLLM and SGLang hand the cache of a prompt to another server."""
    with pytest.raises(BadRequest, match=name):
        parse(form, **{name: {"remote_host": "198.51.100.7", "remote_port": 8998}})


@FORMATS
@pytest.mark.parametrize("name", [name for name in REFUSED if name != "mcp_servers"])
def test_in_every_format(form, name):
    with pytest.raises(BadRequest, match=name):
        parse(form, **{name: [{"id": "web"}]})


@pytest.mark.parametrize("name", REFUSED)
def test_of_embeddings_too(name):
    with pytest.raises(BadRequest, match=name):
        openai_embeddings.parse(json.dumps({**EMBEDDINGS, name: "https://elsewhere.example"}).encode())
    assert openai_embeddings.parse(json.dumps({**EMBEDDINGS, name: None}).encode()).models == ("a/b",)


@FORMATS
@pytest.mark.parametrize("name", sorted(SEARCHING))
def test_a_search_is_a_fact(form, name):
    assert parse(form, **{name: {"mode": "on"}}).facts.web_search
    assert not parse(form).facts.web_search


@FORMATS
def test_a_search_that_is_switched_off_is_none(form):
    assert parse(form, enable_search=True).facts.web_search
    assert not parse(form, enable_search=False).facts.web_search


@FORMATS
@pytest.mark.parametrize("name", sorted(MODALITIES))
def test_images_in_the_answer_are_a_fact(form, name):
    for asked in (
        ["image", "text"],
        ["text", "image"],
        ["IMAGE"],
        ["pictures"],
        ["video"],
        "image",
        "text",
        {"text": 1},
        [["text"]],
        5,
        True,
    ):
        assert parse(form, **{name: asked}).facts.image_output, asked
    for asked in (None, [], ["text"], ["audio", "text"], ["TEXT"]):
        request = parse(form, **{name: asked})
        assert not request.facts.image_output, asked
        assert name in request.fields


@FORMATS
@pytest.mark.parametrize("name", sorted(MODALITIES))
def test_speech_in_the_answer_is_a_fact(form, name):
    for asked in (["audio", "text"], ["text", "AUDIO"], ["video"], "audio", "text", {"text": 1}, [["text"]], 5, True):
        assert parse(form, **{name: asked}).facts.audio_output, asked
    for asked in (None, [], ["text"], ["image", "text"], ["TEXT"]):
        assert not parse(form, **{name: asked}).facts.audio_output, asked


@FORMATS
@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_settings_of_another_api_may_ask_for_either(form, name):
    facts = parse(form, **{name: {"responseModalities": ["AUDIO"]}}).facts
    assert (facts.image_output, facts.audio_output) == (True, True)
    assert parse(form, **{name: {}}).facts is NO_FACTS


@FORMATS
@pytest.mark.parametrize("name", sorted(PICTURING))
def test_settings_of_images_are_that_fact_too(form, name):
    for asked in (True, {"aspect_ratio": "1:1"}, "x", 0):
        assert parse(form, **{name: asked}).facts.image_output
    for asked in (None, False, {}, []):
        assert not parse(form, **{name: asked}).facts.image_output


@FORMATS
def test_the_fact_does_not_depend_on_the_spelling_of_the_field(form):
    for spelt in ('"modalities":["im\\u0061ge"]', '"mod\\u0061lities":["image"]', '"modalities" : [ "image" ]'):
        text = json.dumps({**BODIES[form], "x": 1}).replace('"x": 1', spelt)
        assert form.parse(text.encode()).facts.image_output


@FORMATS
def test_facts_stand_beside_each_other(form):
    facts = parse(form, modalities=["image"], web_search_options={}, tags=["chat_completions:vision"]).facts
    assert (facts.web_search, facts.image_output, {tag.value for tag in facts.tags}) == (True, True, {"vision"})
    assert parse(form, modalities=["text"]).facts is NO_FACTS


def test_what_is_seen_of_fields():
    assert seen(NO_FACTS, fields(user="x")) is NO_FACTS
    assert seen(NO_FACTS, {}, searches_by_tool=True) == Facts(web_search=True)
    assert seen(NO_FACTS, fields(modalities=["image"])) == Facts(image_output=True)
    assert pictures({"modalities": msgspec.Raw(b"[" * 5000 + b"]" * 5000)})


def test_a_tool_of_responses_that_makes_images_is_refused():
    with pytest.raises(BadRequest, match="makes images"):
        parse(openai_responses, tools=[{"type": "image_generation"}])


@FORMATS
@pytest.mark.parametrize("name", ["deferred", "enable_code_interpreter"])
def test_what_is_switched_off_passes(form, name):
    """xAI keeps a deferred answer for a day; Alibaba runs what the model wrote."""
    with pytest.raises(BadRequest, match=name):
        parse(form, **{name: True})
    assert name in parse(form, **{name: False}).fields


@pytest.mark.parametrize("form", [*BODIES, openai_embeddings], ids=lambda form: form.__name__.rsplit(".", 1)[1])
def test_a_longer_cache_is_not_asked_for(form):
    request = parse(form, **{KEEPING: "24h"})
    assert KEEPING not in request.fields
    assert request.adjusted == (KEEPING,)
    assert KEEPING not in parse(form, **{KEEPING: None}).fields
    assert parse(form, **{KEEPING: "24h", "store": True}).adjusted == (KEEPING, "store")
    assert take_keeping(fields(**{KEEPING: None})) == ()


@pytest.mark.parametrize("form", [openai_chat, openai_responses], ids=lambda form: form.__name__.rsplit(".", 1)[1])
def test_a_shorter_cache_may_be_asked_for(form):
    """OpenAI keeps a prompt for 24 hours where nothing is said, unless the organisation has zero retention."""
    request = parse(form, **{KEEPING: "in_memory"})
    assert bytes(request.fields[KEEPING]) == b'"in_memory"'
    assert request.adjusted == ()
    assert KEEPING not in parse(form, **{KEEPING: ["in_memory"]}).fields


@pytest.mark.parametrize("form", [*BODIES, openai_embeddings], ids=lambda form: form.__name__.rsplit(".", 1)[1])
def test_the_options_of_a_cache_keep_nothing_for_longer_and_name_nothing_stored(form):
    request = parse(form, **{CACHING: {"mode": "explicit", "ttl": "12h", "comparison_response_id": "resp_1"}})
    assert json.loads(bytes(request.fields[CACHING])) == {"mode": "explicit"}
    assert request.adjusted == (f"{CACHING}.ttl", f"{CACHING}.comparison_response_id")
    for harmless in ({"mode": "implicit", "ttl": "30m"}, {}, None):
        request = parse(form, **{CACHING: harmless})
        assert (json.loads(bytes(request.fields[CACHING])), request.adjusted) == (harmless, ())
    for ttl in ("24h", 5, ["30m"], {}, "30M"):
        assert parse(form, **{CACHING: {"ttl": ttl}}).adjusted == (f"{CACHING}.ttl",)
    for wrong in ("12h", ["12h"], 5):
        with pytest.raises(BadRequest, match=CACHING):
            parse(form, **{CACHING: wrong})
    text = json.dumps({**BODIES.get(form, EMBEDDINGS), CACHING: 0}).replace(
        f'"{CACHING}": 0', f'"{CACHING}": {{"ttl":"30m","t\\u0074l":"12h"}}'
    )
    with pytest.raises(BadRequest, match="twice"):
        form.parse(text.encode())


@pytest.mark.parametrize("kind", ["sse", "browser_search", "code_execution", "openrouter:web_search", "mcp", "made_up", "file_search"])
def test_a_tool_of_responses_that_no_rule_knows_is_refused(kind):
    tool = {"type": kind, "server_url": "https://example.com"}
    nested = {"type": "namespace", "name": "n", "tools": [tool]}
    item = {"type": "tool_search_output", "call_id": "c", "tools": [tool]}
    for more in ({"tools": [tool]}, {"tools": [nested]}, {"input": [item, {"role": "user", "content": "hi"}]}):
        with pytest.raises(BadRequest, match="tool"):
            parse(openai_responses, **more)


@pytest.mark.parametrize(
    "kind", ["function", "custom", "local_shell", "apply_patch", "web_search", "web_search_preview", "computer_use_preview"]
)
def test_those_that_the_client_runs_or_rules_see_pass(kind):
    request = parse(openai_responses, tools=[{"type": kind, "name": "n"}])
    assert request.facts.web_search == kind.startswith("web_search")


@pytest.mark.parametrize("kind", ["code_execution_20250825", "advisor_20260101", "mcp_toolset", "made_up", 3, ["custom"]])
def test_a_tool_of_messages_that_no_rule_knows_is_refused(kind):
    with pytest.raises(BadRequest, match=r"tools\[0\]"):
        parse(anthropic_messages, tools=[{"type": kind, "name": "x"}])


@pytest.mark.parametrize("kind", ["custom", "bash_20250124", "text_editor_20250728", "web_search_20250305", None])
def test_tools_of_messages_that_pass(kind):
    request = parse(anthropic_messages, tools=[{"type": kind, "name": "x"} if kind else {"name": "x"}])
    assert request.facts.web_search == bool(kind and kind.startswith("web_"))


def test_an_odd_type_of_a_block_is_no_crash():
    request = parse(anthropic_messages, messages=[{"role": "user", "content": [{"type": [1], "text": "x"}]}])
    assert request.needs() == frozenset()
