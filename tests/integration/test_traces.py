"""Traces: what a real gateway tells a real collector of real requests, and what it never tells it."""

import http.client
import itertools
import json
import re
import time
from pathlib import Path

import pytest
from tests.tools.collector import attributes, collecting
from tests.tools.gateway import METRICS, SEED, add_key, received, simulated

from anyapi.simulator.faults import read_fault
from anyapi.telemetry.span_fields import REQUEST, SENT

SAID = "canary-1f0c99d2"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    with collecting() as collector, simulated(tmp_path_factory.mktemp("traces"), extra=collector.toml + METRICS) as (gateway, simulation):
        yield gateway, simulation, collector


def ask(traced, headers=None, **fields):
    """One request: its answer, and its spans by kind."""
    gateway, _, collector = traced
    answer = gateway.chat(headers, **fields)
    decision = answer.headers.get("x-anyapi-decision")
    spans = collector.wait(lambda one: any(attributes(span).get("anyapi.decision") == decision for span in one.spans()))
    (own,) = [span for span in spans if attributes(span).get("anyapi.decision") == decision]
    sent = [span for span in spans if span.parent_span_id == own.span_id]
    assert len(sent) <= 1
    return answer, own, sent[0] if sent else None


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_two_spans(traced, stream):
    began = time.time_ns()
    answer, own, sent = ask(traced, stream=stream)
    assert answer.status == 200
    row = next(row for row in traced[0].usage() if row.decision == answer.headers["x-anyapi-decision"])
    assert own.name == sent.name == "chat anthropic/claude-3.5-sonnet"
    assert (own.kind, sent.kind) == (own.SPAN_KIND_SERVER, own.SPAN_KIND_CLIENT)
    assert own.trace_id == sent.trace_id
    assert (len(own.trace_id), len(own.span_id), len(sent.span_id), own.parent_span_id) == (16, 8, 8, b"")
    assert began - 1e9 < own.start_time_unix_nano <= sent.start_time_unix_nano < sent.end_time_unix_nano == own.end_time_unix_nano
    assert own.end_time_unix_nano - own.start_time_unix_nano == pytest.approx(row.duration * 1e9, abs=1000)
    assert own.flags & 0x3FF == 0x101
    assert own.status.code == sent.status.code == own.status.STATUS_CODE_UNSET

    told = attributes(own)
    assert told == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "anthropic/claude-3.5-sonnet",
        "anyapi.decision": row.decision,
        "anyapi.operation": "chat_completions",
        "anyapi.outcome": "success",
        "anyapi.provider": row.provider,
        "anyapi.endpoint": row.endpoint,
        "anyapi.attempts": 1,
        "anyapi.streamed": stream,
        "anyapi.first_token": pytest.approx(row.first_token),
        "anyapi.cost_usd": pytest.approx(row.cost),
        "anyapi.token_source": "measured",
    }
    assert attributes(sent) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "anthropic/claude-3.5-sonnet",
        "gen_ai.provider.name": row.provider,
        "gen_ai.usage.input_tokens": row.tokens.prompt,
        "gen_ai.usage.output_tokens": row.tokens.completion,
        "gen_ai.usage.cache_read.input_tokens": row.tokens.cached,
        "gen_ai.usage.reasoning.output_tokens": row.tokens.reasoning,
        "anyapi.endpoint": row.endpoint,
    }


def test_what_they_come_from(traced):
    ask(traced)
    (resource,) = {resource.resource.SerializeToString() for message in traced[2].messages() for resource in message.resource_spans}
    (one, *_) = traced[2].messages()[0].resource_spans
    told = {each.key: each.value.string_value for each in one.resource.attributes}
    assert told["service.name"] == "anyapi"
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["service.version"])
    assert re.fullmatch(r"[0-9a-f]{16}", told["service.instance.id"])
    assert len(told) == 3
    assert resource == one.resource.SerializeToString()
    assert {head["content-type"] for head in traced[2].heads} == {"application/x-protobuf"}
    assert set(traced[2].paths) == {"/v1/traces"}
    assert "upb" in Path(f"/proc/{traced[0].pid}/maps").read_text(), "what is loaded for it; else the test of its absence shows nothing"


