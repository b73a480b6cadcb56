"""Near names."""

from anyapi.policy.nearest import LONGEST, nearest

KNOWN = {"retention_days", "training_allowed", "regions", "Region-X", "data_class"}


def test_the_best_match_comes_first():
    assert nearest("retention_day", KNOWN) == ("retention_days",)
    assert nearest("region", KNOWN) == ("regions", "Region-X")


def test_case_does_not_count_and_the_real_spelling_is_given():
    assert nearest("REGION-X", KNOWN)[0] == "Region-X"


def test_at_most_three_and_none_when_nothing_is_like_it():
    assert len(nearest("abcd", [f"abcd{n}" for n in range(9)])) == 3
    assert nearest("abcd", [f"abcd{n}" for n in range(9)], 2) != ()
    assert len(nearest("abcd", [f"abcd{n}" for n in range(9)], 2)) == 2
    assert nearest("zzzz", KNOWN) == ()
    assert nearest("abcdefghij", ["abcdef----"]) == ("abcdef----",)
    assert nearest("abcdefghij", ["abcde-----"]) == ()


def test_a_name_longer_than_any_real_one_is_not_compared():
    assert nearest("a" * LONGEST, ["a" * LONGEST]) == ("a" * LONGEST,)
    assert nearest("a" * (LONGEST + 1), ["a" * LONGEST]) == ()
    assert LONGEST == 100
