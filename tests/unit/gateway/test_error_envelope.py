"""The envelope of an error is that of the format whose path was asked, however little of the request was read."""

import json

import pytest

from anyapi.errors import AuthenticationFailed, BadRequest, NotFound, Overloaded, UpstreamFailed
from anyapi.gateway.call import Call
from anyapi.gateway.error_envelope import is_anthropic, render_for

MESSAGES = [b"/v1/messages", b"/api/v1/messages", b"/v1/messages/count_tokens", b"/v1/messages/batches/1", b"/v1/messages?beta=true"]
OTHERS = [b"", b"/", b"/v1/messages2", b"/v1/message", b"/v2/messages", b"/v1/chat/completions", b"/v1/models/v1/messages"]


@pytest.mark.parametrize("path", MESSAGES)
@pytest.mark.parametrize("error", [BadRequest("m"), NotFound("m"), AuthenticationFailed("m"), Overloaded("m"), ValueError("m")], ids=repr)
def test_anthropics_paths(path, error):
    body = json.loads(render_for(error, Call(path=path))[2])
    assert (body["type"], "error_code" in body["error"]["details"]) == ("error", True)
    assert is_anthropic(path)


@pytest.mark.parametrize("path", OTHERS)
def test_all_others(path):
    status, _, body = render_for(BadRequest("m"), Call(path=path))
    assert list(json.loads(body)) == ["error"]
    assert json.loads(body)["error"]["code"] == status == 400
    assert not is_anthropic(path)


def test_nothing_was_understood():
    assert list(json.loads(render_for(BadRequest("m"), None)[2])) == ["error"]


@pytest.mark.parametrize("path", [b"/v1/models/a/b", b"/v1/messages"])
def test_no_cache_in_front_keeps_what_was_refused(path):
    for method in (b"GET", b"HEAD"):
        assert b"cache-control: no-store\r\n" in render_for(NotFound("m"), Call(method, path))[1]
    assert b"cache-control" not in render_for(NotFound("m"), Call(b"POST", path))[1]
    assert b"cache-control" not in render_for(NotFound("m"), None)[1]


@pytest.mark.parametrize("path", [b"/v1/messages", b"/v1/responses"])
def test_a_well_formed_request_id_is_echoed(path):
    rows = render_for(NotFound("m"), Call(path=path, headers={b"x-request-id": b"mine-1"}))[1]
    assert rows.endswith(b"x-request-id: mine-1\r\n")
    assert b"x-request-id" not in render_for(NotFound("m"), Call(path=path, headers={b"x-request-id": b"mine 1"}))[1]


def test_what_openais_sdks_call_the_request_id():
    failed = UpstreamFailed("m", {"decision": "dec_1"})
    assert render_for(failed, Call(path=b"/v1/responses"))[1].endswith(b"x-request-id: dec_1\r\n")
    asked = Call(path=b"/v1/responses", headers={b"x-request-id": b"mine-1"})
    assert render_for(failed, asked)[1].endswith(b"x-request-id: mine-1\r\n")
    assert b"x-request-id" not in render_for(failed, Call(path=b"/v1/messages"))[1]


def test_what_anthropics_sdks_call_the_request_id():
    asked = Call(path=b"/v1/messages", headers={b"x-request-id": b"mine-1"})
    _, rows, body = render_for(NotFound("m"), asked)
    assert (json.loads(body)["request_id"], b"\r\nrequest-id: mine-1\r\n" in rows) == ("mine-1", True)
    _, rows, body = render_for(UpstreamFailed("m", {"decision": "dec_1"}), asked)
    assert (json.loads(body)["request_id"], b"\r\nrequest-id: dec_1\r\n" in rows) == ("dec_1", True)
    assert b"x-request-id: mine-1\r\n" in rows
