"""Of several models the known ones are decided; the others are told by where they stand in what the caller sent."""

import json

import pytest
from tests.unit.gateway.workbench import chat
from tests.unit.policy.samples import context, endpoint, provider

from anyapi.domain.call import Skipped, SkipReason
from anyapi.errors import ModelNotFound
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_responses
from anyapi.gateway.formats.question import read
from anyapi.gateway.several import known_models

CATALOGUE = context([provider()], [endpoint(model="t/good"), endpoint(model="t/two")]).catalogue
NAMES = {"good-1": "t/good"}
CONTENT = {
    openai_chat.parse: {"messages": []},
    anthropic_messages.parse: {"messages": [], "max_tokens": 8},
    openai_responses.parse: {"input": "hi"},
    read: {},
}


def asked(model=None, models=(), parse=openai_chat.parse):
    fields = {**CONTENT[parse], **({} if model is None else {"model": model}), "models": list(models)}
    return parse(json.dumps(fields).encode())


@pytest.mark.parametrize("parse", CONTENT)
@pytest.mark.parametrize(
    ("model", "models", "known", "places"),
    [
        ("t/good", ["t/two"], ("t/good", "t/two"), ()),
        (None, ["SECRET", "t/good"], ("t/good",), ("models[0]",)),
        ("SECRET", ["t/good", "t/two"], ("t/good", "t/two"), ("model",)),
        ("t/good", ["t/good", "SECRET", "t/two", "SECRET"], ("t/good", "t/two"), ("models[1]", "models[3]")),
        (None, ["good-1", "t/good", "SECRET"], ("t/good",), ("models[2]",)),
        ("anyapi/auto", ["SECRET"], ("anyapi/auto",), ("models[0]",)),
    ],
)
def test_what_is_passed_over_is_told_by_its_place(parse, model, models, known, places):
    request = asked(model, models, parse)
    for _ in range(2):  # a request may be decided anew
        assert known_models(request, NAMES, CATALOGUE) == known
        assert request.skipped == tuple(Skipped(place, SkipReason.UNKNOWN_MODEL) for place in places)
        assert request.adjusted == places
    assert "SECRET" not in repr((request.skipped, request.adjusted))


def test_where_there_is_none_near_names_are_told():
    with pytest.raises(ModelNotFound) as caught:
        known_models(asked("t/goood", ["t/twoo"]), NAMES, CATALOGUE)
    assert caught.value.metadata == {"similar": ["t/good", "t/two"]}


def test_what_was_let_go_of_is_not_looked_for():
    request = openai_chat.parse(json.dumps(chat(model="SECRET", models=["t/good"])).encode())
    request.rest()
    assert known_models(request, NAMES, CATALOGUE) == ("t/good",)
