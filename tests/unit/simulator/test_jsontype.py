import msgspec

from anyapi.simulator.jsontype import NULL, decoded, is_given


def test_an_undecoded_field():
    assert not is_given(NULL)
    assert decoded(NULL) is None
    assert is_given(msgspec.Raw(b"{}"))
    assert decoded(msgspec.Raw(b'{"a":[1]}')) == {"a": [1]}
