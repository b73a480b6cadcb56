"""The values that cross the contract hold content, so none of them may be printed."""

import msgspec
import pytest

from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, Translating

SECRET = "the prompt nobody may see"
VALUES = {
    "call": OutboundChat({"messages": msgspec.Raw(SECRET.encode())}, beta_headers=((b"anthropic-beta", SECRET.encode()),)),
    "prepared": Prepared(b"/chat/completions", SECRET.encode(), SECRET.encode(), (SECRET,)),
    "answer": Answer(SECRET.encode(), None),
}


@pytest.mark.parametrize("name", VALUES)
def test_content_is_never_in_the_text_of_a_value(name):
    value = VALUES[name]
    for text in (repr(value), str(value), f"{value}", f"{[value]}", str((value,))):
        assert "prompt" not in text
        assert text.strip("[](,)").startswith("<")


def test_calls_do_not_share_their_fields():
    OutboundChat().fields["model"] = msgspec.Raw(b'"m"')
    assert OutboundChat().fields == {}


def test_who_builds_a_request_anew_walks_through_it():
    made = Translating(lambda: 7.5)
    assert made.walks(OutboundChat())
    assert made._clock() == 7.5
