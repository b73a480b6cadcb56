"""Policy fields of a body: what each asks, and what is refused with its name."""

import json

import msgspec
import pytest

from anyapi.domain.call import NO_PREFERENCE, Sort
from anyapi.errors import BadRequest
from anyapi.gateway.formats.policy_fields import read_policy
from anyapi.policy.parse import Known

KNOWN = Known(frozenset({"openai", "anthropic"}), frozenset({"soc2"}))


def read(**fields):
    return read_policy({name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}, KNOWN)


def test_nothing_asks_nothing():
    assert read() == ([], NO_PREFERENCE)


def test_each_field_is_a_layer_of_its_own():
    settings, preference = read(data_policy={"training_allowed": False, "retention_days": 3}, provider={"zdr": True, "sort": "price"})
    assert [one.retention_days for one in settings] == [3.0, 0.0]
    assert settings[0].training_allowed is False
    assert preference.sort is Sort.PRICE


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"data_policy": {"retention": 3}}, "data_policy"),
        ({"provider": {"only": ["nobody-knows"]}}, "provider"),
        ({"providerOptions": {"gateway": {"zeroDataRetention": "perhaps"}}}, "providerOptions"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(fields, named):
    with pytest.raises(BadRequest) as caught:
        read(**fields)
    assert caught.value.field.startswith(named)