def test_a_refused_request_has_one_span(traced):
    answer, own, sent = ask(traced, data_policy={"retention_days": 0}, provider={"only": ["sim-30d"]})
    assert (answer.status, sent) == (403, None)
    told = attributes(own)
    assert (told["error.type"], told["anyapi.outcome"]) == ("no_eligible_endpoint", "no_eligible_endpoint")
    assert told["http.response.status_code"] == 403
    assert "anyapi.provider" not in told
    assert own.status.code == own.status.STATUS_CODE_UNSET, "the caller's affair"


def test_a_data_class_is_told(traced):
    _, own, sent = ask(traced, data_policy={"data_class": "confidential"})
    assert attributes(own)["anyapi.data_class"] == "confidential"
    assert sent.start_time_unix_nano > own.start_time_unix_nano, "its record came first"


def test_a_failure_and_a_failover(traced):
    _, simulation, _ = traced
    simulation.script("sim-zero", [[read_fault('{"kind": "status", "status": 500}')] for _ in range(2)])
    answer, own, sent = ask(traced, provider={"only": ["sim-zero"]})
    assert answer.status >= 500
    assert own.status.code == sent.status.code == own.status.STATUS_CODE_ERROR
    assert attributes(own)["error.type"] == attributes(sent)["error.type"]
    simulation.script("sim-zero", [[read_fault('{"kind": "status", "status": 500}')]])
    answer, own, sent = ask(traced, provider={"order": ["sim-zero", "sim-30d"]})
    told = attributes(own)
    assert answer.status == 200
    assert told["anyapi.attempts"] == 2
    assert told["anyapi.sent_to"] == ("sim-zero/claude-3.5-sonnet", "sim-30d/claude-3.5-sonnet")
    assert attributes(sent)["anyapi.endpoint"] == told["anyapi.endpoint"] == "sim-30d/claude-3.5-sonnet"
    simulation.script("sim-zero", [])


def test_a_stream_that_breaks_off_is_an_error(traced):
    _, simulation, _ = traced
    simulation.script("sim-30d", [[read_fault('{"kind": "error_event", "at": "middle"}')]])
    answer, own, sent = ask(traced, stream=True, provider={"only": ["sim-30d"]})
    simulation.script("sim-30d", [])
    assert answer.status == 200
    assert attributes(own)["error.type"] == attributes(sent)["error.type"] == "interrupted"
    assert own.status.code == sent.status.code == own.status.STATUS_CODE_ERROR
    assert attributes(own)["anyapi.token_source"] == "estimated"


def test_the_callers_trace_is_joined_and_no_provider_hears_of_it(traced):
    gateway, simulation, _ = traced
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": f"vendor={SAID}", "baggage": f"user={SAID}"}
    answer, own, sent = ask(traced, headers)
    assert answer.status == 200
    assert (own.trace_id.hex(), own.parent_span_id.hex()) == (TRACE, SPAN)
    assert own.flags & 0x3FF == 0x301, "its parent is another process"
    assert (sent.trace_id.hex(), sent.parent_span_id) == (TRACE, own.span_id)
    assert sent.flags & 0x3FF == 0x101
    assert sum(received(simulation).values()) > 0
    for name in received(simulation):
        seen = str(simulation.ledger(name)).lower()
        assert TRACE not in seen
        assert SPAN not in seen
        assert SAID not in seen


def test_a_trace_that_is_not_recorded_gets_no_span(traced):
    gateway, _, collector = traced
    silent = gateway.chat({"traceparent": f"00-{TRACE}-{SPAN}-00"})
    ask(traced)
    assert silent.status == 200
    assert silent.headers["x-anyapi-decision"] not in {attributes(span).get("anyapi.decision") for span in collector.spans()}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        SAID,
        f"00-{TRACE}-{SPAN}-0",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-{SAID}",
        f"01-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0\xb2",
        "00-" + "a" * 9000,
    ],
)
def test_anything_else_begins_a_trace_of_its_own(traced, value):
    answer, own, _ = ask(traced, {"traceparent": value.encode("latin-1")})
    assert answer.status == 200
    assert own.parent_span_id == b""
    assert own.trace_id.hex() not in {TRACE, "0" * 32}
    assert SAID.encode() not in own.SerializeToString()


