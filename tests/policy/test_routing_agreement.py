"""T03 for what callers ask beside a policy: `models`, tags, `anyapi/auto`, wishes, in every client format, by accounts with keys of their own.

Bodies go through the real parsers and one data plane that remembers, request after request, and what its route holds is compared with what
the oracle says of the same question. 650 examples in the normal run, 6,500 with ANYAPI_TEST_LONG=1.
"""

import asyncio
import collections
import itertools
import json

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests import oracle
from tests.policy import universe
from tests.policy.comparison import EXAMPLES
from tests.policy.questions import FEATURES, body_of, question_of
from tests.unit.gateway.workbench import DISCLOSURE, Clock, outlets, principal, snapshot

from anyapi.domain.call import Choice, Facts, Preference, Tag
from anyapi.domain.catalogue import Operation
from anyapi.domain.ids import AUTO
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import ModelNotFound, NoEligibleEndpoint, NoEndpointForTags
from anyapi.gateway.call import Call
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.formats.question import read
from anyapi.gateway.plane import DataPlane
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.policy.question import asked_about
from anyapi.policy.rank import rank, sift

SHARES = {"requests": 0.15, "choice": 0.10, "order": 0.075}
TWO, THREE, NOBODY = "acme/two", "other/three", "nobody/nothing"
MODELS = (universe.MODEL, TWO, THREE)
ACCOUNTS = ("acct-1", "acct-2", "acct-3")
PARSE = {
    "chat": openai_chat.parse,
    "messages": anthropic_messages.parse,
    "responses": openai_responses.parse,
    "embeddings": openai_embeddings.parse,
}
REFUSALS = {404: ModelNotFound, 503: NoEndpointForTags, 403: NoEligibleEndpoint}

pytestmark = pytest.mark.timeout(3600 if EXAMPLES > 2_000 else 300)
contexts = universe.contexts((TWO, THREE))


