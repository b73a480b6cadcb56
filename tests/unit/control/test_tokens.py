"""Tokens of sessions and links."""

from anyapi.control.tokens import csrf_of, new_person_id, new_token, same, sha256_of


def test_tokens_are_long_random_and_different():
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(token) == 43 for token in tokens)


def test_what_is_stored_and_what_the_page_sends_do_not_give_the_token_away():
    token = new_token()
    assert len(sha256_of(token)) == 32
    assert token not in csrf_of(token)
    assert csrf_of(token) == csrf_of(token) != csrf_of(new_token())
    assert csrf_of(token) != sha256_of(token).hex()


def test_comparison():
    assert same("a", "a")
    assert not same("a", "b")
    assert not same("", "é")


def test_ids_of_people():
    assert all(len(new_person_id()) == 24 and new_person_id().startswith("per_") for _ in range(20))
