"""Near names."""

from anyapi.policy.nearest import COMPARED, LONGEST, did_you_mean, nearest

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


def test_a_sentence_ends_with_the_near_names():
    assert did_you_mean("retention_day", KNOWN) == "; did you mean retention_days?"
    assert did_you_mean("abcd", ["abcde", "abcdf"]) == "; did you mean abcdf or abcde?"
    assert did_you_mean("zzzz", KNOWN) == ""


def test_a_name_longer_than_any_real_one_is_not_compared():
    assert nearest("a" * LONGEST, ["a" * LONGEST]) == ("a" * LONGEST,)
    assert nearest("a" * (LONGEST + 1), ["a" * LONGEST]) == ()
    assert LONGEST == 100


def test_of_many_names_those_that_share_most_pairs_of_letters_are_compared():
    crowd = [f"{a}{b}zz" for a in "abcdef" for b in "abcdef"]
    assert nearest("Model-Seven", [*crowd, "model-seven-b", "Model-Seven"]) == ("Model-Seven", "model-seven-b")
    assert nearest("ab", [*crowd, "ab"]) == ("ab", "abzz")
    assert COMPARED == 16
    same = [f"abcd{number:02}" for number in range(COMPARED + 1)]
    assert set(nearest("abcd", same, 99)) == set(same[:COMPARED])


def test_a_name_without_an_author_is_compared_without_authors():
    known = ["a-long-author/gpt-5", "a-long-author/gpt-4o", "b/other"]
    assert nearest("gpt5", known)[0] == "a-long-author/gpt-5"
    assert nearest("GPT-5", known)[0] == "a-long-author/gpt-5"
    assert nearest("a-long-author/gpt5", known)[0] == "a-long-author/gpt-5"