def test_two_of_them_are_none(traced):
    gateway, _, collector = traced
    body = json.dumps(SEED).encode()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.putrequest("POST", "/v1/chat/completions")
    for name, text in (
        ("Authorization", f"Bearer {gateway.key}"),
        ("Content-Length", str(len(body))),
        *[("Traceparent", f"00-{TRACE}-{SPAN}-01")] * 2,
    ):
        connection.putheader(name, text)
    connection.endheaders(body)
    answer = connection.getresponse()
    decision = answer.headers["x-anyapi-decision"]
    answer.read()
    connection.close()
    assert answer.status == 200
    spans = collector.wait(lambda one: any(attributes(span).get("anyapi.decision") == decision for span in one.spans()))
    (own,) = [span for span in spans if attributes(span).get("anyapi.decision") == decision]
    assert own.parent_span_id == b""


def test_what_was_never_accepted_leaves_no_span(traced):
    gateway, _, collector = traced
    assert gateway.chat(model=f"none/{SAID}").status == 404
    assert gateway.request("POST", "/v1/chat/completions", {"model": SAID}).status == 400
    assert gateway.request("GET", "/v1/key", headers={"Authorization": f"Bearer {SAID}"}).status == 401
    before = len([span for span in collector.spans() if span.kind == span.SPAN_KIND_SERVER])
    ask(traced)
    assert len([span for span in collector.spans() if span.kind == span.SPAN_KIND_SERVER]) == before + 1


def test_nothing_of_a_caller_is_told(traced):
    gateway, _, collector = traced
    app = {f"X-AnyAPI-App-{name}": f"{SAID}-{name}" for name in ("Id", "Name")}
    answer, *_ = ask(traced, {**app, "X-Request-ID": SAID, "User-Agent": SAID}, messages=[{"role": "user", "content": SAID}], user=SAID)
    assert answer.status == 200
    (row, *_) = gateway.usage()
    said = b"".join(collector.bodies)
    for secret in (SAID, gateway.key, row.key, "default", "env:"):
        assert secret.encode() not in said, secret
    for number in (gateway.pid, gateway.port):  # by itself: the hex digits of an id may hold a few that are the same
        assert re.search(rb"(?<![0-9a-z])%d(?![0-9a-z])" % number, said) is None, number
    for span in collector.spans():
        assert set(attributes(span)) <= set(REQUEST if span.kind == span.SPAN_KIND_SERVER else SENT)


def test_the_privacy_page_says_what_is_sent(traced):
    gateway, _, collector = traced
    page = gateway.request("GET", "/v1/privacy").json()["telemetry"]
    assert page["sent_to_anyone"] is True
    told = {name for span in collector.spans() for name in attributes(span)}
    assert told <= {field["field"] for field in page["fields"]}


def test_a_stop_sends_what_is_left(tmp_path):
    with collecting() as collector, simulated(tmp_path, extra=collector.toml) as (gateway, _):
        for _ in range(3):
            assert gateway.chat().status == 200
        assert gateway.stop() == 0
        assert len(collector.spans()) == 6


def test_a_share_of_requests(tmp_path):
    with collecting() as collector, simulated(tmp_path, extra=f"{collector.toml}sample = 0.0\n") as (gateway, _):
        for _ in range(3):
            assert gateway.chat().status == 200
        assert gateway.chat({"traceparent": f"00-{TRACE}-{SPAN}-01"}).status == 200
        assert gateway.stop() == 0
        assert {span.trace_id.hex() for span in collector.spans()} == {TRACE}


@pytest.mark.parametrize("status", [429, 503])
def test_a_collector_that_is_busy_gets_it_later(tmp_path, status):
    with collecting() as collector, simulated(tmp_path, extra=collector.toml + METRICS) as (gateway, _):
        collector.status = status
        assert gateway.chat().status == 200
        deadline = time.monotonic() + 10
        while "writer=traces" not in gateway.log() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert f"event=writer_failed writer=traces code=status_{status} count=1" in gateway.log()
        assert b'anyapi_writer_failing{writer="traces"} 1.0' in gateway.metrics()
        collector.status = 200
        assert len(collector.wait(lambda one: bool(one.bodies))) == 2
        assert gateway.stop() == 0
        assert gateway.log().count("writer=traces") == 2, "that it failed, and that it is over"
        assert "event=writer_recovered writer=traces" in gateway.log()


