"""Names of models, and what follows from them."""

import pytest

from anyapi.upstream.translate.gemini_generation import NEWEST, OLDEST, generation_of


@pytest.mark.parametrize(
    ("name", "version", "family"),
    [
        ("gemini-2.5-flash", (2, 5), "flash"),
        ("gemini-2.5-flash-lite", (2, 5), "lite"),
        ("gemini-2.5-pro", (2, 5), ""),
        ("gemini-1.5-pro-002", (1, 5), ""),
        ("gemini-3-flash-preview", (3, 0), "flash"),
        ("gemini-3.1-flash-lite", (3, 1), "lite"),
        ("gemini-3.1-pro-preview", (3, 1), ""),
        ("gemini-3.8-flash", (3, 8), "flash"),
        ("gemini-4-argon", (4, 0), ""),
        ("gemini-10.12-pro", (10, 12), ""),
        ("gemini-flash-latest", NEWEST, "flash"),
        ("gemma-3-27b-it", OLDEST, ""),
    ],
)
def test_versions(name, version, family):
    found = generation_of(name)
    assert (found.version, found.family) == (version, family)


@pytest.mark.parametrize(
    ("name", "levels", "minimal", "signs", "samples"),
    [
        ("gemini-2.5-flash", False, False, False, True),
        ("gemini-3-flash-preview", True, True, True, True),
        ("gemini-3.1-flash-lite", True, True, True, True),
        ("gemini-3.1-pro-preview", True, False, True, True),
        ("gemini-3.7-flash", True, False, True, True),
        ("gemini-4-argon", True, False, True, False),
        ("gemini-pro-latest", True, False, True, False),
        ("gemma-3-27b-it", False, False, False, True),
    ],
)
def test_rules(name, levels, minimal, signs, samples):
    found = generation_of(name)
    assert (found.thinks_in_levels, found.knows_minimal, found.signs_calls, found.samples_freely) == (levels, minimal, signs, samples)
    assert found.sees_results is found.mixes_tools_and_json is signs


@pytest.mark.parametrize(
    ("name", "least", "most", "stops"),
    [("gemini-2.5-pro", 128, 32_768, False), ("gemini-2.5-flash", 1, 24_576, True), ("gemini-2.5-flash-lite", 512, 24_576, True)],
)
def test_budgets(name, least, most, stops):
    found = generation_of(name)
    assert (found.least_budget, found.most_budget, found.stops_thinking) == (least, most, stops)
