import msgspec
import pytest

from anyapi.catalogue.model_record import read_endpoint, read_model
from anyapi.catalogue.reading import Problems, Table
from anyapi.domain.catalogue import Capabilities, Operation, Price, Status

encode = msgspec.json.encode


def read(reader, record, *more):
    problems = Problems()
    return reader(Table(record, problems, "f", "r"), *more), [problem.field for problem in problems.found]


def test_what_the_operator_need_not_say():
    model, problems = read(read_model, {"id": "maker/small", "endpoints": [{"provider": "one", "model": "s"}]})
    assert (model.author, model.name, model.open_weights, problems) == ("maker", "small", False, [])
    endpoint = model.endpoints[0]
    assert (endpoint.id, endpoint.price, endpoint.capabilities, endpoint.free, endpoint.status) == (
        "one/s",
        Price(),
        Capabilities(),
        False,
        Status.ACTIVE,
    )


@pytest.mark.parametrize(
    ("price", "free"), [({"input": 0, "output": 0}, True), ({"input": 0, "output": 1}, False), ({"input": 0}, False), ({}, False)]
)
def test_an_endpoint_is_free_when_its_price_is_0_unless_it_says_otherwise(price, free):
    record = {"provider": "one", "model": "s", "price": price}
    assert read(read_endpoint, record, "m/s")[0].free is free
    assert read(read_endpoint, {**record, "free": not free}, "m/s")[0].free is not free


def test_a_protocol_of_an_endpoint_that_nobody_knows_is_a_problem():
    problems = Problems()
    read_endpoint(Table({"provider": "a", "model": "m", "protocol": "openai"}, problems, "f", "r"), "x/y")
    assert [(one.field, one.message.rpartition("; ")[2]) for one in problems.found] == [("protocol", "did you mean openai-chat?")]


def test_an_unknown_field_of_an_endpoint_is_a_problem():
    _, problems = read(read_endpoint, {"provider": "one", "model": "s", "prise": {}}, "m/s")
    assert problems == ["prise"]


@pytest.mark.parametrize(
    ("stated", "read_as"),
    [
        (None, (Operation.CHAT_COMPLETIONS,)),
        (["chat_completions"], (Operation.CHAT_COMPLETIONS,)),
        (["embeddings"], (Operation.EMBEDDINGS,)),
        (["embeddings", "chat_completions"], (Operation.CHAT_COMPLETIONS, Operation.EMBEDDINGS)),
    ],
)
def test_what_an_endpoint_does(stated, read_as):
    endpoint, problems = read(read_endpoint, {"provider": "one", "model": "s", "operations": stated}, "m/s")
    assert (endpoint.operations, problems) == (read_as, [])
    plain, _ = read(read_endpoint, {"provider": "one", "model": "s"}, "m/s")
    assert (encode(endpoint) == encode(plain)) is (read_as == plain.operations), "equal records must have equal bytes"


@pytest.mark.parametrize("stated", [[], ["chat"], ["embeddings", "embeddings"], "embeddings", [1], {}])
def test_what_no_endpoint_does(stated):
    _, problems = read(read_endpoint, {"provider": "one", "model": "s", "operations": stated}, "m/s")
    assert set(problems) == {"operations"}


@pytest.mark.parametrize(
    ("operations", "dimensions", "problems"),
    [
        (["embeddings"], 1024, []),
        (["embeddings"], None, []),
        (["embeddings"], 0, ["dimensions"]),
        (["embeddings"], 1.5, ["dimensions"]),
        (["chat_completions"], 1024, ["dimensions"]),
        (None, 1024, ["dimensions"]),
    ],
)
def test_only_what_makes_vectors_has_dimensions(operations, dimensions, problems):
    record = {"provider": "one", "model": "s", "operations": operations, "dimensions": dimensions}
    endpoint, found = read(read_endpoint, record, "m/s")
    assert found == problems
    assert problems or endpoint.dimensions == dimensions


RARE = ("parallel_tools", "computer_use", "assistant_prefill", "web_search", "url_context")


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("stated", [True, False, None])
def test_abilities_that_only_tags_ask_for_are_recorded_or_not(name, stated):
    endpoint, problems = read(read_endpoint, {"provider": "one", "model": "s", "capabilities": {name: stated}}, "m/s")
    assert (getattr(endpoint.capabilities, name), problems) == (stated, [])
    assert all(getattr(endpoint.capabilities, other) is None for other in RARE if other != name)


def test_an_ability_is_a_flag():
    _, problems = read(read_endpoint, {"provider": "one", "model": "s", "capabilities": {"web_search": "yes"}}, "m/s")
    assert problems == ["capabilities.web_search"]
