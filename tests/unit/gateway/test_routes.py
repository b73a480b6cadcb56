"""Path to operation: both prefixes, methods, and what is said about the rest."""

import json

import pytest
from tests.unit.gateway.workbench import gateway
from tests.unit.upstream.provider import silent
from tests.unit.wire.peers import on_loop

from anyapi.errors import MethodNotAllowed, NotFound
from anyapi.gateway import pages, routes
from anyapi.gateway.call import Call
from anyapi.gateway.operations import chat_completions
from anyapi.gateway.routes import GET, PLAIN, PLANNED, POST, PREFIXES, find

OPERATIONS = {**{("POST", name): found for name, found in POST.items()}, **{("GET", name): found for name, found in GET.items()}}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("key", OPERATIONS, ids=lambda key: " ".join(key))
def test_both_prefixes_serve_everything(prefix, key):
    method, name = key
    assert find(Call(method=method.encode(), path=f"{prefix}{name}".encode())) is OPERATIONS[key]


def test_the_common_one():
    assert POST["chat/completions"] is chat_completions


@pytest.mark.parametrize("path", PLAIN)
def test_plain_paths(path):
    assert find(Call(method=b"GET", path=path.encode())) is PLAIN[path]
    assert find(Call(method=b"HEAD", path=path.encode())) is PLAIN[path]


