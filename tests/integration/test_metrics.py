"""The page for Prometheus: what a real gateway says of real requests, at an address of its own, and that nothing of a caller is on it."""

import json
import re
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.lab import until
from tests.tools.gateway import METRICS, simulated

from anyapi.gateway.health import FAILURES
from anyapi.simulator.faults import read_fault

SAID = "canary-1f0c99d2"


def scraped(gateway):
    text = gateway.metrics().decode()
    return text, [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def summed(samples, name, **labels):
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("metrics"), extra=METRICS) as (gateway, _):
        yield gateway


def test_it_tells_what_the_usage_rows_tell(gateway):
    for number in range(6):
        answer = gateway.chat(messages=[{"role": "user", "content": f"{SAID} {number}"}], stream=number % 2 == 0)
        assert answer.status == 200
    assert gateway.chat(data_policy={"retention_days": 0}, provider={"only": ["sim-30d"]}).status == 403
    assert gateway.chat(model=f"none/{SAID}").status == 404
    assert gateway.request("POST", "/v1/chat/completions", {"model": SAID}, {"X-Title": SAID}).status == 400
    assert gateway.request("GET", "/v1/key", headers={"Authorization": f"Bearer {SAID}"}).status == 401
    rows = gateway.usage(7)
    text, samples = scraped(gateway)

    assert summed(samples, "anyapi_requests_total") == len(rows) == 7
    assert summed(samples, "anyapi_requests_total", outcome="success") == 6
    assert summed(samples, "anyapi_tokens_total", kind="prompt") == sum(row.tokens.prompt for row in rows)
    assert summed(samples, "anyapi_tokens_total", kind="completion") == sum(row.tokens.completion for row in rows)
    assert summed(samples, "anyapi_cost_usd_total") == pytest.approx(sum(row.cost or 0 for row in rows))
    assert summed(samples, "anyapi_request_seconds_count") == 7
    refused = {each.labels["type"]: each.value for each in samples if each.name == "anyapi_requests_refused_total"}
    assert sorted(refused.values()) == [1, 1, 1], refused
    assert summed(samples, "anyapi_rows_written_total", writer="usage") == 7
    assert summed(samples, "anyapi_writer_failing") == 0
    assert summed(samples, "anyapi_ready") == summed(samples, "anyapi_keys") == 1
    assert summed(samples, "anyapi_scrubbing") == 1

    assert summed(samples, "anyapi_requests_running") == 0, "who asks for this page is no request of a client"

    for secret in (SAID, gateway.key, rows[0].key, rows[0].decision):
        assert secret not in text
    assert "default" not in {value for each in samples for value in each.labels.values()}, "the account"


def test_an_endpoint_that_fails_is_shown_until_it_is_asked_again(tmp_path):
    with simulated(tmp_path, extra=METRICS) as (gateway, simulation):
        simulation.script("sim-zero", [[read_fault('{"kind": "status", "status": 500}')] for _ in range(4 * FAILURES)])
        for _ in range(FAILURES):
            assert gateway.chat(provider={"only": ["sim-zero"]}).status in {502, 503}
        _, samples = scraped(gateway)
        shown = [each.labels["endpoint"] for each in samples if each.name == "anyapi_circuit_open"]
        assert len(shown) == 1
        assert shown[0].startswith("sim-zero")


def test_what_is_being_answered_is_counted_and_who_reads_the_page_is_not(tmp_path):
    with simulated(tmp_path, extra=METRICS) as (gateway, simulation):
        simulation.script("sim-zero", [[read_fault('{"kind": "stall", "at": 0}')]])
        assert summed(scraped(gateway)[1], "anyapi_requests_running") == 0
        body = json.dumps(
            {"model": "anthropic/claude-3.5-sonnet", "messages": [{"role": "user", "content": "x"}], "provider": {"only": ["sim-zero"]}}
        ).encode()
        with gateway.connect(10) as client:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\ncontent-length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            until(lambda: summed(scraped(gateway)[1], "anyapi_requests_running") == 1, "one runs")
        until(lambda: summed(scraped(gateway)[1], "anyapi_requests_running") == 0, "it ended with its client")


def test_records_that_end_soon_are_announced(tmp_path):
    with simulated(tmp_path, extra=METRICS + "\n[catalogue]\nspan_days = 20\n") as (gateway, _):
        _, samples = scraped(gateway)
        ends = {each.labels["provider"]: each.value for each in samples if each.name == "anyapi_catalogue_record_ends_timestamp_seconds"}
        assert len(ends) > 50
        assert all(end < time.time() + 30 * 86_400 for end in ends.values())


def test_nothing_else_is_there(gateway):
    gateway.metrics()
    url = re.search(r"event=metrics_started listen=(\S+)", gateway.log())[1]
    for path, method, status in (("/v1/models", "GET", 404), ("/", "GET", 404), ("/metrics", "POST", 405)):
        request = urllib.request.Request(url.replace("/metrics", path), method=method)
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(request, timeout=10)
        told.value.close()
        assert told.value.code == status
    assert gateway.request("GET", "/metrics").status == 404, "callers have no way to it"


def test_without_an_address_there_is_no_page(tmp_path):
    with simulated(tmp_path) as (gateway, _):
        assert gateway.chat().status == 200
        assert "metrics_started" not in gateway.log()
