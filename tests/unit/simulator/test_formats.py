"""What holds in every wire format: the same words, exact token counts, and the same faults."""

import contextlib
import email.utils
import json

import pytest
from tests.unit.simulator.formats import FORMATS, NAMES, frames

from anyapi.simulator import read_fault

every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
either_way = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def scripted(sim, form, **fault):
    sim.script(form.provider, [read_fault(json.dumps(fault))])


def last(sim, form):
    sim.idle()
    return sim.ledger(form.provider)["entries"][-1]


def said(form, received, stream) -> str:
    """All words of an answer, read as each format says."""
    found = form.events(received) if stream else [received.json]
    if form.name == "chat":
        choices = [event["choices"][0] for event in found if event != "[DONE]" and event["choices"]]
        return "".join(choice.get("delta", choice.get("message")).get("content") or "" for choice in choices)
    if form.name == "responses":
        items = (found[-1]["response"] if stream else found[0])["output"]
        return "".join(part["text"] for item in items for part in item.get("content", []) if part["type"] == "output_text")
    if form.name == "messages":
        blocks = [event["delta"] for event in found if event["type"] == "content_block_delta"] if stream else found[0]["content"]
        return "".join(block.get("text", "") for block in blocks)
    if form.name == "bedrock":
        blocks = [event["delta"] for event in found if "delta" in event] if stream else found[0]["output"]["message"]["content"]
        return "".join(block.get("text", "") for block in blocks)
    if form.name == "cohere":
        messages = [event.get("delta", event).get("message", {}) for event in found]
        parts = [
            part
            for message in messages
            for part in (message["content"] if isinstance(message.get("content"), list) else [message.get("content", {})])
        ]
        return "".join(part.get("text", "") for part in parts)
    parts = [part for event in found for part in event["candidates"][0].get("content", {"parts": []})["parts"]]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


@every_format
@either_way
def test_the_words_are_the_providers(sim, form, stream):
    assert said(form, form.ask(sim, stream=stream), stream).startswith("This is claude-3.5-sonnet. ")