@pytest.mark.parametrize("path", [b"/v1/models/acme/one", b"/api/v1/models/acme/one/endpoints", b"/v1/models/"])
def test_one_model(path):
    assert find(Call(method=b"GET", path=path)) is pages.model_endpoints


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        (b"GET", b"/v1/chat/completions", "POST, OPTIONS"),
        (b"HEAD", b"/v1/explain", "POST, OPTIONS"),
        (b"POST", b"/v1/models", "GET, HEAD, OPTIONS"),
        (b"DELETE", b"/", "GET, HEAD, OPTIONS"),
        (b"PUT", b"/v1/models/a/b", "GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_told_which_there_are(method, path, allowed):
    with pytest.raises(MethodNotAllowed, match=f"takes {allowed}") as caught:
        find(Call(method=method, path=path))
    assert caught.value.metadata == {"allow": allowed}


@pytest.mark.parametrize(
    "path", [b"/x", b"/v1", b"/v1/", b"/v2/models", b"/v1/chat", b"/v1/chat/completions/", b"//", b"/V1/models", b"/healthz/", b"/\xff"]
)
@pytest.mark.parametrize("method", [b"GET", b"POST", b"OPTIONS", b"HEAD"])
def test_no_such_path(method, path):
    with pytest.raises(NotFound, match="No such path") as caught:
        find(Call(method=method, path=path))
    assert path.decode("latin-1") not in str(caught.value).split() or path == b"/"


@pytest.mark.parametrize("name", [*sorted(POST), "models"])
def test_a_base_url_with_too_little_or_too_much_is_told(name):
    """`/v1/messages/v1/messages` too, which is what Anthropic's SDKs make of it."""
    with pytest.raises(NotFound, match="adds the path"):
        find(Call(method=b"POST", path=b"/v1/messages/v1/messages"))
    with pytest.raises(NotFound, match="end in /v1"):
        find(Call(method=b"POST", path=f"/{name}".encode()))
    with pytest.raises(NotFound, match="adds /v1"):
        find(Call(method=b"POST", path=f"/v1/v1/{name}".encode()))
    if name in POST:
        with pytest.raises(NotFound, match="adds the path"):
            find(Call(method=b"POST", path=f"/v1/{name}/{name}".encode()))


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_what_is_planned_is_said_so(name):
    for path in (f"/v1/{name}", f"/api/v1/{name}/more"):
        with pytest.raises(NotFound, match="not served yet"):
            find(Call(method=b"POST", path=path.encode()))


@pytest.mark.parametrize(
    "name",
    ["files", "files/file-1/content", "batches", "threads/t/runs", "responses/resp_1", "responses/resp_1/cancel", "messages/batches/b"],
)
@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE"])
def test_what_would_be_stored_is_refused_with_the_reason(method, name):
    for prefix in PREFIXES:
        with pytest.raises(NotFound, match="Nothing is stored here"):
            find(Call(method=method, path=f"{prefix}{name}".encode()))


def test_keys_are_managed_elsewhere():
    with pytest.raises(NotFound, match="control plane"):
        find(Call(method=b"GET", path=b"/api/v1/keys"))
    for path in (b"/api/v1/keys", b"/api/v1/keys/key_1"):
        with pytest.raises(NotFound, match="https://control.example.com/api/v1/keys, with a provisioning key"):
            find(Call(method=b"POST", path=path), "https://control.example.com")
    with pytest.raises(NotFound, match="No such path"):
        find(Call(method=b"GET", path=b"/v1/keys"))


PUBLIC = [*PLAIN, "/v1/privacy", "/v1/rankings", "/api/v1/privacy"]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"])
@pytest.mark.parametrize("path", [*PUBLIC, "/v1/models", "/v1/key"])
@on_loop
async def test_every_answer_echoes_the_callers_name_for_its_request_and_nobody_elses(path, method):
    async with gateway(silent) as running:
        for name in (b"r-1", b"r-2", None):
            rows = [] if name is None else [b"X-Request-ID: " + name]
            response = await running.get(path.encode(), *rows, method=method)
            assert response.status in {200, 204}
            assert response.field("x-request-id") == name
            kept_private = response.field("cache-control") == b"private"
            assert kept_private is (name is not None and path in PUBLIC and method != b"OPTIONS"), "a cache may hand on what is everybody's"


@on_loop
async def test_errors_are_answered_and_the_connection_lives():
    async with gateway(silent) as running:
        response = await running.get(b"/nowhere", b"X-Request-ID: r-9")
        assert (response.status, response.field("x-request-id")) == (404, b"r-9")
        assert response.field("connection") is None
        response = await running.get(b"/v1/chat/completions")
        assert (response.status, response.field("allow")) == (405, b"POST, OPTIONS")
        assert running.errors == []


SERVED = [(b"GET", path.encode()) for path in PLAIN]
SERVED += [(method.encode(), f"{prefix}{name}".encode()) for method, name in OPERATIONS for prefix in PREFIXES]
SERVED += [(b"GET", b"/v1/models/acme/one/endpoints"), (b"GET", b"/v1/receipts/dec_00"), (b"GET", b"/nowhere")]
SERVED += [(method, path) for path in (b"/healthz", b"/v1/chat/completions") for method in (b"HEAD", b"OPTIONS", b"DELETE")]


@on_loop
async def test_a_header_of_ours_that_nobody_reads_is_a_400_on_every_path():
    async with gateway(silent) as running:
        for method, path in SERVED:
            for line in (b"X-AnyAPI-App-Foo: x", b"X-AnyAPI-Retention-Day: 0", b"x-anyapi-: 1"):
                response = await running.get(path, line, method=method)
                assert response.status == 400, (method, path, line)
                assert method == b"HEAD" or b"x-anyapi-" in response.body
                assert response.field("connection") is None
        assert running.errors == []


@on_loop
async def test_headers_of_ours_change_nothing_where_nothing_goes_by_them():
    async with gateway(silent) as running:
        for path in PLAIN:
            response = await running.get(path.encode(), b"X-AnyAPI-App-ID: shop", b"X-AnyAPI-Retention-Days: 0")
            assert response.status == 200, path


@on_loop
async def test_what_nobody_foresaw_is_a_500_reported_by_its_type(monkeypatch):
    async def broken(call, plane, reply):
        raise LookupError("secret")

    monkeypatch.setitem(routes.GET, "key", broken)
    async with gateway(silent) as running:
        response = await running.get(b"/v1/key")
        assert (response.status, response.field("connection")) == (500, b"close")
        assert json.loads(response.body)["error"]["type"] == "internal_error"
        assert b"secret" not in response.body
        assert [type(error) for error in running.errors] == [LookupError]


@on_loop
async def test_an_error_in_the_middle_of_a_stream_cuts_it(monkeypatch):
    async def broken(call, plane, reply):
        reply.start_stream(b"content-type: text/plain\r\n")
        reply.send_part(b"half")
        raise LookupError("secret")

    monkeypatch.setitem(routes.GET, "key", broken)
    async with gateway(silent) as running:
        try:
            responses = await running.get(b"/v1/key")
        except (ConnectionError, ValueError, AssertionError):
            responses = None
        assert responses is None
        assert len(running.errors) == 1
