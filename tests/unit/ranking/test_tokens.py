"""Tokens say the same of the same name while their key lives, and nothing afterwards."""

from anyapi.ranking.tokens import Tokens


def test_the_same_name_has_the_same_token_under_one_key_and_another_under_the_next():
    one, other = Tokens(), Tokens()
    assert one.of("acme") == one.of("acme")
    assert len({one.of("acme"), one.of("acne"), other.of("acme"), one.of("é" * 200)}) == 4
    assert all(len(one.of(name)) == 16 for name in ("", "acme", "x" * 500))


def test_a_token_does_not_show_its_name_and_the_key_is_not_printed():
    tokens = Tokens()
    assert b"acme" not in tokens.of("acme")
    assert repr(tokens) == "<Tokens>"
