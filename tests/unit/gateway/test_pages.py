"""Everything besides inference: models and their policies, explain, the calling key, privacy, status, preflights."""

import json
import threading

import msgspec
import pytest
from tests.unit.gateway.workbench import DISCLOSURE, KEY, chat, gateway, principal
from tests.unit.policy.samples import NOW, block, endpoint, kept
from tests.unit.upstream.provider import playing, silent
from tests.unit.wire.peers import on_loop

from anyapi.domain.catalogue import Capabilities, Model, Operation, Override, PolicyException, Price, Selector, Status
from anyapi.domain.ids import ModelId
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.gateway import pages
from anyapi.gateway.page_cache import PAGE_SECONDS
from anyapi.gateway.pages import lifecycle
from anyapi.gateway.privacy import inventory
from anyapi.policy.merge import DEFAULT_PRESETS, lift

TRAINS = block(training="by_default")
ORIGIN = b"https://app.example"


def strict(**settings):
    return lift(Layer.KEY, Settings(**settings), DEFAULT_PRESETS)


def two(**fields):
    """A gateway of two providers, of which the first trains; a second model is only there."""
    endpoints = [endpoint("p0", price=Price(1, 2, 0.5)), endpoint("p1", capabilities=Capabilities(tools=True)), endpoint("p0", "acme/two")]
    return gateway(silent, silent, policies=[TRAINS], endpoints=endpoints, **fields)


@on_loop
async def test_models_with_their_policies():
    async with two(requirement=strict(training_allowed=False)) as running:
        response = await running.get(b"/v1/models")
        page = json.loads(response.body)
        assert (response.status, page["object"]) == (200, "list")
        one, other, auto = page["data"]
        assert (auto["id"], auto["owned_by"], auto["eligible"], auto["endpoints"]) == ("anyapi/auto", "anyapi", True, [])
        assert (one["id"], one["object"], one["owned_by"], one["eligible"]) == ("acme/one", "model", "acme", True)
        assert (other["id"], other["eligible"]) == ("acme/two", False)
        best, worst = one["endpoints"]
        assert (best["id"], best["eligible"], best["reasons"]) == ("p1/one", True, [])
        assert (worst["id"], worst["eligible"], worst["reasons"]) == ("p0/one", False, ["training_by_default"])
        assert worst["price"] == {"input": 1.0, "output": 2.0, "cached_input": 0.5}
        assert worst["data_policy"]["training"] == "by_default"
        assert best["capabilities"]["tools"] is True


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ((Status.RETIRED, Status.UNVERIFIED), "active"),
        ((Status.DEPRECATED, Status.ACTIVE), "active"),
        ((Status.RETIRED, Status.DEPRECATED), "deprecated"),
        ((Status.RETIRED,), "retired"),
        ((), "retired"),
    ],
)
def test_how_long_a_model_may_be_had(states, word):
    model = Model(ModelId("acme/one"), "One", "acme", endpoints=tuple(endpoint(status=state) for state in states))
    assert lifecycle(model) == word


@on_loop
async def test_a_model_has_what_anthropic_s_sdk_reads_too():
    endpoints = [endpoint("p0", context_length=1000, max_output_tokens=20), endpoint("p1", context_length=2000), endpoint("p0", "acme/two")]
    async with gateway(silent, silent, endpoints=endpoints) as running:
        page = json.loads((await running.get(b"/v1/models")).body)
        assert (page["has_more"], page["first_id"], page["last_id"]) == (False, "acme/one", "anyapi/auto")
        one, other, _ = page["data"]
        read = ("type", "created_at", "lifecycle", "max_input_tokens", "max_tokens")
        assert [one[name] for name in read] == ["model", "1970-01-01T00:00:00Z", "active", 2000, 20]
        assert (other["display_name"], other["max_input_tokens"], other["max_tokens"]) == (other["name"], 8192, None)
    async with gateway(silent, endpoints=[endpoint()], requirement=strict(providers_only=frozenset())) as running:
        page = json.loads((await running.get(b"/v1/models?eligible=1")).body)
        assert (page["data"], page["first_id"], page["last_id"]) == ([], None, None)


