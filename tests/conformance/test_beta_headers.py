"""Where a client's `anthropic-beta` headers go, in every client format at every provider: to Claude, and to nobody else."""

import json

import pytest
from tests.conformance.pairs import PAIRS, asked, headers_of

from anyapi.domain.catalogue import Auth, Capabilities, Endpoint, ProviderApi
from anyapi.simulator import WireName
from anyapi.upstream.adapter import Dialect, ProviderRow
from anyapi.upstream.adapters import adapter_for

KNOWN, OTHER = "context-1m-2025-08-07", "nobody-knows-this"
ENDPOINT = Endpoint(
    "v/claude", "acme/m", "v", "claude-sonnet-4-5", context_length=200_000, max_output_tokens=8192, capabilities=Capabilities()
)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_claude_gets_them_whatever_the_client_speaks(pair, monkeypatch):
    real = type(pair.adapter).prepare

    def with_headers(self, call, endpoint, row):
        call.beta_headers = ((b"anthropic-beta", f"{KNOWN},{OTHER}".encode()),)
        return real(self, call, endpoint, row)

    monkeypatch.setattr(type(pair.adapter), "prepare", with_headers)
    _, prepared = pair.prepare(json.dumps(asked(pair.dialect, words=True)).encode())
    sent = json.loads(prepared.body)
    if pair.wire is WireName.ANTHROPIC:
        assert headers_of(prepared)["anthropic-beta"] == f"{KNOWN},{OTHER}"
    elif pair.wire is WireName.BEDROCK:
        assert sent["additionalModelRequestFields"]["anthropic_beta"] == [KNOWN]
        assert "anthropic-beta" in prepared.adjusted
    else:
        assert KNOWN.encode() not in prepared.body + prepared.headers
        assert OTHER.encode() not in prepared.body + prepared.headers


@pytest.mark.parametrize("dialect", [dialect for dialect in Dialect if dialect is not Dialect.EMBEDDINGS])
def test_so_does_claude_at_vertex(dialect):
    pair = next(pair for pair in PAIRS if pair.dialect is dialect)
    request, _ = pair.prepare(json.dumps(asked(dialect, words=True)).encode())
    request.beta_headers = ((b"anthropic-beta", KNOWN.encode()),)
    adapter = adapter_for(dialect, ProviderApi("http://localhost", "vertex-anthropic", Auth.NONE))
    assert headers_of(adapter.prepare(request, ENDPOINT, ProviderRow()))["anthropic-beta"] == KNOWN
