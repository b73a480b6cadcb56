"""What the settings page says before saving is what the gateway does afterwards, and what the policy oracle says it must do.

50 random settings of an account, over every endpoint of the catalogue: the preview, the data plane's own list, real requests, and the
oracle, which shares no code with the product. Policy and availability are counted apart.
"""

import collections
import datetime as dt
import os
import random

import msgspec
import pytest
from tests import oracle
from tests.tools.control_page import first_person
from tests.tools.gateway import simulated

from anyapi.config import load_config, policy_context
from anyapi.policy.availability import asked_of
from anyapi.upstream.adapters import SERVED_EMBEDDINGS, SERVED_PROTOCOLS

SETTINGS, CHAT = 50, "chat_completions"
URL = "/api/accounts/default/settings/account/default"
CHATS = ("anthropic/claude-3.5-sonnet", "openai/gpt-4o-mini", "meta-llama/llama-3.3-70b-instruct", "mistralai/mistral-small-4")
"""Models that simulated providers serve."""
AVAILABILITY = {
    *("no_credential", "no_adapter", "operation_unsupported", "endpoint_retired", "context_too_short", "tags_unmatched"),
    *("endpoint_elsewhere", "not_deployed"),
}
"""Codes that come from circumstances (docs/policy.md section 4); every other is of policy."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("preview") / "home", control=True) as (gateway, _):
        yield gateway, first_person(gateway)


def told(gateway):
    """The catalogue and credentials that the gateway was given, for the oracle: plain data."""
    config = load_config(gateway.home / "anyapi.toml", os.environ, dt.datetime.now(dt.UTC))
    context = policy_context(config, config.catalogue, SERVED_PROTOCOLS, SERVED_EMBEDDINGS)
    facts = {
        model.id: {"operation": str(asked_of([model]).value), "web_search": False, "tags": []} for model in config.catalogue.models.values()
    }
    return msgspec.to_builtins(context), msgspec.to_builtins(config.presets, str_keys=True), facts


def drawn(chance, providers, regions):
    """Random settings, as the page sends them and as the oracle reads them."""
    sent, read = {}, {}
    some = lambda names, most: sorted(chance.sample(names, chance.randint(1, most)))  # noqa: E731
    options = {
        "training_allowed": (False, "training_allowed"),
        "retention_days": (chance.choice([0, 1, 7, 30, 30.5, 90]), "retention_days"),
        "human_review_allowed": (False, "human_review_allowed"),
        "paid_only": (True, "paid_only"),
        "min_confidence": (chance.choice(["secondary", "primary"]), "min_confidence"),
        "certifications": (some(["soc2", "soc2-type2", "iso27001"], 2), "certifications"),
        "regions": (some(regions, 3), "regions"),
        "data_class": (chance.choice(["public", "internal", "confidential"]), "data_class"),
    }
    for name in chance.sample(sorted(options), chance.randint(0, 3)):
        sent[name], read[options[name][1]] = options[name][0], options[name][0]
    if chance.random() < 0.3:
        sent["flagged_copies"], read["flagged_copies_counted"] = "counted", True
    for name, share in (("only", 0.15), ("ignore", 0.3)):
        if chance.random() < share:
            sent.setdefault("providers", {})[name] = read[f"providers_{name}"] = some(providers, 20 if name == "only" else 5)
    return sent, read


def by_the_oracle(read, context, presets, facts):
    """Codes of every endpoint: what the oracle says."""
    required = oracle.requirement([("account", read)], presets)
    now = dt.datetime.now(dt.UTC).timestamp()
    return {
        (model, endpoint): set(verdict["codes"])
        for model in context["catalogue"]["models"]
        for endpoint, verdict in oracle.judge(required, model, facts[model], context, "default", now).items()
    }


def by_the_gateway(rows):
    """Codes of every endpoint: what the data plane says to the key."""
    return {
        (row["id"], endpoint["id"]): set(endpoint["reasons"])
        for row in rows
        if not row["id"].startswith("anyapi/")
        for endpoint in row["endpoints"]
    }


def cheapest(rows, codes, hindrances=frozenset()):
    """US dollars for a million tokens in and a million out at the cheapest chat endpoint of those that nothing but `hindrances` keeps out.

    Free ones are not counted.
    """
    prices = [
        endpoint["price"]["input"] + endpoint["price"]["output"]
        for row in rows
        for endpoint in row["endpoints"]
        if None not in (endpoint["price"]["input"], endpoint["price"]["output"]) and codes[row["id"], endpoint["id"]] <= hindrances
        if CHAT in endpoint["operations"]
    ]
    return min((price for price in prices if price > 0), default=None)


def counted(codes):
    """The numbers that a preview shows, from the codes of every endpoint."""
    permitted = collections.Counter(model for (model, _), found in codes.items() if found <= AVAILABILITY)
    usable = collections.Counter(model for (model, _), found in codes.items() if not found)
    return {
        "models": len(permitted),
        "endpoints": permitted.total(),
        "usable_models": len(usable),
        "usable_endpoints": usable.total(),
        "denied_by": dict(collections.Counter(code for found in codes.values() for code in found - AVAILABILITY)),
    }, set(permitted)


def test_fifty_previews_are_what_then_happens(place):
    gateway, page = place
    context, presets, facts = told(gateway)
    chance = random.Random(20_261_127)
    providers = sorted(context["catalogue"]["providers"])
    seen, before, had = collections.Counter(), None, None
    for _ in range(SETTINGS):
        sent, read = drawn(chance, providers, ["de", "eu", "us", "fr", "gb", "sg"])
        status, preview = page.send("POST", f"{URL}/preview", {"data_policy": sent})
        assert status == 200, (sent, preview)
        assert page.send("PUT", URL, {"data_policy": sent})[0] == 200
        rows = gateway.request("GET", "/v1/models").json()["data"]
        found = by_the_gateway(rows)
        assert found == by_the_oracle(read, context, presets, facts), sent
        numbers, left = counted(found)
        assert {name: preview["then"][name] for name in numbers} == numbers, sent
        assert (preview["all_models"], preview["all_endpoints"]) == (len({model for model, _ in found}), len(found))
        assert preview["then"]["cheapest"] == cheapest(rows, found), sent
        assert preview["then"]["cheapest_listed"] == cheapest(rows, found, AVAILABILITY), sent
        if before is not None:
            assert preview["now"] == before, "what was before is what the last one would leave"
            assert (set(preview["lost"]), set(preview["gained"])) == (had - left, left - had)
        before, had = preview["then"], left
        for model in CHATS:
            usable = {name.split("/")[0] for (of, name), codes in found.items() if of == model and not codes}
            answer = gateway.chat(model=model, data_policy=None)
            assert (answer.status, answer.headers.get("x-anyapi-provider") in usable) == ((200, True) if usable else (403, False)), (
                sent,
                model,
            )
            seen[answer.status] += 1
        seen["nothing left" if not left else "everything left" if numbers["endpoints"] == len(found) else "some left"] += 1
    print(dict(seen))
    assert min(seen[200], seen[403], seen["some left"]) > 10, "random settings that show something"


def test_it_names_the_models_of_last_week_that_would_go(place):
    gateway, page = place
    page.send("PUT", URL, {"data_policy": {}})
    for model in CHATS[:2]:
        assert gateway.chat(model=model, data_policy=None).status == 200
    gateway.usage(SETTINGS * len(CHATS) + 2)
    preview = page.send("POST", f"{URL}/preview", {"data_policy": {"providers": {"only": []}}})[1]
    assert set(CHATS[:2]) <= set(preview["lost_in_use"]) <= set(CHATS)
    assert (preview["then"]["models"], preview["then"]["cheapest"]) == (0, None)
    assert page.send("POST", f"{URL}/preview", {"data_policy": {"providers": {"ignore": ["openai"]}}})[1]["lost_in_use"] == []
