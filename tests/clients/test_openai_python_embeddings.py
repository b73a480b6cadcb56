"""The official Python SDK, unmodified, through the embeddings format and adapters: it asks for base64 unless told not to.

Its transport is a function that does what the gateway does between client and provider; the provider behind it is the test's. The last
test has the real gateway and simulated providers instead.
"""

import base64
import json
import struct

import httpx2
import openai
import pytest
from openai import OpenAI
from tests.tools.gateway import simulated
from tests.unit.policy.samples import endpoint

from anyapi.gateway.formats import openai_embeddings
from anyapi.simulator import ClaimedPolicy, ModelSpec, ProviderSpec, WireName
from anyapi.upstream.adapter import Answer, ProviderRow
from anyapi.upstream.gemini_embeddings import GeminiEmbeddings
from anyapi.upstream.openai_embeddings import OpenAIEmbeddings

ENDPOINT = endpoint(upstream_model="their-name")
NUMBERS = (0.1, -2.5, 3.0e-5, 1.0)
VECTOR = list(struct.unpack("<4f", struct.pack("<4f", *NUMBERS)))
"""As 32-bit floats: what a provider of them writes."""


def packed(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def texts_of(request):
    """The inputs as the provider sees them."""
    return request["input"] if isinstance(request["input"], list) and isinstance(request["input"][0], str | list) else [request["input"]]


def obedient(request):
    """A provider that gives what is asked for."""
    return listed(request, request.get("encoding_format", "float"))


def only_arrays(request):
    """A provider that does not know `encoding_format`."""
    return listed(request, "float")


def only_base64(request):
    """A provider that knows nothing else."""
    return listed(request, "base64")


def listed(request, form):
    vector = VECTOR if form == "float" else packed(VECTOR)
    data = [{"object": "embedding", "index": number, "embedding": vector} for number, _ in enumerate(texts_of(request))]
    return {"object": "list", "data": data, "model": request["model"], "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def gemini(request):
    """Gemini's API."""
    return {"embeddings": [{"values": VECTOR} for _ in request["requests"]], "usageMetadata": {"promptTokenCount": 3}}


PROVIDERS = {
    "obedient": (OpenAIEmbeddings(), obedient),
    "only arrays": (OpenAIEmbeddings(), only_arrays),
    "only base64": (OpenAIEmbeddings(), only_base64),
    "gemini": (GeminiEmbeddings(), gemini),
}


def through(adapter, provider, seen):
    """A transport that is the gateway; `seen` gets what the provider was sent."""

    def handle(request):
        asked = openai_embeddings.parse(request.read())
        prepared = adapter.prepare(asked, ENDPOINT, ProviderRow())
        seen.append((prepared.path, json.loads(prepared.body)))
        answer = adapter.read_answer(json.dumps(provider(seen[-1][1])).encode(), asked)
        assert isinstance(answer, Answer)
        return httpx2.Response(200, content=answer.body, headers={"content-type": "application/json"})

    return httpx2.MockTransport(handle)


@pytest.fixture(params=PROVIDERS)
def place(request):
    adapter, provider = PROVIDERS[request.param]
    seen = []
    http = httpx2.Client(transport=through(adapter, provider, seen))
    with OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0) as client:
        yield client, seen, request.param


def test_the_default_is_base64_and_the_caller_sees_numbers(place):
    client, seen, name = place
    answer = client.embeddings.create(model="acme/embed", input=["one", "two"])
    assert [item.embedding for item in answer.data] == [VECTOR, VECTOR]
    assert [item.index for item in answer.data] == [0, 1]
    assert (answer.object, answer.usage.prompt_tokens, answer.usage.total_tokens) == ("list", 3, 3)
    if name != "gemini":
        assert seen == [(b"/embeddings", {"model": "their-name", "input": ["one", "two"], "encoding_format": "base64"})]


@pytest.mark.parametrize(("form", "expected"), [("float", VECTOR), ("base64", packed(VECTOR))])
def test_a_form_that_is_named_is_what_comes(place, form, expected):
    client, _, _ = place
    raw = client.embeddings.with_raw_response.create(model="acme/embed", input="one", encoding_format=form, user="u", dimensions=4)
    body = json.loads(raw.content)
    assert [item["embedding"] for item in body["data"]] == [expected]


def test_the_answer_is_of_the_documented_shape(place):
    """In strict mode the client takes arrays alone: its own type says so, whatever it asked for."""
    client, _, _ = place
    client._strict_response_validation = True
    answer = client.embeddings.create(model="acme/embed", input=["one", "two"], encoding_format="float")
    assert [item.embedding for item in answer.data] == [VECTOR, VECTOR]


def test_the_end_user_and_the_policy_go_to_nobody(place):
    client, seen, _ = place
    client.embeddings.create(model="acme/embed", input="one", user="u", extra_body={"data_policy": {"retention_days": 0}})
    assert not {"user", "data_policy"} & set(seen[0][1])


def test_tokens_pass_where_they_are_understood():
    seen = []
    http = httpx2.Client(transport=through(OpenAIEmbeddings(), only_arrays, seen))
    with OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0) as client:
        assert len(client.embeddings.create(model="acme/embed", input=[[1, 2], [3]]).data) == 2
        assert len(client.embeddings.create(model="acme/embed", input=[1, 2]).data) == 1
    assert [request["input"] for _, request in seen] == [[[1, 2], [3]], [1, 2]]


