"""The catalogue's values."""

import msgspec

from anyapi.domain import catalogue
from anyapi.domain.catalogue import Auth, Capabilities, Endpoint, Model, Operation, Override, Price, ProviderKind, Selector, Status


def test_statuses_and_kinds():
    assert [status.value for status in Status] == ["active", "deprecated", "unverified", "retired"]
    assert [kind.value for kind in ProviderKind] == ["first_party", "cloud", "host", "router", "local"]
    assert Auth("none") is Auth.NONE


def test_what_is_not_stated_is_not_assumed():
    endpoint = Endpoint("p/m", "p", "a/m", "m")
    assert (endpoint.context_length, endpoint.region, endpoint.privacy_mode, endpoint.price) == (None, None, None, Price(None, None, None))
    assert endpoint.capabilities == Capabilities(vision=False, tools=False, structured_outputs=None, reasoning=False)
    assert (endpoint.operations, endpoint.dimensions) == ((Operation.CHAT_COMPLETIONS,), None)
    assert Model("a/m", "M", "a").endpoints == ()
    assert Selector() == Selector((), (), (), (), (), (), (), ())
    assert set(msgspec.structs.asdict(Override()).values()) == {None}


def test_values_are_frozen():
    structs = [item for item in vars(catalogue).values() if isinstance(item, type) and issubclass(item, msgspec.Struct)]
    assert all(struct.__struct_config__.frozen for struct in structs)
