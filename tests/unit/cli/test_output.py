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
