"""What the caller is told, by outcome: a text of ours for each, and a status that tells whether to try again."""

import json

import pytest
from tests.unit.gateway.workbench import chat, gateway
from tests.unit.upstream.provider import answer, chunked, playing
from tests.unit.wire.peers import on_loop

from anyapi.domain.decision import OutcomeKind
from anyapi.gateway.upstream_errors import STATUS_TEXTS, TEXTS


@pytest.mark.parametrize("kind", sorted(set(OutcomeKind) - {OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE}))
def test_every_failure_has_its_text(kind):
    assert TEXTS[kind].endswith(".")


@pytest.mark.parametrize(
    ("status", "body", "said", "answered"),
    [
        (b"404 Not Found", b"{}", "does not have this model", 502),
        (b"400 x", b'{"error":{"code":"model_not_found"}}', "does not have this model", 502),
        (b"302 x", b"{}", "could not be understood", 502),
        (b"402 x", b"{}", "no credit or quota left", 502),
        (b"429 x", b'{"error":{"code":"insufficient_quota"}}', "no credit or quota left", 502),
        (b"413 Too Large", b"{}", "too large for it", 413),
    ],
)
@on_loop
async def test_some_statuses_say_more_than_their_outcome(status, body, said, answered):
    async with gateway(playing(answer(body, status=status), answer(body, status=status))) as running:
        response = await running.post()
        assert (response.status, said in json.loads(response.body)["error"]["message"]) == (answered, True)
    assert all(text.endswith(".") for text in STATUS_TEXTS.values())


def refusal(**error):
    return json.dumps({"error": {"message": "secret", **error}}).encode()


@on_loop
async def test_a_prompt_that_is_too_long_is_told_in_the_words_that_clients_look_for():
    async with gateway(playing(answer(refusal(code="context_length_exceeded"), status=b"400 x"))) as running:
        response = await running.post()
        error = json.loads(response.body)["error"]
        assert (response.status, error["metadata"]["reason"]) == (400, "context_length_exceeded")
        for words in ("prompt is too long", "maximum context length is", "context_length_exceeded"):
            assert words in error["message"]
        assert "secret" not in response.body.decode()


@pytest.mark.parametrize(("param", "named"), [("temperature", "temperature"), ("messages[3].content", "messages"), ("secret_field", None)])
@on_loop
async def test_the_field_that_a_provider_names_is_told_if_it_is_one_that_is_known(param, named):
    async with gateway(playing(answer(refusal(param=param), status=b"400 x"))) as running:
        response = await running.post()
        error = json.loads(response.body)["error"]
        assert (error.get("param"), error["metadata"].get("field")) == (named, named)
        assert named is None or f"`{named}`" in error["message"]
        assert "secret" not in response.body.decode()


@pytest.mark.parametrize("status", [b"401 x", b"402 x", b"403 x", b"404 x"])
@on_loop
async def test_what_only_the_operator_can_mend_is_not_asked_again_by_sdks(status):
    async with gateway(playing(answer(b"{}", status=status))) as running:
        response = await running.post()
        assert (response.status, response.field("x-should-retry")) == (502, b"false")


@pytest.mark.parametrize(("first", "second"), [(b"500 x", b"401 x"), (b"500 x", b"500 x")])
@on_loop
async def test_what_may_pass_may_be_asked_again(first, second):
    async with gateway(playing(answer(b"{}", status=first)), playing(answer(b"{}", status=second))) as running:
        response = await running.post()
        assert (response.status, response.field("x-should-retry")) == (502, None)


SAID = b'data: {"choices":[{"index":0,"delta":{"content":"one"},"finish_reason":null}]}\n\n'


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": "rate_limit_exceeded"}, (429, "rate_limit")),
        ({"type": "overloaded_error"}, (503, "overloaded")),
        ({"code": 504}, (504, "upstream_timeout")),
        ({"code": "content_filter"}, (400, "bad_request")),
        ({"code": 500}, (502, "upstream_error")),
        ({}, (502, "upstream_error")),
    ],
)
@on_loop
async def test_an_error_in_the_middle_of_a_stream_has_its_type(error, told):
    event = b"data: %b\n\n" % json.dumps({"error": {"message": "secret", **error}}).encode()
    async with gateway(playing(chunked(SAID, event))) as running:
        response = await running.post(chat(stream=True))
        *said, last = response.body.split(b"\n\n")[:-1]
        ended = json.loads(last.removeprefix(b"data: "))["error"]
        assert (said, ended["code"], ended["type"]) == ([SAID.strip()], *told)
        assert ended["message"].endswith("broke off before its end.")
        assert ended["metadata"]["decision"] == response.field("x-anyapi-decision").decode()
        assert b"secret" not in response.body
        assert running.rows[0].outcome == "interrupted"
