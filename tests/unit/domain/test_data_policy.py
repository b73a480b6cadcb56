"""Facts: their words and the order of the scales."""

import msgspec
import pytest

from anyapi.domain import data_policy
from anyapi.domain.data_policy import UNKNOWN_RETENTION, Confidence, Grade, HumanReview, Retention, RetentionKind, Training, ZeroRetention


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Training, ["never", "opt_out", "by_default", "unknown"]),
        (RetentionKind, ["zero", "limited", "compliance", "indefinite", "unknown"]),
        (ZeroRetention, ["default", "self_serve", "approval", "contract", "no", "unknown"]),
        (HumanReview, ["no", "yes", "unknown"]),
        (Confidence, ["none", "secondary", "primary", "contracted"]),
        (Grade, ["contradicted", "declared", "contracted", "attested"]),
    ],
)
def test_the_words_in_the_order_of_the_scales(kind, values):
    assert [item.value for item in kind] == values


def test_an_unknown_word_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "forever"}, Retention)


def test_unknown_retention_states_no_days():
    assert Retention(RetentionKind.UNKNOWN, None, None) == UNKNOWN_RETENTION


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        UNKNOWN_RETENTION.days = 0
    structs = [item for item in vars(data_policy).values() if isinstance(item, type) and issubclass(item, msgspec.Struct)]
    assert structs
    assert all(struct.__struct_config__.frozen for struct in structs)
