import base64

import pytest

from anyapi.simulator.seal import fits, is_sealed, seal


def test_a_mark_belongs_to_its_text_and_says_nothing_of_it():
    mark = seal("why 日本")
    assert mark == seal("why 日本")
    assert fits("why 日本", mark)
    assert not fits("why", mark)
    assert b"why" not in base64.b64decode(mark)


def test_a_mark_without_its_text_only_has_to_be_genuine():
    assert fits("", seal("kept back"))
    assert not fits("", "")


@pytest.mark.parametrize(
    "change", [lambda mark: mark[:-4], lambda mark: "A" + mark[1:], lambda mark: mark + "=", lambda mark: "日本", str.lower]
)
def test_a_changed_mark_is_found_out(change):
    assert is_sealed(seal("x"))
    assert not is_sealed(change(seal("x")))


def test_the_alphabet_for_urls_is_base64_too():
    marks = [seal(str(number)) for number in range(50)]
    assert any("+" in mark or "/" in mark for mark in marks)
    assert all(is_sealed(mark.replace("+", "-").replace("/", "_")) for mark in marks)
