"""Manners of the data plane: old clients, declined upgrades, paths and methods, CORS, errors and what follows them, ways to listen."""

import contextlib
import http.client
import json
import socket
import ssl

import pytest
import trustme
from tests.hostile.talk import BODY, ask, envelope, head, post, talk
from tests.tools.gateway import SEED, running_gateway, simulated
from tests.tools.raw_http import Send, WaitFor, exchange, split_responses

from anyapi.simulator import SimulationThread, demo_config_toml
from anyapi.simulator.faults import read_fault

ORIGIN = "https://app.example.com"
WRONG_KEY = b"Authorization: Bearer anyapi_sk_" + b"0" * 36


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("manners") / "gateway") as (gateway, _):
        yield gateway


WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


@pytest.mark.parametrize(
    ("request_bytes", "method"),
    [
        (head(*WEBSOCKET, line=b"GET /v1/models HTTP/1.1"), "GET"),
        (head(*WEBSOCKET, line=b"GET /nowhere HTTP/1.1"), "GET"),
        (head(*WEBSOCKET, line=b"GET /healthz HTTP/1.1", auth=None), "GET"),
        (post(BODY, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"), "POST"),
    ],
    ids=["websocket", "websocket-nowhere", "websocket-without-key", "h2c"],
)
def test_an_upgrade_is_declined_and_its_connection_is_closed_or_goes_on(gateway, request_bytes, method):
    """RFC 9110 section 7.8. A connection left half dead would be handed to another client by a proxy that pools."""
    seen = talk(gateway, request_bytes, WaitFor(b"\r\n\r\n"), post(), responses=2, methods=(method, "POST"), deadline=5.0)
    first, *second = seen.responses((method, "POST"))
    assert first.status == (404 if b"/nowhere" in request_bytes else 200)
    if first.field("connection") == b"close":
        assert second == []
    else:
        assert [answer.status for answer in second] == [200]


def old(method: str = "POST", path: str = "/v1/chat/completions") -> bytes:
    return f"{method} {path} HTTP/1.0".encode()


def test_http_10_answer_has_a_length_and_ends_with_the_connection(gateway):
    (answer,) = talk(gateway, post(BODY, line=old(), host=None), responses=None).responses()
    assert answer.status == 200
    assert answer.field("transfer-encoding") is None
    assert int(answer.field("content-length") or b"") == len(answer.body)


def test_http_10_stream_is_delimited_by_the_close(gateway):
    body = json.dumps({**SEED, "stream": True}).encode()
    for extra in ((), (b"Connection: keep-alive",)):
        seen = talk(gateway, post(body, *extra, line=old()), responses=None)
        (answer,) = seen.responses()
        assert answer.status == 200
        assert answer.field("transfer-encoding") is None
        assert answer.field("content-length") is None
        assert answer.field("connection") == b"close"
        assert answer.body.endswith(b"data: [DONE]\n\n")


def test_http_11_stream_is_chunked_and_the_connection_can_be_used_again(gateway):
    body = json.dumps({**SEED, "stream": True}).encode()
    first, second = talk(gateway, post(body) + post(), responses=2).responses()
    assert first.field("transfer-encoding") == b"chunked"
    assert first.body.endswith(b"data: [DONE]\n\n")
    assert second.status == 200


# Paths and methods


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
def test_both_prefixes_serve_the_data_plane(gateway, prefix):
    assert gateway.request("POST", f"{prefix}/chat/completions", SEED).status == 200
    for path in ("models", "key", "privacy", "models/openai/gpt-4o-mini/endpoints"):
        assert gateway.request("GET", f"{prefix}/{path}").status == 200
    asked = {name: value for name, value in SEED.items() if name != "messages"}
    assert gateway.request("POST", f"{prefix}/explain", asked).status == 200


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/chat/completions", {"POST", "OPTIONS"}),
        ("/v1/explain", {"POST", "OPTIONS"}),
        ("/v1/models", {"GET", "HEAD", "OPTIONS"}),
        ("/v1/models/openai/gpt-4o-mini", {"GET", "HEAD", "OPTIONS"}),
        ("/v1/key", {"GET", "HEAD", "OPTIONS"}),
        ("/v1/privacy", {"GET", "HEAD", "OPTIONS"}),
        ("/", {"GET", "HEAD", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD", "OPTIONS"}),
        ("/.well-known/anyapi-privacy.json", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_that_a_path_does_not_take_is_405_with_those_it_takes(gateway, path, allow):
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - allow:
        answer = gateway.request(method, path)
        assert answer.status == 405
        assert set(answer.headers["allow"].replace(" ", "").split(",")) == allow
        if method != "HEAD":
            envelope(405, answer.body)
    answer = gateway.request("OPTIONS", path)
    assert answer.status == 204
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == allow


def test_a_path_that_is_not_served_is_404_and_says_what_is(gateway):
    for path in ("/nowhere", "/v1", "/v1/", "/v2/models", "/v1/nowhere", "/v1/chat", "/admin", "/v1//models", "/V1/models"):
        for method in ("GET", "POST", "DELETE"):
            answer = gateway.request(method, path)
            assert answer.status == 404
            text = envelope(404, answer.body)["message"]
            assert "/v1/chat/completions" in text
            assert "nowhere" not in text
    assert "not served yet" in envelope(404, gateway.request("POST", "/v1/completions", {}).body)["message"]
    assert "anyapi keys" in envelope(404, gateway.request("GET", "/api/v1/keys").body)["message"]


def test_head_is_get_without_the_body(gateway):
    for path in ("/", "/healthz", "/v1/models", "/v1/privacy", "/nowhere", "/v1/key"):
        full = gateway.request("GET", path)
        answer = ask(gateway, head(line=f"HEAD {path} HTTP/1.1".encode()), method="HEAD")
        assert (answer.status, answer.body) == (full.status, b"")
        assert answer.field("content-length") == full.headers["content-length"].encode()


# CORS


def test_without_configured_origins_a_browser_may_not_call(gateway):
    for method, path in (("OPTIONS", "/v1/chat/completions"), ("GET", "/v1/key")):
        answer = gateway.request(method, path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_configured_origin_may_call_and_no_other(tmp_path):
    with simulated(tmp_path / "gateway", server=f'cors_origins = ["{ORIGIN}"]') as (gateway, _):
        preflight = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, x-anyapi-data-class",
        }
        answer = gateway.request("OPTIONS", "/v1/chat/completions", headers={**preflight, "Authorization": ""})
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == preflight["Access-Control-Request-Headers"]
        assert "access-control-allow-credentials" not in answer.headers
        for answer in (
            gateway.chat({"Origin": ORIGIN}),
            gateway.chat({"Origin": ORIGIN}, stream=True),
            gateway.chat({"Origin": ORIGIN}, model=5),
        ):
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "origin" in answer.headers["vary"].lower()
        for other in (
            "https://evil.example",
            f"{ORIGIN}.evil.example",
            ORIGIN.upper(),
            "null",
            "http://app.example.com",
            f"{ORIGIN}:443",
            "",
        ):
            for answer in (gateway.request("OPTIONS", "/v1/key", headers={**preflight, "Origin": other}), gateway.chat({"Origin": other})):
                assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_answer_to_one_origin_is_not_the_next_ones(tmp_path):
    """Two requests on one connection, as a proxy in front would send them."""
    with simulated(tmp_path / "gateway", server=f'cors_origins = ["{ORIGIN}"]') as (gateway, _):
        first, second = talk(
            gateway, post(BODY, b"Origin: " + ORIGIN.encode()) + post(BODY, b"Origin: https://evil.example"), responses=2
        ).responses()
        assert first.field("access-control-allow-origin") == ORIGIN.encode()
        assert second.field("access-control-allow-origin") is None
        first, second = talk(gateway, post(BODY, b"Origin: " + ORIGIN.encode()) + post(BODY), responses=2).responses()
        assert second.field("access-control-allow-origin") is None


def test_hostile_request_headers_of_a_preflight_are_not_echoed(tmp_path):
    with simulated(tmp_path / "gateway", server=f'cors_origins = ["{ORIGIN}"]') as (gateway, _):
        for value in (b"a\x01b", b"<script>", "é".encode(), b"a: b", b'"'):
            lines = (b"Origin: " + ORIGIN.encode(), b"Access-Control-Request-Headers: " + value)
            answer = ask(gateway, head(*lines, line=b"OPTIONS /v1/key HTTP/1.1"), method="OPTIONS")
            assert answer.field("access-control-allow-headers") is None


# Errors


ERRORS = {
    "400 no JSON": (400, post(b"x")),
    "400 bad policy": (400, post(BODY.replace(b"false", b'"no"'))),
    "400 unknown policy header": (400, post(BODY, b"X-AnyAPI-Nothing: 1")),
    "401 no key": (401, post(auth=None)),
    "401 unknown key": (401, post(auth=WRONG_KEY)),
    "403 no endpoint": (403, post(BODY, b"X-AnyAPI-Regions: jp")),
    "404 unknown model": (404, post(BODY.replace(b"sonnet", b"sonnett"))),
    "404 unknown path": (404, post(line=b"POST /v1/nowhere HTTP/1.1")),
    "405": (405, post(line=b"PUT /v1/chat/completions HTTP/1.1")),
    "503 tags": (503, post(BODY.replace(b'{"model"', b'{"tags": ["chat_completions:computer_use"], "model"'))),
}


@pytest.mark.parametrize("name", ERRORS)
def test_after_an_error_the_connection_serves_on(gateway, name):
    status, request_bytes = ERRORS[name]
    first, second, third = talk(gateway, request_bytes + request_bytes + post(), responses=3).responses()
    assert [first.status, second.status, third.status] == [status, status, 200]
    envelope(status, first.body)
    assert first.field("content-type") == b"application/json"


UPSTREAM_ERRORS = {
    "429": (429, {"kind": "status", "status": 429, "retry_after": 30}),
    "502": (502, {"kind": "status", "status": 500}),
    "reset": (502, {"kind": "reset", "at": 10}),
    "garbage": (502, {"kind": "bad_json"}),
}


@pytest.mark.parametrize("name", UPSTREAM_ERRORS)
def test_after_a_providers_failure_the_connection_serves_on(tmp_path, name):
    status, fault = UPSTREAM_ERRORS[name]
    with simulated(tmp_path / "gateway") as (gateway, simulation):
        for provider in simulation.base_urls:
            simulation.script(provider, [read_fault(json.dumps(fault))] * 20)
        one, other = b"X-AnyAPI-Providers-Only: sim-30d", b"X-AnyAPI-Providers-Only: sim-zero"
        first, second = talk(gateway, post(BODY, one) + post(BODY, other), responses=2).responses()
        assert (first.status, second.status) == (status, status)
        envelope(status, first.body)
        for provider in simulation.base_urls:
            simulation.script(provider, [])
        first, second = talk(gateway, post(BODY, one) + post(BODY), responses=2).responses()
        assert {first.status, second.status} <= {200, 503}


def test_request_id_is_echoed_with_every_status_and_a_bad_one_is_refused(gateway):
    for status, request_bytes in [*ERRORS.values(), (200, post())]:
        marked = request_bytes.replace(b"Content-Type", b"X-Request-ID: req_1.a:b@c-d\r\nContent-Type", 1)
        answer = ask(gateway, marked)
        assert (answer.status, answer.field("x-request-id")) == (status, b"req_1.a:b@c-d")
    for bad in (b"a b", b"", b"a" * 129, b"a,b", b"<a>", "é".encode(), b"a/b", b"a\tb"):
        answer = ask(gateway, post(BODY, b"X-Request-ID: " + bad))
        assert answer.status == 400
        assert "X-Request-ID" in envelope(400, answer.body)["message"]
        assert bad not in answer.body.replace(b"A-Za-z0-9._:@-", b"") or bad in {b"", b"a b", b"a,b"}
    assert ask(gateway, post(BODY, b"X-Request-ID: " + b"a" * 128)).status == 200
    assert ask(gateway, post(BODY, b"X-Request-ID: a", b"X-Request-ID: b")).status == 400


# Ways to listen


def test_unix_socket(tmp_path_factory):
    short = tmp_path_factory.mktemp("s")  # a socket's path may have 100 bytes
    where = str(short / "a.sock")
    with SimulationThread() as simulation:
        toml = demo_config_toml(simulation.simulation.ports)
        with running_gateway(short / "g", toml, environment={"ANYAPI_LISTEN": f"unix:{where}"}) as gateway:
            script = [Send(post().replace(b"@KEY@", gateway.key.encode()).replace(b"@HOST@", b"localhost"))]
            for _ in range(2):
                (answer,) = exchange(where, script).responses()
                assert answer.status == 200
            assert gateway.stop() == 0


def test_tls(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = f"[server.tls]\ncertificate = {json.dumps(str(tmp_path / 'cert.pem'))}\nkey = {json.dumps(str(tmp_path / 'key.pem'))}"
    with simulated(tmp_path / "gateway", server=server) as (gateway, _):
        request_bytes = post().replace(b"@KEY@", gateway.key.encode()).replace(b"@HOST@", b"localhost")
        with (
            socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            assert sock.selected_alpn_protocol() == "http/1.1"
            sock.sendall(request_bytes * 2)
            data = b""
            while len(split_responses(data, closed=False)[0]) < 2:
                data += sock.recv(65536)
        assert [answer.status for answer in split_responses(data, closed=False)[0]] == [200, 200]
        for noise in (request_bytes, b"\x16\x03\x01\x00\x05hello", b"\0" * 100):
            seen = exchange(("127.0.0.1", gateway.port), [Send(noise)], responses=None)
            assert b"HTTP/1" not in seen.received
        client = http.client.HTTPSConnection("localhost", gateway.port, context=context, timeout=10)
        with contextlib.closing(client):
            client.request(
                "POST",
                "/v1/chat/completions",
                json.dumps({**SEED, "user": "a" * 200_000}).encode(),
                {"Authorization": f"Bearer {gateway.key}"},
            )
            assert client.getresponse().status == 200
