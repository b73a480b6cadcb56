"""Availability, apart from policy."""

import msgspec
import pytest
from tests.unit.policy.samples import context, credential, endpoint, provider

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, Facts, Preference, Tag
from anyapi.domain.catalogue import Capabilities, Model, Operation, Price, Status
from anyapi.domain.decision import Reason, ReasonCode, ReasonKind
from anyapi.policy.availability import asked_of, unavailable, unreachable, unwanted


def reason(code, text, required=None, actual=None):
    return Reason(ReasonCode(code), ReasonKind.AVAILABILITY, text, None, (), required, actual)


def hindrances(facts=NO_FACTS, item=None, credentials=None, **fields):
    item = item or provider()
    where = endpoint(**fields)
    return unavailable(where, item, facts, context([item], [where], credentials))


def test_an_endpoint_that_can_be_used():
    assert hindrances() == ()


def test_no_credential():
    text = "No credential for this provider is configured (or the local server is not)."
    assert hindrances(credentials=[]) == (reason("no_credential", text),)
    usual = provider()
    usual = msgspec.structs.replace(usual, api=msgspec.structs.replace(usual.api, env="P_API_KEY"))
    (found,) = unavailable(endpoint(), usual, NO_FACTS, context([usual], credentials=[]))
    assert found.text == "No credential for this provider is configured: its key usually stands in P_API_KEY."
    item = provider()
    empty = msgspec.structs.replace(context([item]), credentials={"p": ()})
    assert [found.code.value for found in unavailable(endpoint(), item, NO_FACTS, empty)] == ["no_credential"]


def test_an_endpoint_locked_to_a_region_is_not_reached_from_another():
    text = "The endpoint is in us; the credential is used at an address in eu."
    found = unreachable(endpoint(region="us"), credential(region="eu"))
    assert found == (reason("endpoint_elsewhere", text, ("us",), "eu"),)
    for where, pinned in ((None, "eu"), ("global", "eu"), ("eu", "eu"), ("us", None)):
        assert unreachable(endpoint(region=where), credential(region=pinned)) == ()


def test_what_is_not_deployed_is_not_reached():
    text = "The credential's `deployments` do not name this model."
    assert unreachable(endpoint(), credential(deployments={"two": "name"})) == (reason("not_deployed", text),)
    assert unreachable(endpoint(), credential(deployments={"one": "name"})) == ()
    assert unreachable(endpoint(), None) == ()


def test_no_adapter():
    text = "The provider's protocol is not served by this gateway."
    assert hindrances(item=provider(protocol="odd")) == (reason("no_adapter", text, actual="odd"),)


@pytest.mark.parametrize("status", list(Status))
def test_retired(status):
    found = hindrances(status=status)
    assert found == ((reason("endpoint_retired", "The provider no longer serves this model."),) if status is Status.RETIRED else ())
    if found:
        text = "The provider no longer serves this model. Its successor is acme/two."
        assert hindrances(status=status, successor="acme/two") == (reason("endpoint_retired", text, actual="acme/two"),)


def test_context_length():
    assert hindrances(Facts(least_tokens=8192)) == ()
    text = "The prompt has at least 8193 tokens; the endpoint takes 8192."
    assert hindrances(Facts(least_tokens=8193)) == (reason("context_too_short", text, 8193, 8192),)
    assert hindrances(Facts(least_tokens=10**9), context_length=None) == ()


ABILITIES = [
    (Tag.VISION, {"vision": True}),
    (Tag.PDF_INPUT, {"pdf_input": True}),
    (Tag.AUDIO_INPUT, {"audio_input": True}),
    (Tag.REASONING, {"reasoning": True}),
    (Tag.STREAMING, {"streaming": True}),
    (Tag.FUNCTION_CALLING, {"tools": True}),
    (Tag.TOOL_CHOICE, {"tools": True}),
    (Tag.PARALLEL_FUNCTION_CALLING, {"parallel_tools": True}),
    (Tag.COMPUTER_USE, {"computer_use": True}),
    (Tag.ASSISTANT_PREFILL, {"assistant_prefill": True}),
    (Tag.WEB_SEARCH, {"web_search": True}),
    (Tag.URL_CONTEXT, {"url_context": True}),
]


@pytest.mark.parametrize(("tag", "ability"), ABILITIES)
def test_tags_are_answered_from_recorded_abilities(tag, ability):
    none = Capabilities(streaming=False)
    assert hindrances(Facts(tags=frozenset({tag})), capabilities=msgspec.structs.replace(none, **ability)) == ()
    text = f"The endpoint is not recorded as able to: {tag}."
    assert hindrances(Facts(tags=frozenset({tag})), capabilities=none) == (reason("tags_unmatched", text, (tag.value,)),)


def test_prompt_caching_needs_a_price_for_it():
    facts = Facts(tags=frozenset({Tag.PROMPT_CACHING}))
    assert hindrances(facts, price=Price(cached_input=0.0)) == ()
    assert len(hindrances(facts)) == 1


