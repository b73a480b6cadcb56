import pytest

from anyapi.catalogue.model_record import read_endpoint, read_model
from anyapi.catalogue.reading import Problems, Table
from anyapi.domain.catalogue import Capabilities, Price, Status


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


def test_an_unknown_field_of_an_endpoint_is_a_problem():
    _, problems = read(read_endpoint, {"provider": "one", "model": "s", "prise": {}}, "m/s")
    assert problems == ["prise"]
