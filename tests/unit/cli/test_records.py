import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.cli.records import endpoint_row, price_text, print_provider, provider_row, retention_text
from anyapi.domain.data_policy import Retention, RetentionKind


@pytest.mark.parametrize(
    ("retention", "text"),
    [
        (Retention(RetentionKind.ZERO, 0), "zero"),
        (Retention(RetentionKind.LIMITED, 30), "limited 30 d"),
        (Retention(RetentionKind.LIMITED, 0), "limited <1 d"),
        (Retention(RetentionKind.COMPLIANCE), "compliance"),
        (Retention(RetentionKind.UNKNOWN), "unknown"),
        (Retention(RetentionKind.LIMITED, 0.5), "limited 0.5 d"),
    ],
)
def test_retention_in_words(retention, text):
    assert retention_text(retention) == text


def test_prices():
    assert [price_text(price) for price in (None, 0.0, 0.293, 15.0)] == ["-", "0", "0.293", "15"]


def test_every_record_can_be_shown(capsys):
    catalogue = load_catalogue()
    for provider in catalogue.providers.values():
        assert provider_row(provider, 3)[0] == provider.id
        print_provider(provider, [])
        out = capsys.readouterr().out
        assert provider.name in out
        assert provider.provenance.source_url is None or provider.provenance.source_url[:60] in out
    rows = [endpoint_row(endpoint) for model in catalogue.models.values() for endpoint in model.endpoints]
    assert len(rows) == 904
    assert any("see anthropic/claude-sonnet-4.5" in row[1] for row in rows)
    abilities = {row[0]: row[-1] for row in rows}
    assert abilities["openai/text-embedding-3-large"] == "embeddings of 3,072"
    assert not any("embeddings" in abilities[endpoint.id] for endpoint in catalogue.models["openai/gpt-4o"].endpoints)