@pytest.mark.parametrize(
    ("query", "filtered"),
    [
        (b"eligible=1", True),
        (b"eligible=true", True),
        (b"eligible=0", False),
        (b"eligible=false", False),
        (b"eligible=1&eligible=1", True),
        (b"", False),
        (b"x=%FF", False),
    ],
)
@on_loop
async def test_only_what_the_caller_may_use(query, filtered):
    async with two(requirement=strict(training_allowed=False)) as running:
        page = json.loads((await running.get(b"/v1/models?" + query)).body)
        names = [[one["id"] for one in model["endpoints"]] for model in page["data"]]
        assert names == ([["p1/one"], []] if filtered else [["p1/one", "p0/one"], ["p0/two"], []])


@pytest.mark.parametrize("query", [b"eligible", b"eligible=", b"eligible=yes", b"eligible=2", b"eligible=1&eligible=0"])
@pytest.mark.parametrize("path", [b"/v1/models", b"/v1/models/acme/one", b"/v1/models/acme/one/endpoints"])
@on_loop
async def test_a_filter_that_is_misspelt_is_refused(path, query):
    async with two() as running:
        answer = await running.get(path + b"?" + query)
        assert (answer.status, json.loads(answer.body)["error"]["param"]) == (400, "eligible")


@pytest.mark.parametrize("path", [b"/v1/models/acme/one/endpoints", b"/api/v1/models/acme/one/endpoints"])
@on_loop
async def test_endpoints_of_one_model_that_the_caller_may_use(path):
    async with two() as running:
        header = b"X-AnyAPI-Training-Allowed: false"
        row = json.loads((await running.get(path + b"?eligible=1", header)).body)["data"]
        assert ([one["id"] for one in row["endpoints"]], row["eligible"]) == (["p1/one"], True)
        row = json.loads((await running.get(b"/v1/models/acme/two?eligible=1", header)).body)
        assert (row["endpoints"], row["eligible"]) == ([], False)
        assert len(json.loads((await running.get(path + b"?eligible=0", header)).body)["data"]["endpoints"]) == 2


@on_loop
async def test_policy_headers_filter_the_list_too():
    async with two() as running:
        page = json.loads((await running.get(b"/v1/models?eligible=1", b"X-AnyAPI-Training-Allowed: false")).body)
        assert [[one["id"] for one in model["endpoints"]] for model in page["data"]] == [["p1/one"], []]
        assert (await running.get(b"/v1/models", b"X-AnyAPI-Trainings: false")).status == 400


@on_loop
async def test_the_list_is_made_once_in_a_while():
    async with two() as running:
        first = (await running.get(b"/v1/models")).body
        calls, real = [], running.plane.clock
        running.clock.now += PAGE_SECONDS - 1
        assert (await running.get(b"/v1/models")).body == first
        running.clock.now = NOW + 86400 * 10
        later = json.loads((await running.get(b"/v1/models")).body)
        assert later["data"][0]["endpoints"][0]["data_policy"] != json.loads(first)["data"][0]["endpoints"][0]["data_policy"]
        assert (calls, real) == ([], running.plane.clock)


@pytest.mark.parametrize("path", [b"/v1/models/acme/one", b"/api/v1/models/acme/one"])
@on_loop
async def test_one_model(path):
    async with two() as running:
        row = json.loads((await running.get(path)).body)
        assert (row["id"], len(row["endpoints"])) == ("acme/one", 2)
        wrapped = json.loads((await running.get(path + b"/endpoints")).body)
        assert wrapped == {"data": row}


