import pytest

from anyapi.simulator.call import Cache, Parts
from anyapi.simulator.prompt import IMPLICIT_BLOCK, IMPLICIT_LEAST, Prompt, strings_in


def test_text_and_parts_are_counted():
    prompt = Prompt()
    prompt.text("abc", None, "日")
    prompt.attachment("image")
    prompt.attachment("document")
    prompt.attachment("text")
    prompt.attachment(None)
    prompt.tool_result()
    prompt.mark()
    assert prompt.size == 6
    assert prompt.parts == Parts(images=1, documents=1, tool_results=1, cache_marks=1)


def test_without_marks_nothing_is_cached_explicitly():
    prompt = Prompt()
    prompt.text("abc")
    prompt.model_turn()
    assert prompt.explicit == Cache()


def test_what_stood_before_the_models_last_turn_is_read_and_the_rest_up_to_the_last_mark_written():
    prompt = Prompt()
    prompt.text("12345678")
    prompt.mark()
    assert prompt.explicit == Cache(0, 8)
    prompt.text("abcd")
    prompt.model_turn()
    assert prompt.explicit == Cache(8, 0)
    prompt.text("answer")
    prompt.mark("1h")
    prompt.text("not marked")
    assert prompt.explicit == Cache(8, 10, "1h")


@pytest.mark.parametrize(
    ("size", "read"), [(IMPLICIT_LEAST - 1, 0), (IMPLICIT_LEAST, IMPLICIT_LEAST), (IMPLICIT_LEAST + IMPLICIT_BLOCK - 1, IMPLICIT_LEAST)]
)
def test_the_implicit_cache_reads_whole_blocks_of_earlier_requests(size, read):
    prompt = Prompt()
    prompt.text("a" * size)
    assert prompt.implicit == Cache()
    prompt.model_turn()
    assert prompt.implicit == Cache(read)


@pytest.mark.parametrize(("value", "text"), [("a", "a"), ({"x": "a", "y": ["b", 1, None, {"z": "c"}]}, "abc"), (1, ""), (None, "")])
def test_strings_in(value, text):
    assert strings_in(value) == text
