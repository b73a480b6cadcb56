"""What is kept of a request: metadata only."""

from anyapi.domain.usage import DecisionRecord, TokenCount, UsageRow, UsageSource


def test_the_list_of_kept_fields_is_closed():
    assert set(DecisionRecord.__struct_fields__) == {
        "decision",
        "at",
        "account",
        "key",
        "model",
        "requirement",
        "catalogue",
        "snapshot",
        "data_classes",
        "permitted",
        "denied",
    }
    content = {"prompt", "messages", "completion", "response", "input", "output", "body", "text", "metadata", "error"}
    assert not content & set(UsageRow.__struct_fields__)
    assert not content & set(DecisionRecord.__struct_fields__)


def test_a_row_without_measurements():
    row = UsageRow("dec", 1.0, "a", "k", "chat", "unknown", "success", 200, UsageSource.UNKNOWN)
    assert (row.tokens, row.cost, row.first_token, row.attempts) == (TokenCount(0, 0, 0, 0), None, None, 0)
    assert [source.value for source in UsageSource] == ["measured", "estimated", "unknown"]