@pytest.mark.parametrize(("training", "eligible"), [(b"true", True), (b"false", False)])
@on_loop
async def test_the_choice_of_a_model_is_listed_as_one(training, eligible):
    header = b"X-AnyAPI-Training-Allowed: " + training
    embeds = endpoint("p1", "acme/embed", operations=(Operation.EMBEDDINGS,))
    async with gateway(silent, silent, policies=[TRAINS], endpoints=[endpoint("p0"), embeds]) as running:
        row = json.loads((await running.get(b"/v1/models/anyapi/auto", header)).body)
        assert (row["id"], row["eligible"], row["endpoints"]) == ("anyapi/auto", eligible, [])
        assert json.loads((await running.get(b"/v1/models/anyapi/auto/endpoints", header)).body) == {"data": row}
        assert json.loads((await running.get(b"/v1/models", header)).body)["data"][-1] == row
        listed = json.loads((await running.get(b"/v1/models?eligible=1", header)).body)["data"]
        assert ("anyapi/auto" in [one["id"] for one in listed]) is eligible


@on_loop
async def test_explaining_the_choice_of_a_model():
    """A question about the choice is about chats, whatever stands beside it; lists are cut, counts are whole."""
    embeds = endpoint("p1", "acme/embed", operations=(Operation.EMBEDDINGS,))
    many = [endpoint("p0", f"acme/m{number}", price=Price(number, 0)) for number in range(25)]
    trains = [endpoint("p1", f"acme/t{number}") for number in range(30)]
    async with gateway(silent, silent, policies=[block(), TRAINS], endpoints=[embeds, *many, *trains]) as running:
        body = {"models": ["anyapi/auto", "acme/embed"], "data_policy": {"training_allowed": False}}
        answer = json.loads((await running.post(body, path=b"/v1/explain")).body)
        auto, embed = answer["models"]
        assert (auto["model"], auto["totals"]) == ("anyapi/auto", {"permitted": 25, "denied": 30, "unavailable": 0})
        assert (len(auto["permitted"]), len(auto["denied"])) == (20, 20)
        assert [row["model"] for row in auto["permitted"]] == [f"acme/m{number}" for number in range(20)]
        assert [(one["code"], one["endpoints"]) for one in auto["reasons"]] == [("training_by_default", 30)]
        codes = {reason["code"] for row in (*embed["denied"], *embed["unavailable"]) for reason in row["reasons"]}
        assert codes == {"training_by_default", "operation_unsupported"}
        body |= {"max_tokens": 9000}
        auto = json.loads((await running.post(body, path=b"/v1/explain")).body)["models"][0]
        assert (auto["totals"]["permitted"], auto["totals"]["unavailable"]) == (0, 25)
        assert auto["unavailable"][0]["reasons"][0]["code"] == "context_too_short"


@pytest.mark.parametrize("path", [b"/v1/models/acme/oned", b"/v1/models/", b"/v1/models/acme/one/endpoints/endpoints", b"/v1/models/%00"])
@on_loop
async def test_no_such_model(path):
    async with two() as running:
        response = await running.get(path)
        error = json.loads(response.body)["error"]
        assert (response.status, error["type"]) == (404, "model_not_found")


@on_loop
async def test_the_calling_key():
    caller = principal(strict(data_class=DataClass.CONFIDENTIAL), project="web", expires_at=NOW + 60)
    async with two(caller=caller) as running:
        page = json.loads((await running.get(b"/v1/key")).body)
        assert {name: page[name] for name in ("key", "account", "project", "expires_at", "durable_record")} == {
            "key": "key_1",
            "account": "acme",
            "project": "web",
            "expires_at": NOW + 60,
            "durable_record": True,
        }
        assert page["requirement"]["training_allowed"] is False
        assert b"anyapi_sk" not in (await running.get(b"/v1/key")).body


@pytest.mark.parametrize("path", [b"/v1/models", b"/v1/models/acme/one", b"/v1/key", b"/api/v1/key"])
@on_loop
async def test_who_is_not_known_sees_nothing(path):
    async with two() as running:
        for key in (None, b"wrong"):
            assert (await running.get(path, key=key)).status == 401


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize(
    "path", [b"/v1/models", b"/v1/models/acme/one", b"/v1/models/acme/one/endpoints", b"/v1/models/nobody/none", b"/v1/key"]
)
@on_loop
async def test_no_cache_in_front_keeps_what_is_the_callers(path, method):
    """Varnish, for one, keeps whatever was not asked for with `Authorization` or a cookie: Anthropic's clients send x-api-key."""
    async with two() as running:
        for key in (KEY, None):
            assert (await running.get(path, key=key, method=method)).field("cache-control") == b"no-store"


