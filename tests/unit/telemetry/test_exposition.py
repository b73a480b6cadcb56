"""The page of metrics, read back by Prometheus's own parser."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conformance.samples import usage_row

from anyapi.domain.usage import LATENCY_BOUNDS, UsageRow
from anyapi.telemetry.counts import Counts, Gauge, Reading
from anyapi.telemetry.exposition import LABELS, page

MODEL = usage_row(0).model


def read(counts, gauges=()):
    """Samples by name and labels."""
    families = text_string_to_metric_families(page(Reading(counts, gauges), "1.2.3").decode())
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples}


def test_the_page_tells_what_the_rows_tell():
    counts, rows = Counts(), [usage_row(number, provider="a") for number in range(3)] + [usage_row(3, provider="b", outcome="timed_out")]
    for row in rows:
        counts.add(row)
    counts.refuse("bad_request")
    counts.refuse("bad_request")
    found = read(counts)
    at_a, at_b = (("model", MODEL), ("provider", "a")), (("model", MODEL), ("provider", "b"))
    asked = rows[0].operation
    assert found["anyapi_requests_total", (("model", MODEL), ("operation", asked), ("outcome", "success"), ("provider", "a"))] == 3
    assert found["anyapi_requests_total", (("model", MODEL), ("operation", asked), ("outcome", "timed_out"), ("provider", "b"))] == 1
    assert found["anyapi_requests_refused_total", (("type", "bad_request"),)] == 2
    for kind in ("prompt", "completion", "cached", "reasoning"):
        assert found["anyapi_tokens_total", (("kind", kind), *at_a)] == sum(getattr(row.tokens, kind) for row in rows[:3])
    assert found["anyapi_cost_usd_total", at_a] == pytest.approx(sum(row.cost for row in rows[:3]))
    assert found["anyapi_request_seconds_count", at_a] == 3
    assert found["anyapi_request_seconds_sum", at_a] == pytest.approx(sum(row.duration for row in rows[:3]))
    assert found["anyapi_first_token_seconds_count", at_b] == 1
    assert found["anyapi_info", tuple(sorted({"version": "1.2.3", "python": __import__("platform").python_version()}.items()))] == 1
    assert found["process_resident_memory_bytes", ()] > 1_000_000


def test_buckets_hold_what_took_no_longer():
    counts = Counts()
    for seconds in (0.0, LATENCY_BOUNDS[0], 0.4, 10_000.0):
        counts.add(msgspec.structs.replace(usage_row(1, provider="a"), duration=seconds, first_token=None))
    found = read(counts)
    below = {float(dict(labels)["le"]): value for (name, labels), value in found.items() if name == "anyapi_request_seconds_bucket"}
    assert below == {bound: sum(seconds <= bound for seconds in (0.0, LATENCY_BOUNDS[0], 0.4, 10_000.0)) for bound in below}
    assert len(below) == len(LATENCY_BOUNDS) + 1
    assert not any(name.startswith("anyapi_first_token") for name, _ in found)


def test_no_label_can_name_a_caller():
    """Every text field of a row that tells of the caller has a value of its own here; none of them is on the page."""
    allowed = {"operation", "model", "outcome", "provider"}
    texts = {
        field: f"marker-{field}" for field in UsageRow.__struct_fields__ if isinstance(getattr(usage_row(1, provider="a"), field), str)
    }
    row = msgspec.structs.replace(usage_row(1, provider="a"), **{k: v for k, v in texts.items() if k != "source"}, project="marker-project")
    counts = Counts()
    counts.add(row)
    text = page(Reading(counts, ()), "1").decode()
    assert {field for field in (*texts, "project") if f"marker-{field}" in text} == allowed
    assert {"account", "key", "decision"} <= texts.keys()


def test_a_label_that_is_not_on_the_list_is_a_bug():
    assert "key" not in LABELS
    with pytest.raises(ValueError, match="allow-list"):
        page(Reading(Counts(), [Gauge("x", "x", ("key",), {("k",): 1})]), "1")
