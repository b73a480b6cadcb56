import msgspec
import pytest

from anyapi.simulator.call import POLICY_FIELDS
from anyapi.simulator.wire import GatewayFields, bearer, same_key, unreadable


@pytest.mark.parametrize(
    ("value", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer", None), ("Bearer ", None), ("", None)],
)
def test_bearer(value, token):
    assert bearer({"authorization": value}) == token
    assert bearer({}) is None


@pytest.mark.parametrize("name", POLICY_FIELDS)
@pytest.mark.parametrize("value", [b"null", b"{}", b"1"])
def test_every_policy_field_is_noticed_whatever_it_holds(name, value):
    fields = msgspec.json.decode(b'{"%s": %s, "other": 1}' % (name.encode(), value), type=GatewayFields)
    assert fields.leaked == (name,)


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b"{}", "absent"), (b'{"store":true}', True), (b'{"store":false}', False), (b'{"store":null}', None), (b'{"store":1}', "other")],
)
def test_store(body, shown):
    fields = msgspec.json.decode(body, type=GatewayFields)
    assert fields.store_value == shown
    assert fields.leaked == ()


def test_content_is_not_printed_or_told():
    assert repr(msgspec.json.decode(b'{"tags": "secret"}', type=GatewayFields)) == "<GatewayFields>"
    with pytest.raises(msgspec.MsgspecError) as caught:
        msgspec.json.decode(b'["secret"]', type=list[int])
    rejected = unreadable(caught.value)
    assert rejected.status == 400
    assert "secret" not in rejected.message


@pytest.mark.parametrize(("shown", "same"), [("ké", True), ("ke", False), ("", False), (None, False)])
def test_keys_are_compared(shown, same):
    assert same_key(shown, "ké") is same