def test_an_ability_that_is_not_recorded_matches_no_tag_and_all_must_match():
    able = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True, pdf_input=True, audio_input=True)
    tags = frozenset(Tag)
    (found,) = hindrances(Facts(tags=tags), capabilities=able, price=Price(cached_input=1.0))
    assert found.required == ("assistant_prefill", "computer_use", "parallel_function_calling", "url_context", "web_search")
    assert found.text == f"The endpoint is not recorded as able to: {', '.join(found.required)}."
    (found,) = hindrances(Facts(tags=frozenset({Tag.VISION, Tag.STREAMING})))
    assert found.required == ("vision",)


CHAT, EMBED = Operation.CHAT_COMPLETIONS, Operation.EMBEDDINGS


def served(*protocols):
    item, where = provider(), endpoint(operations=(EMBED,))
    around = context([item], [where], served_embeddings=frozenset(protocols))
    return unavailable(where, item, Facts(operation=EMBED), around)


def test_an_endpoint_does_what_its_record_says():
    text = "The endpoint serves embeddings, not chat completions."
    assert hindrances(operations=(EMBED,)) == (reason("operation_unsupported", text, ("chat_completions",), "embeddings"),)
    assert hindrances(operations=(CHAT, EMBED)) == ()
    (_, found) = hindrances(Facts(operation=EMBED))
    assert found == reason(
        "operation_unsupported", "The endpoint serves chat completions, not embeddings.", ("embeddings",), "chat_completions"
    )


def test_embeddings_need_an_adapter_of_their_own():
    assert served("openai-chat") == ()
    text = "The provider's protocol is not served by this gateway for embeddings."
    assert served() == served("gemini") == (reason("no_adapter", text, actual="openai-chat"),)


@pytest.mark.parametrize(
    ("offers", "operation"),
    [
        ([(CHAT,)], CHAT),
        ([(EMBED,)], EMBED),
        ([(EMBED,), (EMBED,)], EMBED),
        ([(EMBED,), (CHAT,)], CHAT),
        ([(CHAT, EMBED)], CHAT),
        ([], CHAT),
    ],
)
def test_a_question_without_an_operation_is_about_what_the_models_do(offers, operation):
    together = Model("a/m", "M", "a", endpoints=tuple(endpoint(operations=offer) for offer in offers))
    apart = [Model("a/m", "M", "a", endpoints=(endpoint(operations=offer),)) for offer in offers]
    assert asked_of([together]) is asked_of(apart) is operation
    assert asked_of([]) is CHAT


def test_all_hindrances_are_listed():
    found = hindrances(Facts(tags=frozenset({Tag.VISION}), least_tokens=9000), provider(protocol="odd"), [], status=Status.RETIRED)
    assert [each.code.value for each in found] == [
        "no_credential",
        "no_adapter",
        "endpoint_retired",
        "context_too_short",
        "tags_unmatched",
    ]


def wishes(preference, facts=NO_FACTS, local=False, **fields):
    return unwanted(endpoint(**fields), preference, facts, local=local)


def test_no_wish_takes_nothing_out():
    assert wishes(NO_PREFERENCE, Facts(uses=frozenset({"odd"}))) == ()
    assert wishes(Preference(allow_fallbacks=False), Facts(uses=frozenset({"odd"})), price=Price()) == ()


def test_require_parameters():
    wish = Preference(require_parameters=True)
    able = Capabilities(tools=True, structured_outputs=True)
    assert wishes(wish, Facts(uses=frozenset({"tools", "structured_outputs"})), capabilities=able) == ()
    assert wishes(wish) == ()
    text = "The endpoint is not recorded as supporting: logprobs, structured_outputs, vision."
    missing = ("logprobs", "structured_outputs", "vision")
    assert wishes(wish, Facts(uses=frozenset({*missing, "streaming"}))) == (reason("parameters_unsupported", text, missing),)


def test_max_price():
    dear = Preference(max_price_input=0.5, max_price_output=1.5)
    assert wishes(dear, price=Price(0.5, 1.5)) == ()
    assert wishes(dear, price=Price(0.6, 2.0)) == (
        reason("price_too_high", "The price of prompt tokens is 0.6 USD per million; at most 0.5 is wished.", 0.5, 0.6),
        reason("price_too_high", "The price of completion tokens is 2 USD per million; at most 1.5 is wished.", 1.5, 2.0),
    )
    assert wishes(Preference(max_price_input=0.5), price=Price(None, 9.0)) == (
        reason("price_too_high", "The price of prompt tokens is not known; at most 0.5 is wished.", 0.5),
    )
    assert wishes(Preference(max_price_output=0.0), price=Price(9.0, 0.0)) == ()


def test_an_unknown_price_of_a_local_server_is_none():
    assert wishes(Preference(max_price_input=0.0), price=Price(), local=True) == ()
    assert wishes(Preference(max_price_output=0.0), price=Price(), local=True) == ()
    assert len(wishes(Preference(max_price_input=0.0), price=Price(1.0), local=True)) == 1