def test_a_collector_that_refuses_is_not_asked_again(tmp_path):
    with collecting() as collector, simulated(tmp_path, extra=collector.toml + METRICS) as (gateway, _):
        collector.status, collector.answer = 400, b"the body was: " + SAID.encode()
        assert gateway.chat().status == 200
        collector.wait(lambda one: bool(one.heads))
        assert gateway.chat().status == 200
        collector.wait(lambda one: len(one.heads) == 2)
        assert b'anyapi_rows_lost_total{writer="traces"}' in gateway.metrics()
        assert gateway.stop() == 0
        assert len(collector.heads) == 2
        assert gateway.log().count("event=writer_failed writer=traces code=status_400") == 1
        assert SAID not in gateway.log()


def test_a_redirect_is_not_followed(tmp_path):
    with collecting() as other, collecting() as collector, simulated(tmp_path, extra=collector.toml) as (gateway, _):
        collector.status, collector.location = 307, other.url
        assert gateway.chat().status == 200
        collector.wait(lambda one: bool(one.heads))
        assert gateway.stop() == 0
        assert other.heads == []
        assert "code=status_307" in gateway.log()


@pytest.mark.parametrize("how", ["down", "slow"])
def test_a_collector_that_is_away_costs_no_request_and_no_stop(tmp_path, how):
    with collecting() as collector:
        toml = collector.toml if how == "slow" else collector.toml.replace(collector.url, "http://127.0.0.1:9/v1/traces")
        collector.seconds = 60.0
        with simulated(tmp_path, extra=toml) as (gateway, _):
            times = []
            for _ in range(20):
                began = time.monotonic()
                assert gateway.chat().status == 200
                times.append(time.monotonic() - began)
            time.sleep(1.5)  # an export is under way
            assert gateway.chat().status == 200
            assert gateway.request("GET", "/readyz").status == 200
            began = time.monotonic()
            assert gateway.stop() == 0
            assert time.monotonic() - began < 5.0
            assert max(times) < 1.0
            assert re.search(r"event=rows_lost writer=traces code=closing count=\d+", gateway.log())


def test_headers_for_the_collector(tmp_path):
    secret = "Bearer abcd-1234-" + SAID
    with collecting() as collector:
        environment = {"ANYAPI_TRACES_ENDPOINT": collector.url, "ANYAPI_TRACES_HEADERS": f"Authorization: {secret}\nX-Scope: one two"}
        with simulated(tmp_path, environment=environment) as (gateway, _):
            assert gateway.chat().status == 200
            collector.wait(lambda one: bool(one.heads))
            assert collector.heads[0]["authorization"] == secret
            assert collector.heads[0]["x-scope"] == "one two"
            assert gateway.stop() == 0
            assert SAID not in gateway.log()
            assert re.search(r"event=traces_started host=127\.0\.0\.1:\d+\n", gateway.log())


def test_without_an_endpoint_nothing_is_loaded_and_the_header_is_dropped(tmp_path):
    with simulated(tmp_path) as (gateway, simulation):
        for value in (f"00-{TRACE}-{SPAN}-01", SAID):
            assert gateway.chat({"traceparent": value}).status == 200
        maps = Path(f"/proc/{gateway.pid}/maps").read_text()
        assert "upb" not in maps
        assert "opentelemetry" not in maps
        assert gateway.request("GET", "/v1/privacy").json()["telemetry"] == {"sent_to_anyone": False}
        assert "traces" not in gateway.log()


def test_key_limits_and_samples_go_along(tmp_path):
    """The other things that a usage row passes by still hear of it, and the answer still says what they have it say."""
    with (
        collecting() as collector,
        simulated(tmp_path, extra=collector.toml + "\n[ranking]\nenabled = true\nshare = 1.0\n") as (gateway, _),
    ):
        assert gateway.stop() == 0
        with gateway.store() as store:
            gateway.key, _ = add_key(store, requests_per_minute=5)
        gateway.start()
        answers = [gateway.chat() for _ in range(6)]
        assert [answer.status for answer in answers] == [*itertools.repeat(200, 5), 429]
        assert answers[0].headers["x-ratelimit-remaining-requests"] == "4"
        assert gateway.stop() == 0
        assert len(collector.spans()) == 10