def examples(share: str):
    """The Hypothesis settings of one property: its share of all examples, the same ones every time."""
    return hypothesis_settings(
        max_examples=round(EXAMPLES * SHARES[share]),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def oracle_requirement(layers: list) -> dict:
    plain = [(layer.value, msgspec.to_builtins(settings)) for layer, settings in layers]
    return oracle.requirement(plain, msgspec.to_builtins(DEFAULT_PRESETS))


# --- the choice


needs = st.lists(st.sampled_from(("tools", "vision", "structured_outputs", "reasoning", "pdf_input", "streaming")), max_size=2, unique=True)
sizes = st.sampled_from((0, 100, 4000, 8192, 12000, 16384, 20000))


@st.composite
def questions(draw) -> tuple[dict, Facts, Preference]:
    """A question for the oracle, and the same for the product."""
    needed, prompt, answer = draw(needs), draw(sizes), draw(st.sampled_from((0, 0, 100, 4096, 5000)))
    tags = draw(st.sampled_from(((),) * 6 + ((Tag.VISION,), (Tag.WEB_SEARCH,), (Tag.FUNCTION_CALLING, Tag.ASSISTANT_PREFILL))))
    order = draw(st.lists(st.sampled_from(universe.NAMES), max_size=2, unique=True))
    limit = draw(st.sampled_from((None, None, 0.0, 1.0, 2.0)))
    strict, search, images, speech = (draw(st.booleans()) for _ in range(4))
    question = {"models": [], "needs": needed, "prompt": prompt, "answer": answer, "tags": [tag.value for tag in tags]}
    question |= {"require_parameters": strict, "max_price": {"prompt": limit}, "web_search": search, "order": order}
    question |= {"image_output": images, "audio_output": speech}
    choice = Choice(prompt, answer)
    facts = Facts(frozenset(tags), search, 0, frozenset(needed), choice=choice, image_output=images, audio_output=speech)
    return question, facts, Preference(order=tuple(order), require_parameters=strict, max_price_input=limit)


def test_a_choice_is_that_of_the_oracle():
    """What `anyapi/auto` may be sent to, every code of what it may not, and the order, over whole catalogues."""
    seen: collections.Counter = collections.Counter()

    @examples("choice")
    @given(contexts, st.lists(st.tuples(universe.layers(2, 2), questions()), min_size=1, max_size=3), universe.accounts, universe.instants)
    def compare(context, asking, account, now):
        plain = msgspec.to_builtins(context)
        for layers, (question, facts, preference) in asking:
            question["models"] = [AUTO]
            expected = oracle.asked_for(oracle_requirement(layers), question, plain, account, now)[AUTO]
            decision = decide(merge(layers, DEFAULT_PRESETS), AUTO, facts, context, account, now)
            candidates, dropped = sift([decision], preference, facts, {})
            codes = {denial.endpoint.id: {reason.code for reason in denial.reasons} for denial in dropped}
            codes |= {candidate.endpoint.id: set() for candidate in candidates}
            assert codes == {name: set(verdict["codes"]) for name, verdict in expected.items() if verdict["could"]}
            denied = {denial.endpoint.id for denial in decision.denied}
            assert denied == {name for name, verdict in expected.items() if not verdict["could"]}
            assert [one.endpoint.id for one in candidates] == oracle.in_order(expected, question["order"])
            assert all(one.credential == expected[one.endpoint.id]["credential"] for one in candidates)
            if not candidates:
                with pytest.raises(REFUSALS[oracle.refusal({AUTO: expected})]):
                    rank([decision], preference, facts, {})
            seen["permitted" if candidates else "refused"] += 1
            seen["several"] += len(candidates) > 1
            for verdict in expected.values():
                seen.update(verdict["codes"])

    compare()
    print(dict(seen))
    assert min(seen[name] for name in ("permitted", "refused", "several", "context_too_short", "parameters_unsupported")) > 20


def test_the_order_of_models_changes_nothing_that_is_permitted():
    """For every order of the same names: the same endpoints by the same credentials, or the same refusal with the same reasons."""
    seen: collections.Counter = collections.Counter()

    @examples("order")
    @given(
        contexts,
        universe.layers(2, 2),
        st.lists(st.sampled_from((*MODELS, AUTO, NOBODY)), min_size=2, max_size=4, unique=True),
        questions(),
        universe.accounts,
        universe.instants,
    )
    def compare(context, layers, models, asking, account, now):
        question, facts, preference = asking
        requirement = merge(layers, DEFAULT_PRESETS)
        known = [model for model in models if model == AUTO or model in context.catalogue.models]
        if not known:
            return
        decisions = {model: decide(requirement, model, facts, context, account, now) for model in known}
        question["models"] = models
        found = oracle.asked_for(oracle_requirement(layers), question, msgspec.to_builtins(context), account, now)
        permitted = {
            (name, verdict["credential"]) for verdicts in found.values() for name, verdict in verdicts.items() if verdict["permitted"]
        }
        refusals = set()
        for turn in itertools.permutations(known):
            ordered = [decisions[model] for model in turn]
            candidates, _ = sift(ordered, preference, facts, {})
            assert {(one.endpoint.id, one.credential) for one in candidates} == permitted
            assert len({one.endpoint.id for one in candidates}) == len(candidates), "one endpoint is one attempt"
            if permitted:
                assert rank(ordered, preference, facts, {}).max_attempts == min(4, max(2, len(turn)))
                continue
            with pytest.raises(REFUSALS[oracle.refusal(found)]) as caught:
                rank(ordered, preference, facts, {})
            refusals.add((type(caught.value), frozenset(_listed(caught.value)), json.dumps(caught.value.metadata["relaxation"])))
        assert len(refusals) <= 1
        seen["permitted" if permitted else "refused"] += 1
        seen["with auto"] += AUTO in known and len(known) > 1

    compare()
    print(dict(seen))
    assert min(seen.values()) > 10


def _listed(error) -> set:
    """What a refusal says of single endpoints, where it lists all, else of the reasons."""
    if error.metadata.get("left_out"):
        return {(one["code"], one["endpoints"]) for one in error.metadata["reasons"]}
    return {(one["endpoint"], *sorted(reason["code"] for reason in one["reasons"])) for one in error.metadata["endpoints"]}


# --- whole requests

DATA_POLICY = {
    "training_allowed": st.booleans(),
    "retention_days": st.sampled_from((0, 1, 7, 30, 365)),
    "paid_only": st.booleans(),
    "human_review_allowed": st.booleans(),
    "min_confidence": st.sampled_from(("none", "secondary", "primary")),
    "regions": st.lists(st.sampled_from(universe.REGIONS), min_size=1, max_size=3, unique=True),
    "data_class": st.sampled_from(("public", "internal", "confidential")),
}
WISHES = {
    "zdr": st.booleans(),
    "data_collection": st.sampled_from(("allow", "deny")),
    "sort": st.sampled_from(("price", "latency", "throughput")),
    "require_parameters": st.booleans(),
    "max_price": st.sampled_from(({}, {"prompt": 1}, {"prompt": 1, "completion": 2}, {"completion": 0})),
    "allow_fallbacks": st.sampled_from((False, False, False, True)),
}


def few(table: dict, most: int):
    """Some entries of a table of strategies."""
    return st.lists(st.sampled_from(sorted(table)), max_size=most, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: table[name] for name in names})
    )


@st.composite
def asking(draw) -> dict:
    """One request in words: who, in which format, for what, and what it uses."""
    form = draw(st.sampled_from(("chat", "messages", "responses", "chat", "messages", "responses", "embeddings")))
    chats = form != "embeddings"
    return {
        "form": form,
        "account": draw(st.sampled_from(ACCOUNTS)),
        "models": draw(st.lists(st.sampled_from((*MODELS, AUTO, AUTO, NOBODY)), min_size=1, max_size=4, unique=True))
        if chats
        else [draw(st.sampled_from((*MODELS, NOBODY)))],
        "features": draw(st.lists(st.sampled_from(FEATURES), max_size=3, unique=True)) if chats else draw(st.sampled_from(([], ["long"]))),
        "stream": draw(st.booleans()) if chats else False,
        "tags": draw(st.sampled_from(((),) * 8 + (("vision",), ("streaming", "tool_choice"), ("prompt_caching",)))) if chats else (),
        "data_policy": draw(few(DATA_POLICY, 2)),
        "provider": draw(few(WISHES, 2)),
        "header": draw(st.sampled_from((None, None, None, 0, 30))),
        "seed": draw(st.integers(0, 99)),
    }


