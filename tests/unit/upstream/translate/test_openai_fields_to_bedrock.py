"""Which field has which end."""

import msgspec
import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_fields import ChatFields
from anyapi.upstream.translate.openai_fields_to_bedrock import LEFT_OUT, REFUSED, RULES, TRANSLATED


def source(drops=frozenset(), **fields):
    notes = Adjustments()
    return ChatFields({name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}, drops, notes), notes


def test_every_field_has_one_end():
    assert not TRANSLATED & REFUSED.keys()
    assert not TRANSLATED & LEFT_OUT
    assert not LEFT_OUT & REFUSED.keys()


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_be_lost_is_refused(name):
    with pytest.raises(BadRequest) as caught:
        source(**{name: {"some": 1}})[0].settle_rest(RULES)
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1), ("logprobs", False), ("top_logprobs", 0), ("logit_bias", {}), ("frequency_penalty", 0), ("presence_penalty", 0.0),
        ("modalities", ["text"]), ("functions", []), ("audio", None), ("moderation", None),
    ],
)  # fmt: skip
def test_what_asks_for_nothing_passes(name, value):
    made, notes = source(**{name: value})
    made.settle_rest(RULES)
    assert notes.names == ()


def test_what_is_left_out_is_named():
    made, notes = source(seed=1, user="u", invented=1, model="x")
    made.settle_rest(RULES)
    assert notes.names == ("seed", "user", "other")


def test_drops_and_null_are_absent():
    made, notes = source(frozenset({"temperature", "top_p"}), temperature=1, stop=None, top_k=3)
    assert (made.get("temperature"), made.get("stop"), made.get("top_k"), made.get("absent")) == (None, None, 3, None)
    assert notes.names == ("temperature",)


def test_what_is_no_json_is_refused():
    made = ChatFields({"stop": msgspec.Raw(b'"\\ud800"')}, frozenset(), Adjustments())
    with pytest.raises(BadRequest) as caught:
        made.get("stop")
    assert caught.value.field == "stop"