@pytest.mark.parametrize("path", [b"/v1/privacy", b"/api/v1/privacy", b"/.well-known/anyapi-privacy.json"])
@on_loop
async def test_what_is_stored_is_public(path):
    async with two() as running:
        response = await running.get(path, key=None)
        assert (response.status, json.loads(response.body)) == (200, json.loads(json.dumps(inventory(DISCLOSURE))))


@on_loop
async def test_explain_sends_nothing():
    script = playing(then=silent)
    async with gateway(script, silent, policies=[TRAINS]) as running:
        body = {"model": "acme/one", "data_policy": {"training_allowed": False}}
        response = await running.post(body, path=b"/v1/explain")
        page = json.loads(response.body)
        assert response.status == 200
        (decision,) = page["models"]
        assert [one["endpoint"] for one in decision["permitted"]] == ["p1/one"]
        assert [one["endpoint"] for one in decision["denied"]] == ["p0/one"]
        assert (script.seen, running.rows) == ([], [])


@on_loop
async def test_a_list_and_an_explanation_judge_a_model_by_what_it_does_and_a_chat_by_that_it_is_one():
    embeds = endpoint("p0", "acme/embed", operations=(Operation.EMBEDDINGS,), dimensions=8)
    async with gateway(silent, endpoints=[endpoint("p0"), embeds]) as running:
        page = json.loads((await running.get(b"/v1/models")).body)
        rows = {model["id"]: model["endpoints"][0] for model in page["data"] if model["endpoints"]}
        assert [rows[name]["operations"] for name in ("acme/one", "acme/embed")] == [["chat_completions"], ["embeddings"]]
        assert [rows[name]["dimensions"] for name in ("acme/one", "acme/embed")] == [None, 8]
        assert "operation_unsupported" not in rows["acme/embed"]["reasons"]
        row = json.loads((await running.get(b"/v1/models/acme/embed")).body)
        assert "operation_unsupported" not in row["endpoints"][0]["reasons"]
        codes = {}
        for names in (["acme/embed"], ["acme/one", "acme/embed"]):
            answer = json.loads((await running.post({"models": names}, path=b"/v1/explain")).body)
            rows = answer["models"][-1]["unavailable"]
            codes[len(names)] = [reason["code"] for row in rows for reason in row["reasons"]]
        assert "operation_unsupported" not in codes[1]
        assert codes[2] == ["operation_unsupported"]
        response = await running.post(chat(model="acme/embed"))
        error = json.loads(response.body)["error"]
        assert (response.status, error["type"]) == (404, "model_not_found")
        assert "POST /v1/embeddings" in error["message"]
        assert error["metadata"]["endpoints"][0]["reasons"][0]["code"] == "operation_unsupported"


@on_loop
async def test_a_question_needs_no_messages_whatever_it_wishes():
    async with two() as running:
        body = {"model": "acme/two", "provider": {"require_parameters": True}, "tools": []}
        assert (await running.post(body, path=b"/v1/explain")).status == 200


def keep_searches(running):
    """Have the provider keep what it searches for."""
    providers = running.plane.context.catalogue.providers
    kept_longer = PolicyException(Selector(features=("google-search-grounding",)), Override(retention=kept("limited", 30)))
    providers["p0"] = msgspec.structs.replace(providers["p0"], exceptions=(kept_longer,))


ZERO = {"data_policy": {"retention_days": 0}}
STRICTLY = {"provider": {"require_parameters": True}}