def layers_of(asked: dict) -> list:
    """What the request asks of the data policy, switches and header each for itself."""
    policy, wishes = asked["data_policy"], asked["provider"]
    layers = [("request", policy)]
    layers += [("request", {"retention_days": 0})] if wishes.get("zdr") else []
    layers += [("request", {"training_allowed": False})] if wishes.get("data_collection") == "deny" else []
    layers += [("request", {"retention_days": asked["header"]})] if asked["header"] is not None else []
    return layers


def called(requirement, asked: dict):
    """Who calls, and with what header."""
    call = Call()
    if asked["header"] is not None:
        call.take(b"x-anyapi-retention-days", str(asked["header"]).encode())
    return principal(requirement, account=asked["account"]), call


def outcome(plane: DataPlane, requirement, asked: dict, body: dict):
    """What the data plane makes of a request: (endpoint, credential) of every candidate in order, or the refusal's type."""
    request, (caller, call) = PARSE[asked["form"]](json.dumps(body).encode()), called(requirement, asked)
    try:
        merged = plane.ask(caller, call, request)
        decided = plane.decide(merged, request, caller.account)
        route = plane.rank(decided, merged.preference, request.facts)
    except (ModelNotFound, NoEndpointForTags, NoEligibleEndpoint) as error:
        return type(error)
    return [(one.endpoint.id, one.credential) for one in route.candidates]


def explained(plane: DataPlane, requirement, asked: dict, body: dict):
    """What it says of the same body as a question: the candidates likewise, None if there are none; nothing of another operation."""
    question, (caller, call) = read(json.dumps(body).encode()), called(requirement, asked)
    question.models, question.facts = asked_about(question.models, plane.context.catalogue, plane.names, question.facts)
    if (question.facts.operation is Operation.EMBEDDINGS) is not (asked["form"] == "embeddings"):
        return ()
    merged = plane.ask(caller, call, question)
    try:
        decided = plane.decide(merged, question, caller.account)
    except ModelNotFound:
        return None
    candidates, _ = sift(decided.decisions, merged.preference, question.facts, {})
    return [(one.endpoint.id, one.credential) for one in candidates] or None


def test_requests_in_every_format_reach_what_the_oracle_permits():
    seen: collections.Counter = collections.Counter()

    @examples("requests")
    @given(contexts, universe.layers(2, 1), st.lists(asking(), min_size=3, max_size=8), universe.instants)
    def compare(context, above, requests, now):
        plain, held = msgspec.to_builtins(context), [(layer, one) for layer, one in above if layer is not Layer.REQUEST]
        requirement, base = merge(held, DEFAULT_PRESETS), [(layer.value, msgspec.to_builtins(one)) for layer, one in held]

        async def on_one_plane():
            plane = DataPlane(snapshot(context, requirement), outlets(), DISCLOSURE, Clock(now))
            outcomes = [outcome(plane, requirement, asked, body_of(asked)) for asked in [*requests, *requests]]
            return outcomes, [explained(plane, requirement, asked, body_of(asked)) for asked in requests]

        outcomes, told = asyncio.run(on_one_plane())
        for found, said in zip(outcomes, told, strict=False):
            assert said in ((), found) if isinstance(found, list) else not said, "explain says what happens to the request"
            seen["explained"] += said != ()
        assert outcomes[: len(requests)] == outcomes[len(requests) :], "what is remembered answers as what was decided"
        for asked, found in zip(requests, outcomes, strict=False):
            required = oracle.requirement([*base, *layers_of(asked)], msgspec.to_builtins(DEFAULT_PRESETS))
            expected = oracle.asked_for(required, question_of(asked, body_of(asked)), plain, asked["account"], now)
            permitted = {
                (name, verdict["credential"])
                for verdicts in expected.values()
                for name, verdict in verdicts.items()
                if verdict["permitted"]
            }
            seen[asked["form"]] += 1
            seen["auto"] += AUTO in asked["models"]
            seen["own"] += any(credential.startswith("own:") for _, credential in permitted)
            if not permitted:
                assert found is REFUSALS[oracle.refusal(expected)], (asked, expected)
                seen["refused"] += 1
            elif asked["provider"].get("allow_fallbacks", True):
                assert set(found) == permitted, (asked, expected)
                assert len(found) == len(permitted)
                seen["permitted"] += 1
            else:
                assert len(found) == 1
                assert set(found) <= permitted
                seen["first alone"] += 1

    compare()
    print(dict(seen))
    assert min(seen.values()) > 10


def test_settings_of_the_generator_are_those_of_the_wire():
    """The oracle takes the words of `data_policy` as they stand, so they must be the names that settings have."""
    assert DATA_POLICY.keys() <= set(Settings.__struct_fields__)
