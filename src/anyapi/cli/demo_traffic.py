"""A few dozen requests for the demo, so that its dashboard shows something: real ones, to simulated providers."""

import contextlib
import itertools
import json
import urllib.error
import urllib.request

MODELS = ("anthropic/claude-3.5-sonnet", "openai/gpt-4o-mini", "meta-llama/llama-3.3-70b-instruct", "mistralai/mistral-small-4")
POLICIES: tuple[dict[str, object], ...] = (
    {"training_allowed": False, "retention_days": 30},
    {"retention_days": 0},
    {},
    {"data_class": "confidential"},
    {"retention_days": 0, "providers": {"only": ["sim-30d"]}},
)
"""The last one permits nothing, so that the dashboard has refusals to explain."""
APPS = ("support-chat", "nightly-report", "search")
REQUESTS = 40


def send_sample_traffic(url: str, secret: str, requests: int = REQUESTS) -> int:
    """Send requests to the gateway one after another; say how many were answered. What fails is left out."""
    answered = 0
    kinds = zip(itertools.cycle(MODELS), itertools.cycle(POLICIES), itertools.cycle(APPS), strict=False)
    for number, (model, policy, app) in enumerate(itertools.islice(kinds, requests)):
        body = {"model": model, "data_policy": policy, "stream": number % 7 == 0, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "X-AnyAPI-App-Name": app}
        request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)  # noqa: S310 our own loopback URL
        with contextlib.suppress(OSError, urllib.error.HTTPError), urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()
            answered += 1
    return answered
