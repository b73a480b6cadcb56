"""What a question without content is about, and the facts of a request that is like it."""

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.domain.call import NO_FACTS, PLAIN_FACTS, Facts, Tag
from anyapi.domain.catalogue import Operation
from anyapi.domain.ids import AUTO
from anyapi.errors import BadRequest
from anyapi.policy.names import bare_names
from anyapi.policy.question import asked_about, tags_named

CATALOGUE = load_catalogue()
NAMES = bare_names(CATALOGUE)
CHAT, VECTORS = "anthropic/claude-sonnet-4.5", "baai/bge-m3"


def facts(*models, given=NO_FACTS):
    return asked_about(models, CATALOGUE, NAMES, given)[1]


def test_it_is_about_what_its_models_do_and_about_chats_where_the_choice_is_ours():
    assert asked_about(("claude-sonnet-4-5",), CATALOGUE, NAMES) == ((CHAT,), NO_FACTS)
    assert asked_about((VECTORS,), CATALOGUE, NAMES) == ((VECTORS,), PLAIN_FACTS[Operation.EMBEDDINGS])
    assert facts(VECTORS, AUTO) is NO_FACTS
    assert asked_about(("no/such",), CATALOGUE, NAMES) == (("no/such",), NO_FACTS)


@pytest.mark.parametrize("tag", Tag)
def test_who_asks_for_the_ability_to_search_is_told_of_a_request_that_does(tag):
    given = Facts(tags=frozenset({tag, Tag.VISION}))
    assert facts(CHAT, given=given) == Facts(tags=given.tags, web_search=tag in {Tag.WEB_SEARCH, Tag.URL_CONTEXT})


def test_what_the_fields_said_stays():
    given = Facts(web_search=True, least_tokens=8192)
    assert facts(CHAT, given=given) is given


def test_vectors_are_made_of_what_is_sent_alone():
    given = Facts(tags=frozenset({Tag.WEB_SEARCH}), web_search=True, least_tokens=8192)
    assert facts(VECTORS, given=given) == Facts(tags=given.tags, operation=Operation.EMBEDDINGS)


def test_tags_go_by_their_names_on_the_wire():
    assert tags_named([]) == frozenset()
    assert tags_named([f"chat_completions:{tag.value}" for tag in Tag]) == frozenset(Tag)
    for wrong in ("vision", "chat_completions:telepathy", ""):
        with pytest.raises(BadRequest, match="Known are: chat_completions:vision, ") as caught:
            tags_named(["chat_completions:vision", wrong])
        assert caught.value.field == "tags"
        assert "telepathy" not in caught.value.message