@pytest.mark.parametrize(
    "fields",
    [
        {"web_search_options": {}, **ZERO},
        {"tools": [{"type": "web_search"}], **ZERO},
        {"enable_search": True, **ZERO},
        {"stream": True, **STRICTLY},
        {"stream": True, "model": "anyapi/auto"},
        {"reasoning_effort": "high", **STRICTLY},
        {"max_tokens": 9000, "model": "anyapi/auto"},
    ],
)
@on_loop
async def test_what_would_be_refused_is_not_explained_as_permitted(fields):
    silently = endpoint("p0", capabilities=Capabilities(tools=True, streaming=False))
    async with gateway(silent, endpoints=[silently]) as running:
        keep_searches(running)
        refused = await running.post(chat(**fields))
        assert refused.status in {403, 404}
        (reason,) = json.loads(refused.body)["error"]["metadata"]["endpoints"][0]["reasons"]
        needed = {"required": ..., "text": ...}  # how many tokens there are: a question has fewer
        page = json.loads((await running.post({"model": "acme/one", **fields}, path=b"/v1/explain")).body)
        (told,) = page["models"]
        assert told["permitted"] == []
        (row,) = (*told["denied"], *told["unavailable"])
        assert [one | needed for one in row["reasons"]] == [reason | needed]


@pytest.mark.parametrize("tag", ["web_search", "url_context"])
@on_loop
async def test_who_asks_for_the_ability_to_search_is_told_of_a_request_that_does(tag):
    searching = endpoint("p0", capabilities=Capabilities(web_search=True, url_context=True))
    async with gateway(silent, endpoints=[searching]) as running:
        keep_searches(running)
        body = {"model": "acme/one", "tags": [f"chat_completions:{tag}"]}
        for policy, permitted in (({}, 1), (ZERO, 0)):
            page = json.loads((await running.post(body | policy, path=b"/v1/explain")).body)
            assert len(page["models"][0]["permitted"]) == permitted


@on_loop
async def test_many_endpoints_are_explained_apart_from_the_loop(monkeypatch):
    """Eight models with reasons for every endpoint took the loop 120 ms."""
    where, real = [], pages.explain

    def explained(*given, **fields):
        where.append(threading.current_thread() is threading.main_thread())
        return real(*given, **fields)

    monkeypatch.setattr(pages, "explain", explained)
    async with two() as running:
        few = (await running.post({"model": "acme/one"}, path=b"/v1/explain")).body
        monkeypatch.setattr(pages, "FEW", 1)
        many = (await running.post({"model": "acme/one"}, path=b"/v1/explain")).body
        assert (where, json.loads(many)["models"]) == ([True, False], json.loads(few)["models"])


@on_loop
async def test_explain_tells_where_models_stand_that_are_passed_over():
    async with two() as running:
        asked = {"model": "nope/secret", "models": ["acme/one", "acme/one", "nope/more", "acme/two"]}
        response = await running.post(asked, path=b"/v1/explain")
        page = json.loads(response.body)
        assert [model["model"] for model in page["models"]] == ["acme/one", "acme/two"]
        assert page["unknown_models"] == 2
        assert page["skipped"] == [{"field": "model", "reason": "unknown_model"}, {"field": "models[2]", "reason": "unknown_model"}]
        assert b"nope" not in response.body
        assert json.loads((await running.post({"model": "acme/one"}, path=b"/v1/explain")).body)["skipped"] == []


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (b"/v1/explain", {"model": "acme/onee"}),
        (b"/v1/explain", {"models": ["acme/onee", "acme/twoo"]}),
        (b"/v1/messages/count_tokens", {"model": "acme/onee", "messages": []}),
        (b"/v1/models/acme/onee", None),
    ],
)
@on_loop
async def test_a_404_for_an_unknown_model_says_by_what_it_was_decided(path, asked):
    rows = [b"X-AnyAPI-Training-Allowed: false"]
    async with two() as running:
        response = await (running.get(path, *rows) if asked is None else running.post(asked, *rows, path=path))
        assert (response.status, response.field("x-anyapi-training-allowed"), response.field("x-anyapi-retention-days")) == (
            404,
            b"false",
            b"any",
        )
        assert len(response.field("x-anyapi-policy")) == 32
        assert response.field("x-anyapi-decision") is None, "nothing was asked of a model"
        assert "acme/one" in json.loads(response.body)["error"]["metadata"]["similar"]