@every_format
@pytest.mark.parametrize("thinking", [False, True])
@pytest.mark.parametrize("tools", [False, True])
def test_a_stream_costs_what_the_whole_costs_and_the_ledger_is_exact(sim, form, tools, thinking):
    for stream in (False, True):
        assert form.ask(sim, "Please use the tools, 日本.", stream, tools, thinking=thinking).status == 200
    whole, streamed = sim.ledger(form.provider)["entries"]
    assert whole["prompt_tokens"] == streamed["prompt_tokens"] == -(-len("Please use the tools, 日本.".encode()) // 4)
    assert whole["completion_tokens"] == streamed["completion_tokens"] > 0
    assert (whole["reasoning_tokens"] > 0) == thinking
    for entry in (whole, streamed):
        assert entry["outcome"] == "answered"
        assert entry["reported_prompt_tokens"] == entry["prompt_tokens"]
        assert entry["reported_completion_tokens"] == entry["completion_tokens"]
        assert entry["completion_tokens_sent"] == entry["completion_tokens"]
    assert (whole["chunks_sent"], whole["stream"], streamed["stream"]) == (0, False, True)
    assert streamed["chunks_sent"] == len(form.events(form.ask(sim, "Please use the tools, 日本.", True, tools, thinking=thinking)))


@every_format
@either_way
def test_tools_are_called_at_once(sim, form, stream):
    content = form.ask(sim, "use the tools", stream, tools=True).content
    assert all(name.encode() in content for name in NAMES)
    assert not any(name.encode() in form.ask(sim, "Hello", stream).content for name in NAMES)


@every_format
@either_way
@pytest.mark.parametrize("status", [429, 500, 503])
def test_error_statuses(sim, form, stream, status):
    scripted(sim, form, kind="status", status=status, message="No more.", retry_after=7)
    answer = form.ask(sim, stream=stream)
    assert answer.status == status
    assert b"\r\nretry-after: 7\r\n" in answer.head
    assert b"No more." in answer.body
    assert (b"x-amzn-errortype" in answer.head) == (form.name == "bedrock")
    entry = last(sim, form)
    assert (entry["outcome"], entry["prompt_tokens"], entry["completion_tokens"]) == ("error", 0, 0)


@every_format
def test_retry_after_as_a_date(sim, form):
    scripted(sim, form, kind="status", status=429, retry_after_date=30)
    assert email.utils.parsedate_to_datetime(form.ask(sim).head.decode().split("retry-after: ")[1].split("\r\n")[0])


@every_format
@pytest.mark.parametrize("at", [0, 2, "middle"])
def test_an_error_event(sim, form, at):
    scripted(sim, form, kind="error_event", at=at, message="Gone wrong.")
    answer = form.ask(sim, stream=True)
    events = form.events(answer)
    assert answer.complete
    assert "Gone wrong." in json.dumps(events[-1])
    assert len(events) - 1 == at if isinstance(at, int) else len(events) > 2
    assert last(sim, form)["outcome"] == "error"
    if form.name == "bedrock":
        assert frames(answer.content)[-1][0][":message-type"] == "exception"
    if form.name == "responses":
        assert events[-1]["sequence_number"] == len(events) - 1


@every_format
@either_way
@pytest.mark.parametrize("mode", ["garbage", "truncated"])
def test_bad_json(sim, form, stream, mode):
    scripted(sim, form, kind="bad_json", mode=mode)
    answer = form.ask(sim, stream=stream)
    assert answer.complete
    with pytest.raises(json.JSONDecodeError):
        form.events(answer) if stream else answer.json
    assert last(sim, form)["outcome"] == "malformed"


@every_format
@pytest.mark.parametrize("drop", [1, 2])
def test_a_stream_without_its_end(sim, form, drop):
    whole = form.events(form.ask(sim, stream=True))
    scripted(sim, form, kind="no_done", drop=drop)
    cut = form.ask(sim, stream=True)
    assert cut.complete
    assert len(form.events(cut)) == len(whole) - drop
    assert last(sim, form)["outcome"] == "cut"


@every_format
@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize("at", [1, 90, 400])
def test_cut_at_a_byte(sim, form, kind, at):
    scripted(sim, form, kind=kind, at=at)
    answer = form.ask(sim, stream=True)
    assert len(answer.raw) == at
    assert answer.end == {"reset": "reset", "close": "closed"}[kind]
    assert last(sim, form)["outcome"] == "cut"


@every_format
def test_cut_between_any_two_events(sim, form):
    whole = form.events(form.ask(sim, stream=True, tools=True, text="use the tools", thinking=True))
    total = last(sim, form)["completion_tokens"]
    sent = []
    for at in range(len(whole)):
        scripted(sim, form, kind="close", at=at, of="events")
        answer = form.ask(sim, stream=True, tools=True, text="use the tools", thinking=True)
        assert not answer.complete
        assert len(form.events(answer)) == at
        entry = last(sim, form)
        assert (entry["chunks_sent"], entry["outcome"]) == (at, "cut")
        sent.append(entry["completion_tokens_sent"])
    assert sent == sorted(sent)
    assert sent[0] == 0
    assert sent[-1] <= total


@every_format
def test_stalls_and_odd_pieces_change_nothing(sim, form):
    whole = form.events(form.ask(sim, stream=True))
    for fault in ({"kind": "stall", "at": "middle", "seconds": 0.01}, {"kind": "rechunk", "seed": 3, "largest": 9}):
        scripted(sim, form, **fault)
        assert len(form.events(form.ask(sim, stream=True))) == len(whole)
        assert last(sim, form)["outcome"] == "answered"


@every_format
def test_a_refused_connection(sim, form):
    scripted(sim, form, kind="refuse")
    with contextlib.suppress(ConnectionError):  # the reset may come before the request is written
        assert form.ask(sim).end == "reset"
    assert form.ask(sim).status == 200
    assert sim.ledger(form.provider)["refused_connections"] == 1


@every_format
@either_way
@pytest.mark.parametrize("style", ["content_filter", "field"])
def test_refusals(sim, form, stream, style):
    scripted(sim, form, kind="refusal", style=style)
    assert form.ask(sim, stream=stream).status == (498 if form.name == "cohere" else 200)
    assert last(sim, form)["outcome"] == "content_refused"


@every_format
@either_way
def test_a_provider_that_gives_up(sim, form, stream):
    scripted(sim, form, kind="failed")
    content = form.ask(sim, stream=stream).content
    assert any(word in content for word in (b'"error"', b'"failed"', b'"OTHER"', b'"malformed_model_output"', b'"ERROR"'))
    assert last(sim, form)["outcome"] == "error"


@every_format
@either_way
@pytest.mark.parametrize("mode", ["missing", "zero"])
def test_wrong_usage(sim, form, stream, mode):
    scripted(sim, form, kind="usage", mode=mode)
    form.ask(sim, stream=stream)
    entry = last(sim, form)
    assert entry["completion_tokens"] > 0
    assert entry["reported_completion_tokens"] == (0 if mode == "zero" else None)


@every_format
@either_way
def test_a_giant_line(sim, form, stream):
    scripted(sim, form, kind="giant_line", mib=0.1)
    answer = form.ask(sim, stream=stream)
    assert answer.complete
    assert len(answer.content) > 100_000
    assert last(sim, form)["completion_tokens"] < 100


@every_format
def test_faults_by_model_name(sim, form):
    model = "claude-3.5-sonnet@@status/status:418"
    assert form.ask(sim, model=model).status == 418
    assert form.ask(sim, model=model, stream=True).status == 418
    assert last(sim, form)["model"] == "claude-3.5-sonnet"


@every_format
@pytest.mark.parametrize("field", ["data_policy", "provider", "providerOptions", "models", "tags"])
def test_leaks_are_named(sim, form, field, monkeypatch):
    body = form.body() | {field: {}, "store": False}
    monkeypatch.setattr(type(form), "body", lambda *_, **__: body)
    assert form.ask(sim).status == 200
    entry = last(sim, form)
    assert (entry["leaked"], entry["store"]) == ((field,), False)


@every_format
def test_what_is_not_a_request(sim, form, monkeypatch):
    for body in (b"{", b"[]", b"{}", b"\xff"):
        monkeypatch.setattr(type(form), "body", lambda *_, body=body, **__: body)
        assert form.ask(sim).status == 400
    assert sim.ledger(form.provider)["outcomes"] == {"rejected": 4}
