import json

import pytest

from anyapi.simulator.call import Call
from anyapi.simulator.openai_errors import OpenAiErrors, log_probabilities


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(400, "invalid_request_error", None), (401, "invalid_request_error", "invalid_api_key"), (418, "invalid_request_error", None)]
    + [(429, "requests", "rate_limit_exceeded"), (503, "server_error", None)],
)
def test_error_objects(status, kind, code):
    errors = OpenAiErrors()
    assert json.loads(errors.error(status, "Why.")) == {"error": {"message": "Why.", "type": kind, "param": None, "code": code}}
    assert errors.error_headers(status) == []
    assert errors.count(Call("m", 1)) is None


def test_an_error_event_is_data_only():
    event = OpenAiErrors().error_event("Why.", 3)
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")


@pytest.mark.parametrize("alternatives", [0, 1, 3])
def test_log_probabilities(alternatives):
    entries = log_probabilities(["a", "日"], alternatives)
    assert [bytes(entry["bytes"]).decode() for entry in entries] == ["a", "日"]
    for entry in entries:
        assert len(entry["top_logprobs"]) == alternatives
        assert not alternatives or entry["top_logprobs"][0]["token"] == entry["token"]
        assert all(bytes(other["bytes"]).decode() == other["token"] for other in entry["top_logprobs"])
