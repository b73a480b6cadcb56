"""The rows of the store: no field for a secret, and defaults that say what SPEC says."""

from tests.conformance.samples import credential_row

from anyapi.domain.requirement import Layer
from anyapi.storage import rows


def test_a_key_row_has_no_secret():
    assert "secret" not in rows.KeyRow.__struct_fields__


def test_a_credential_row_shows_no_seal():
    row = credential_row(1, wrapped=b"wrapped-canary", ciphertext=b"cipher-canary")
    assert "canary" not in repr(row) + str(row)
    assert row.id in repr(row)


def test_defaults():
    assert (rows.DEFAULT_ACCOUNT, rows.DEFAULT_USAGE_DAYS) == ("default", 90.0)
    assert set(rows.STORED_LAYERS) == set(Layer) - {Layer.REQUEST}


def test_usage_can_be_totalled_by_what_the_command_offers():
    assert [group.value for group in rows.UsageGroup] == [
        "day",
        "hour",
        "model",
        "provider",
        "key",
        "account",
        "outcome",
        "host",
        "evidence",
        "app",
    ]
