import math

import pytest

from anyapi.simulator.tokens import size_of, tokens_for


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 8, 9, 1_000_001])
def test_one_token_for_every_four_bytes_begun(size):
    assert tokens_for(size) == math.ceil(size / 4)


@pytest.mark.parametrize("text", ["", "plain", "é", "日本語", "mixed é 🙂"])
def test_size_is_that_of_utf8(text):
    assert size_of(text) == len(text.encode("utf-8"))