VECTORS = ProviderSpec(
    "sim-vectors", models=(ModelSpec("acme/vectors", "vectors", 1.0, dimensions=8),), policy=ClaimedPolicy("never", "limited", 30)
)


def vectors(base_url, key, model, **fields):
    """What the SDK gives, as JSON. Base64 that was asked for by name is not of the type that the SDK declares, hence no warnings."""
    with OpenAI(api_key=key, base_url=base_url, max_retries=0) as client:
        return client.embeddings.create(model=model, input=["one", "two"], **fields).model_dump(warnings=False)


def test_the_gateway_gives_the_vectors_of_the_provider_in_both_encodings(tmp_path):
    with simulated(tmp_path / "home", [VECTORS]) as (gateway, simulation):
        policy = {"extra_body": {"data_policy": {"training_allowed": False, "retention_days": 30}}}
        for form in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}, {"dimensions": 4}):
            through = vectors(f"{gateway.url}/v1", gateway.key, "acme/vectors", **form, **policy)
            assert through == vectors(simulation.base_urls["sim-vectors"], "any-key", "vectors", **form)
            assert len(through["data"]) == 2
            kinds = {str} if form == {"encoding_format": "base64"} else {list}
            assert {type(item["embedding"]) for item in through["data"]} == kinds
        with pytest.raises(openai.PermissionDeniedError):
            vectors(f"{gateway.url}/v1", gateway.key, "acme/vectors", extra_body={"data_policy": {"retention_days": 0}})
        assert not simulation.ledger("sim-vectors")["leaked"]
        assert {row.operation for row in gateway.usage(4)} == {"embeddings"}


def test_the_gateway_asks_gemini_in_its_own_format(tmp_path):
    model = ModelSpec("acme/vectors", "gemini-embedding-001", 1.0, dimensions=8)
    provider = ProviderSpec("sim-gemini", wire=WireName.GEMINI, models=(model,), policy=ClaimedPolicy("never", "zero", 0))
    with simulated(tmp_path / "home", [provider]) as (gateway, simulation):
        with OpenAI(api_key=gateway.key, base_url=f"{gateway.url}/v1", max_retries=0) as client:
            answer = client.embeddings.create(model="acme/vectors", input=["one", "two"])
            shorter = client.embeddings.create(model="acme/vectors", input="one", dimensions=4)
        assert [len(item.embedding) for item in answer.data] == [8, 8]
        assert answer.data[0].embedding != answer.data[1].embedding
        assert (answer.model, answer.usage.prompt_tokens) == ("acme/vectors", 2)
        assert len(shorter.data[0].embedding) == 4
        assert [(row.operation, row.outcome, row.tokens.prompt) for row in gateway.usage(2)] == [
            ("embeddings", "success", 2),
            ("embeddings", "success", 1),
        ]
        assert simulation.ledger("sim-gemini")["requests"] == 2
