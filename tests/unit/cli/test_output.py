import json

import msgspec

from anyapi.cli.output import print_json, print_table
from anyapi.control.names import plain


class Row(msgspec.Struct):
    name: str
    count: int


def test_json_is_one_document_in_field_order(capsys):
    print_json([Row("a", 1)])
    out = capsys.readouterr().out
    assert json.loads(out) == [{"name": "a", "count": 1}]
    assert out.index("name") < out.index("count")


def test_brackets_are_text_and_first_columns_stay_whole(capsys):
    print_table(("id", "note"), [("x" * 90, "[bold]literal[/bold]")])
    out = capsys.readouterr().out
    assert "x" * 90 in out
    assert "[bold]literal[/bold]" in out


def test_what_a_terminal_would_obey_is_shown_instead(capsys):
    """A member may name a key anything; the operator lists it. U+009B begins a sequence as ESC [ does, U+202E turns the line around."""
    print_table(("id", "name"), [("key_1", "a\x1b]0;owned\x07\x9b31m\u202eb\nkey_2  c")])
    out = capsys.readouterr().out
    assert r"a\x1b]0;owned\x07\x9b31m\u202eb\nkey_2  c" in out
    assert out.replace("\n", "").isprintable()
    assert plain("Zoë 日本 €") == "Zoë 日本 €"
