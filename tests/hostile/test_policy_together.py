"""Policies of body, headers and other gateways' switches are met, bind, and stay here: none loosens another, none reaches a provider."""

import itertools
import json

import pytest
from tests.hostile.talk import CANARY, post, refused, sent, talk
from tests.tools.gateway import SEED, received, simulated

PLAIN = {name: value for name, value in SEED.items() if name != "data_policy"}
GROUNDED = """
[[providers.sim-zero.policy_exceptions]]
applies_to = { features = ["google-search-grounding"] }
override = { retention = { kind = "limited", days = 30 }, zero_retention_available = "no" }

[[providers.sim-zero.policy_exceptions]]
applies_to = { features = ["image-output"] }
override = { retention = { kind = "limited", days = 30 } }
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("together") / "gateway", extra=GROUNDED) as pair:
        yield pair


TRAINS = {"sim-forever", "sim-free", "sim-unknown"}
EVERYBODY = {"sim-forever", "sim-30d", "sim-zero", "sim-free", "sim-unknown"}


def permitted(gateway, body, headers) -> set[str]:
    """The simulated providers that may serve, as explain says; `headers` are lines, so that one may stand twice."""
    lines = [line.encode() for line in headers]
    asked = json.dumps({"model": "anthropic/claude-3.5-sonnet", **body}).encode()
    (answer,) = talk(gateway, post(asked, *lines, line=b"POST /v1/explain HTTP/1.1")).responses()
    assert answer.status == 200, answer.body
    (model,) = json.loads(answer.body)["models"]
    return {endpoint["provider"] for endpoint in model["permitted"]}


NO_TRAINING = {"sim-30d", "sim-zero"}
TOGETHER = {
    "nothing": ({}, (), EVERYBODY),
    "body": ({"data_policy": {"training_allowed": False}}, (), NO_TRAINING),
    "header": ({}, ("X-AnyAPI-Training-Allowed: false",), NO_TRAINING),
    "header cannot loosen the body": ({"data_policy": {"training_allowed": False}}, ("X-AnyAPI-Training-Allowed: true",), NO_TRAINING),
    "body cannot loosen the header": ({"data_policy": {"training_allowed": True}}, ("X-AnyAPI-Training-Allowed: false",), NO_TRAINING),
    "smaller retention of body": ({"data_policy": {"retention_days": 0}}, ("X-AnyAPI-Retention-Days: 365",), {"sim-zero"}),
    "smaller retention of header": ({"data_policy": {"retention_days": 365}}, ("X-AnyAPI-Retention-Days: 0",), {"sim-zero"}),
    "repeated header, strict first": ({}, ("X-AnyAPI-Retention-Days: 0", "X-AnyAPI-Retention-Days: 365"), {"sim-zero"}),
    "repeated header, strict last": ({}, ("X-AnyAPI-Retention-Days: 365", "x-anyapi-retention-days: 0"), {"sim-zero"}),
    "repeated flag": (
        {},
        ("X-AnyAPI-Training-Allowed: true", "X-AnyAPI-Training-Allowed: false", "X-AnyAPI-Training-Allowed: true"),
        NO_TRAINING,
    ),
    "classes are joined": ({"data_policy": {"data_class": "public"}}, ("X-AnyAPI-Data-Class: internal",), NO_TRAINING),
    "repeated class": ({}, ("X-AnyAPI-Data-Class: confidential", "X-AnyAPI-Data-Class: public"), {"sim-zero"}),
    "listed classes": ({}, ("X-AnyAPI-Data-Class: public, confidential",), {"sim-zero"}),
    "only is intersected": (
        {"data_policy": {"providers": {"only": ["sim-zero", "sim-30d"]}}},
        ("X-AnyAPI-Providers-Only: sim-30d, sim-free",),
        {"sim-30d"},
    ),
    "repeated only": ({}, ("X-AnyAPI-Providers-Only: sim-zero", "X-AnyAPI-Providers-Only: sim-30d"), set()),
    "ignore is joined": ({"data_policy": {"providers": {"ignore": ["sim-zero"]}}}, ("X-AnyAPI-Providers-Ignore: sim-30d",), TRAINS),
    "empty only": ({"data_policy": {"providers": {"only": []}}}, (), set()),
    "empty header only": ({}, ("X-AnyAPI-Providers-Only:",), set()),
    "regions are intersected": ({"data_policy": {"regions": ["us"]}}, ("X-AnyAPI-Regions: eu",), set()),
    "empty regions": ({"data_policy": {"regions": []}}, (), set()),
    "certifications are joined": ({"data_policy": {"certifications": ["soc2"]}}, ("X-AnyAPI-Certifications: iso27001",), {"sim-zero"}),
    "zdr": ({"provider": {"zdr": True}}, (), {"sim-zero"}),
    "zdr false constrains nothing": ({"provider": {"zdr": False}}, (), EVERYBODY),
    "zdr false cannot loosen": ({"provider": {"zdr": False}, "data_policy": {"retention_days": 0}}, (), {"sim-zero"}),
    "data_collection": ({"provider": {"data_collection": "deny"}}, (), NO_TRAINING),
    "data_collection allow cannot loosen": (
        {"provider": {"data_collection": "allow"}, "data_policy": {"training_allowed": False}},
        (),
        NO_TRAINING,
    ),
    "provider.only": ({"provider": {"only": ["sim-free", "sim-zero"]}, "data_policy": {"training_allowed": False}}, (), {"sim-zero"}),
    "provider.ignore": ({"provider": {"ignore": ["sim-zero"]}, "data_policy": {"training_allowed": False}}, (), {"sim-30d"}),
    "provider.order is no bypass": ({"provider": {"order": ["sim-free"]}, "data_policy": {"training_allowed": False}}, (), NO_TRAINING),
    "zeroDataRetention": ({"providerOptions": {"gateway": {"zeroDataRetention": True}}}, (), {"sim-zero"}),
    "disallowPromptTraining": ({"providerOptions": {"gateway": {"disallowPromptTraining": True}}}, (), NO_TRAINING),
    "all aliases at once": (
        {
            "provider": {"zdr": False, "data_collection": "allow"},
            "providerOptions": {"gateway": {"zeroDataRetention": False, "disallowPromptTraining": True}, "openai": {"store": True}},
            "data_policy": {"training_allowed": True, "retention_days": 30},
        },
        ("X-AnyAPI-Data-Class: public",),
        NO_TRAINING,
    ),
    "paid only": ({"data_policy": {"paid_only": True}}, (), EVERYBODY - {"sim-free"}),
    "confidence": ({"data_policy": {"min_confidence": "primary"}}, (), EVERYBODY - {"sim-unknown"}),
    "fraction of a day": ({"data_policy": {"retention_days": 29.999}}, (), {"sim-zero"}),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_body_headers_and_aliases_are_met(running, name):
    body, headers, expected = TOGETHER[name]
    assert permitted(running[0], body, headers) == expected


@pytest.mark.parametrize("name", [name for name in TOGETHER if TOGETHER[name][2] and "is no bypass" not in name])
def test_only_what_is_permitted_is_sent_to_and_no_policy_field_with_it(running, name):
    gateway, simulation = running
    body, headers, expected = TOGETHER[name]
    simulation.reset()
    request_body = json.dumps({**PLAIN, **body}).encode()
    (answer,) = talk(gateway, post(request_body, *(line.encode() for line in headers))).responses()
    assert answer.status == 200, answer.body
    simulation.idle()
    served = {name for name, count in received(simulation).items() if count}
    assert len(served) == 1
    assert served <= expected
    assert answer.field("x-anyapi-provider") == served.pop().encode()
    for provider in EVERYBODY:
        assert simulation.ledger(provider)["leaked"] == {}


def test_a_policy_key_written_in_escapes_is_the_same_key(running):
    gateway, simulation = running
    simulation.reset()
    text = json.dumps({**PLAIN, "data_policy": {"retention_days": 0}})
    for escaped in (r'"data\u005fpolicy"', r'"\u0064ata_policy"', r'"\u0064\u0061\u0074\u0061\u005F\u0070olicy"'):
        body = text.replace('"data_policy"', escaped).replace('"retention_days"', r'"retention\u005fdays"')
        answer = gateway.request("POST", "/v1/chat/completions", body.encode())
        assert (answer.status, answer.headers["x-anyapi-provider"], answer.headers["x-anyapi-retention-days"]) == (200, "sim-zero", "0")
    assert simulation.ledger("sim-zero")["leaked"] == {}


# Nobody loosens what stands above the request

LOOSE_BODY = {
    "data_policy": {
        "training_allowed": True,
        "retention_days": 9999,
        "paid_only": False,
        "data_class": "public",
        "human_review_allowed": True,
        "min_confidence": "none",
    },
    "provider": {"zdr": False, "data_collection": "allow", "order": ["sim-free", "sim-forever"], "allow_fallbacks": True, "sort": "price"},
    "providerOptions": {"gateway": {"zeroDataRetention": False, "disallowPromptTraining": False}},
}
LOOSE_HEADERS = {
    "X-AnyAPI-Training-Allowed": "true",
    "X-AnyAPI-Retention-Days": "9999",
    "X-AnyAPI-Data-Class": "public",
    "X-AnyAPI-Paid-Only": "false",
    "X-AnyAPI-Providers-Ignore": "",
}


def test_a_gateways_floor_holds_against_every_loosening(tmp_path):
    floor = "[policy]\ntraining_allowed = false\nretention_days = 0\n"
    with simulated(tmp_path / "gateway", extra=floor) as (gateway, simulation):
        fields = [dict(chosen) for size in range(4) for chosen in itertools.combinations(LOOSE_BODY.items(), size)]
        for body, headers in itertools.product(fields, ({}, LOOSE_HEADERS)):
            answer = gateway.request("POST", "/v1/chat/completions", {**PLAIN, **body}, headers)
            assert (answer.status, answer.headers.get("x-anyapi-provider")) == (200, "sim-zero")
            assert (answer.headers["x-anyapi-training-allowed"], answer.headers["x-anyapi-retention-days"]) == ("false", "0")
        answer = gateway.request("POST", "/v1/chat/completions", {**PLAIN, "provider": {"only": ["sim-free"]}})
        assert answer.status == 403
        simulation.idle()
        assert {name for name, count in received(simulation).items() if count} == {"sim-zero"}


# What the gateway takes off or refuses


def test_store_is_taken_off_and_named(running):
    gateway, simulation = running
    simulation.reset()
    for value, adjusted in ((True, True), (False, False)):
        for stream in (False, True):
            answer = gateway.chat(store=value, stream=stream)
            assert answer.status == 200
            assert ("store" in answer.headers.get("x-anyapi-adjusted", "")) is adjusted
    answer = gateway.request(
        "POST", "/v1/chat/completions", json.dumps({**SEED, "store": True}).replace('"store"', r'"st\u006fre"').encode()
    )
    assert "store" in answer.headers["x-anyapi-adjusted"]
    simulation.idle()
    stores = {word for name in EVERYBODY for word in simulation.ledger(name)["store"]}
    assert stores <= {"absent", "false"}


@pytest.mark.parametrize("value", [1, "true", [], {}, "yes"])
def test_a_malformed_store_is_refused(running, value):
    refused(running, {**SEED, "store": value}, field="store")


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "background", "webhook_url"])
def test_stateful_fields_are_refused(running, name):
    for value in ("resp_" + CANARY, True, {"id": CANARY}, 1):
        refused(running, {**SEED, name: value}, field=name)


def test_no_field_of_ours_reaches_a_provider(running):
    gateway, simulation = running
    simulation.reset()
    body = {
        **SEED,
        **LOOSE_BODY,
        "data_policy": SEED["data_policy"],
        "models": ["anthropic/claude-3.5-sonnet", "openai/gpt-4o-mini"],
        "tags": ["chat_completions:streaming"],
        "metadata": {"app_id": "a", CANARY: CANARY},
        "store": True,
    }
    headers = {**LOOSE_HEADERS, "X-AnyAPI-App-ID": "app", "X-AnyAPI-App-User-ID": "user", "X-Request-ID": "id"}
    headers.pop("X-AnyAPI-Providers-Ignore")
    for stream in (False, True):
        answer = gateway.request("POST", "/v1/chat/completions", {**body, "stream": stream}, headers)
        assert answer.status == 200, answer.body
        assert {"metadata", "store"} <= set(answer.headers["x-anyapi-adjusted"].replace(" ", "").split(","))
    simulation.idle()
    for name in EVERYBODY:
        assert simulation.ledger(name)["leaked"] == {}
    assert sent(simulation) == 2


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", r"\u0077eb_search", r"web\u005fsearch", r"web_sea\u0072ch"])
def test_a_search_tool_is_seen_however_its_name_is_written(running, kind):
    """The exception for grounding keeps content for 30 days, so retention 0 leaves nobody."""
    gateway, simulation = running
    before = sent(simulation)
    body = json.dumps({**PLAIN, "data_policy": {"retention_days": 0}, "tools": [{"type": "KIND"}]}).replace("KIND", kind)
    answer = gateway.request("POST", "/v1/chat/completions", body.encode())
    assert answer.status == 403
    assert sent(simulation) == before


WAYS = {
    "/v1/chat/completions": {"messages": SEED["messages"]},
    "/v1/messages": {"messages": SEED["messages"], "max_tokens": 9},
    "/v1/responses": {"input": SEED["messages"]},
}
SEARCHES = {"/v1/chat/completions": "web_search", "/v1/messages": "web_search_20250305", "/v1/responses": "web_search"}


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("nothing", ["null", '"custom"', '"function"'])
@pytest.mark.parametrize("key", ["type", r"\u0074ype"])
def test_no_fact_depends_on_which_of_two_keys_counts(running, path, key, nothing):
    """A tool that searches, and states another type before or behind: which one a provider takes nobody knows."""
    gateway, simulation = running
    before = sent(simulation)
    body = json.dumps({"model": SEED["model"], **WAYS[path], "data_policy": {"retention_days": 0}, "tools": ["TOOL"]})
    for first, second in ((f'"{SEARCHES[path]}"', nothing), (nothing, f'"{SEARCHES[path]}"')):
        tool = f'{{"name":"x","type":{first},"{key}":{second}}}'
        answer = gateway.request("POST", path, body.replace('"TOOL"', tool).encode())
        assert answer.status == 400, answer.body
    assert sent(simulation) == before


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize(
    "asked", [{"modalities": ["image", "text"]}, {"image_config": {"aspect_ratio": "1:1"}}, {"modalities": ["pictures"]}]
)
def test_images_in_the_answer_are_seen_in_every_format(running, path, asked):
    """The exception for them keeps content for 30 days, so retention 0 leaves nobody; text alone it leaves to who keeps nothing."""
    gateway, simulation = running
    body = {"model": SEED["model"], **WAYS[path], "data_policy": {"retention_days": 0}}
    before = sent(simulation)
    assert gateway.request("POST", path, {**body, **asked}).status == 403
    assert sent(simulation) == before
    assert permitted(gateway, {"data_policy": {"retention_days": 0}, **asked}, ()) == set()
    answer = gateway.request("POST", path, {**body, "modalities": ["text"]})
    assert (answer.status, answer.headers["x-anyapi-provider"]) == (200, "sim-zero")
    assert gateway.request("POST", path, {**body, **asked, "data_policy": {"retention_days": 30}}).status == 200
