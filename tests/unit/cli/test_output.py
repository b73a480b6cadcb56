import json

import msgspec

from anyapi.cli.output import print_json, print_table


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


def test_a_terminal_obeys_nothing_that_somebody_called_something(capsys):
    print_table(("id", "name"), [("key_1", "\x1b[2J\x1b[31mred\u202elive\r"), ("key_2", "two\nlines")])
    out = capsys.readouterr().out
    assert "?[2J?[31mred?live?" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "lines" in out