@on_loop
async def test_explain_answers_only_who_is_known_and_what_is_right():
    async with two() as running:
        assert (await running.post({"model": "acme/one"}, path=b"/v1/explain", key=None)).status == 401
        assert (await running.post(b"x", path=b"/v1/explain")).status == 400
        assert (await running.post({"model": "acme/none"}, path=b"/v1/explain")).status == 404
        assert (await running.post({"model": "acme/two", "data_policy": {"retention_days": -1}}, path=b"/v1/explain")).status == 400


@on_loop
async def test_alive_and_ready():
    async with two() as running:
        assert (await running.get(b"/healthz", key=None)).body == b"ok\n"
        response = await running.get(b"/readyz", key=None)
        assert (response.status, response.body) == (200, b"ready\n")
        running.plane.outlets = msgspec.structs.replace(running.plane.outlets, ready=lambda: False)
        response = await running.get(b"/readyz", key=None)
        assert (response.status, b"not ready" in response.body) == (503, True)


@on_loop
async def test_the_status_page():
    async with two() as running:
        response = await running.get(b"/", key=None)
        text = response.body.decode()
        assert response.field("content-type") == b"text/html; charset=utf-8"
        assert b"default-src 'none'" in response.field("content-security-policy")
        assert "AnyAPI is running" in text
        assert "2 models, 2 providers" in text
        assert "Memory scrubbing</dt><dd>on" in text
        assert "{" not in text.split("</style>")[1]


@on_loop
async def test_head_has_no_body():
    async with two() as running:
        response = await running.get(b"/healthz", method=b"HEAD")
        assert (response.body, response.field("content-length")) == (b"", b"3")


# --- preflights


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(b"/v1/chat/completions", b"POST, OPTIONS"), (b"/v1/models", b"GET, HEAD, OPTIONS"), (b"/", b"GET, HEAD, OPTIONS")],
)
@on_loop
async def test_options(path, allowed):
    async with two() as running:
        response = await running.get(path, b"Origin: " + ORIGIN, method=b"OPTIONS", key=None)
        assert (response.status, response.field("allow")) == (204, allowed)
        assert not [name for name, _ in response.fields if name.startswith("access-control")]


@on_loop
async def test_a_listed_origin_may_call():
    async with two(cors=[ORIGIN.decode()]) as running:
        rows = [b"Origin: " + ORIGIN, b"Access-Control-Request-Headers: authorization, x-anyapi-regions"]
        response = await running.get(b"/v1/key", *rows, method=b"OPTIONS", key=None)
        assert response.field("access-control-allow-origin") == ORIGIN
        assert response.field("access-control-allow-methods") == b"GET, HEAD, OPTIONS"
        assert response.field("access-control-allow-headers") == b"authorization, x-anyapi-regions"
        assert response.field("access-control-max-age") is not None
        assert response.field("access-control-allow-credentials") is None


@pytest.mark.parametrize("asked", [b"a: b", b"<x>", "é".encode(), b"a;b", b'"'])
@on_loop
async def test_header_names_that_are_none_are_not_repeated(asked):
    async with two(cors=[ORIGIN.decode()]) as running:
        rows = [b"Origin: " + ORIGIN, b"Access-Control-Request-Headers: " + asked]
        response = await running.get(b"/v1/key", *rows, method=b"OPTIONS", key=None)
        assert response.field("access-control-allow-headers") is None


@on_loop
async def test_another_origin_may_not():
    async with two(cors=[ORIGIN.decode()]) as running:
        rows = [b"Origin: https://evil.example", b"Access-Control-Request-Headers: authorization"]
        response = await running.get(b"/v1/key", *rows, method=b"OPTIONS", key=None)
        assert not [name for name, _ in response.fields if name.startswith("access-control")]
