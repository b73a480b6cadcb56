"""The demo's sample traffic: real requests, some of them refused."""

from tests.tools.gateway import simulated

from anyapi.cli.demo_traffic import APPS, MODELS, POLICIES, REQUESTS, send_sample_traffic


def test_it_leaves_rows_of_every_model_app_and_outcome(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        answered = send_sample_traffic(gateway.url, gateway.key)
        rows = gateway.usage(REQUESTS)
    assert len(rows) == REQUESTS
    assert {row.model for row in rows} == set(MODELS)
    assert {row.app.name for row in rows} == set(APPS)
    assert {row.outcome for row in rows} == {"success", "no_eligible_endpoint"}
    assert answered == sum(row.outcome == "success" for row in rows) == REQUESTS - REQUESTS // len(POLICIES)
    assert any(row.streamed for row in rows)


def test_a_gateway_that_is_gone_is_no_trouble():
    assert send_sample_traffic("http://127.0.0.1:9", "anyapi_sk_x", 2) == 0
