"""Reasoning goes round through a client that knows only thinking blocks, whoever made it; Anthropic never gets what it did not make."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.upstream.translate.anthropic_events import raw, raws, resolved

from anyapi.errors import BadRequest
from anyapi.upstream.translate import carried_reasoning as carried
from anyapi.upstream.translate.adjustments import Adjustments

SIGNED = {"type": "reasoning.text", "text": "hm", "signature": "SIG", "format": "anthropic-claude-v1", "index": 0}
SEALED = {"type": "reasoning.encrypted", "data": "DATA", "format": "anthropic-claude-v1", "index": 0}
FOREIGN = {"type": "reasoning.text", "text": "hm", "signature": "SIG", "format": "google-gemini-v1", "id": "a", "index": 0}
SUMMARY = {"type": "reasoning.summary", "summary": "hm", "format": "openai-responses-v1", "index": 0}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "DATA", "format": "openai-responses-v1", "id": "rs_1"}
UNSIGNED = {"type": "reasoning.text", "text": "hm", "index": 0}


def back(block, index=0):
    return carried.detail_of(raws(resolved(block)), "b", index)


def test_anthropics_own_stand_as_they_are():
    assert carried.block_of(SIGNED) == {"type": "thinking", "thinking": "hm", "signature": "SIG"}
    assert carried.block_of(SEALED) == {"type": "redacted_thinking", "data": "DATA"}
    omitted = {"type": "reasoning.text", "signature": "SIG"}
    assert carried.block_of(omitted) == {"type": "thinking", "thinking": "", "signature": "SIG"}


def test_others_are_marked():
    for detail in (FOREIGN, SUMMARY, UNSIGNED):
        block = carried.block_of(detail)
        assert block["thinking"] == "hm"
        assert block["signature"].startswith(carried.MARK)
    assert carried.block_of(UNSIGNED)["signature"] == carried.MARK
    assert carried.block_of(ENCRYPTED)["data"].startswith(carried.MARK)


@pytest.mark.parametrize("detail", [SIGNED, SEALED, FOREIGN, SUMMARY, ENCRYPTED, UNSIGNED, {"type": "reasoning.new", "x": [1]}])
def test_every_entry_goes_round(detail):
    assert back(carried.block_of(detail)) == detail


TEXT = st.text(max_size=20)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["reasoning.text", "reasoning.summary", "reasoning.encrypted", "reasoning.other"])},
        optional={
            "text": TEXT,
            "summary": TEXT,
            "signature": TEXT,
            "data": TEXT,
            "format": st.sampled_from(["anthropic-x", "other"]),
            "id": TEXT,
        },
    )
)
def test_no_signature_and_no_text_is_lost(detail):
    found = back(carried.block_of(detail))
    words = carried.words_of(detail)
    assert words is None or carried.words_of(found) == words
    if words is not None and detail.get("signature"):
        assert found["signature"] == detail["signature"]
    if detail["type"] == "reasoning.encrypted" and detail.get("data"):
        assert found["data"] == detail["data"]


def test_what_was_hung_on_a_call():
    block = resolved(carried.extra_block("call_1", {"google": {"thought_signature": "S"}}))
    assert back(block) == {"type": carried.TOOL_CALL, "id": "call_1", "extra_content": {"google": {"thought_signature": "S"}}}


@pytest.mark.parametrize("rest", ["!", "AAA", "e30=x", "W10=", "\u00e9"])
def test_a_mark_with_garbage_is_nothing(rest):
    assert back({"type": "redacted_thinking", "data": carried.MARK + rest}) is None
    assert back({"type": "thinking", "thinking": "x", "signature": carried.MARK + rest}) is None


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ({"type": "thinking"}, "b.thinking"),
        ({"type": "thinking", "thinking": 5}, "b.thinking"),
        ({"type": "thinking", "thinking": "x", "signature": 5}, "b.signature"),
        ({"type": "redacted_thinking"}, "b.data"),
        ({"type": "redacted_thinking", "data": []}, "b.data"),
    ],
)
def test_wrong_types_are_named(block, field):
    with pytest.raises(BadRequest) as caught:
        back(block)
    assert caught.value.field == field


def test_thinking_without_a_signature():
    assert back({"type": "thinking", "thinking": "x"}) == back({"type": "thinking", "thinking": "x", "signature": ""})
    assert back({"type": "thinking", "thinking": "x"}, 3) == {"type": "reasoning.text", "text": "x", "index": 3}


def test_ours_are_taken_out_for_anthropic_and_the_rest_stays_byte_for_byte():
    ours = carried.block_of(FOREIGN)
    text = (
        '[{"role":"user","content":"MARK is a word"}, {"role":"assistant","content":[{"type":"thinking","thinking":"x", "signature":"S"}]},'
        '{"role":"assistant","content":[OURS,{ "type":"text","text":"MARK" , "n":1.50}],"x":1},'
        '{"role":"assistant","content":[OURS,EXTRA]}]'
    )
    text = text.replace("MARK", carried.MARK).replace("OURS", json.dumps(ours)).replace("EXTRA", json.dumps(carried.extra_block("a", 1)))
    cleaned = carried.without_ours(msgspec.Raw(text.encode()))
    assert bytes(cleaned) == (
        b'[{"role":"user","content":"MARK is a word"},{"role":"assistant","content":[{"type":"thinking","thinking":"x", "signature":"S"}]},'
        b'{"role":"assistant","content":[{ "type":"text","text":"MARK" , "n":1.50}],"x":1}]'
    ).replace(b"MARK", carried.MARK.encode())


def test_without_marks_nothing_is_rewritten():
    assert carried.without_ours(raw([{"role": "user", "content": "x"}])) is None
    assert not carried.may_hold_ours(b'{"messages":"anyapi.carried"}')
    assert carried.may_hold_ours(b'{"messages":"%b"}' % carried.MARK.encode())
    assert carried.without_ours(raw([{"role": "user", "content": [{"type": "text", "text": carried.MARK}]}])) is None
    with pytest.raises(BadRequest):
        carried.without_ours(raw([{"role": "user", "content": 5}, carried.MARK]))


@given(st.binary(max_size=60))
def test_unpacking_never_fails(data):
    found = carried.unpack(carried.MARK + data.decode("latin-1"))
    assert found is None or isinstance(found, dict)


def test_what_hangs_on_a_call_is_told_apart():
    sealed = {"type": "reasoning.encrypted", "data": "d", "id": "c1"}
    assert carried.hangs_on(sealed, ("c1", "c2"))
    assert not carried.hangs_on(sealed, ("c2",))
    assert not carried.hangs_on({"type": "reasoning.text", "text": "x", "id": "c1"}, ("c1",))
    assert not carried.hangs_on({"type": "reasoning.encrypted", "data": "d"}, ("c1",))


@pytest.mark.parametrize(
    ("message", "able", "words", "noted"),
    [
        ({}, True, [], ()),
        ({"reasoning_content": "hm"}, True, ["hm"], ()),
        ({"reasoning_content": "hm"}, False, [], ("messages.reasoning_content",)),
        ({"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, True, ["hm"], ()),
        ({"reasoning_content": "hm", "reasoning_details": [{"text": "hm", "signature": "s"}]}, True, [], ("messages.reasoning_details",)),
        ({"reasoning_content": "hm", "reasoning_details": [{"text": "hm", "format": "x"}]}, True, [], ("messages.reasoning_details",)),
        ({"reasoning_content": "hm", "reasoning_details": ["x"]}, True, [], ("messages.reasoning_details",)),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, True, [], ("messages.reasoning_details",)),
        ({"reasoning_content": 7, "reasoning_details": []}, True, [], ("messages.reasoning_content",)),
        ({"reasoning": "hm"}, True, ["hm"], ()),
        ({"reasoning_content": "", "reasoning": ""}, False, [], ()),
    ],
)
def test_thinking_that_nobody_signed(message, able, words, noted):
    notes = Adjustments()
    assert (carried.unsigned_words(message, notes, able=able), notes.names) == (words, noted)
