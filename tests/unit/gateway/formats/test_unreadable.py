"""What is wrong with a body that cannot be read is said so that its writer finds the place, and no word of it is repeated."""

import json

import pytest

from anyapi.errors import BadRequest
from anyapi.gateway.formats import unreadable as module
from anyapi.gateway.formats.extent import LONG, MOST_VALUES
from anyapi.gateway.formats.strict_json import outer_fields

START = '{"model":"a/b","messages":[{"role":"user","content":"s3cret"}],'


def error_of(body):
    with pytest.raises(BadRequest) as caught:
        outer_fields(body if isinstance(body, bytes) else body.encode())
    assert "s3cret" not in str(caught.value)
    return str(caught.value), caught.value.field


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    ("rest", "field"),
    [
        ('"data_policy":{"retention_days":%s}}', "data_policy.retention_days"),
        ('"provider":{"max_price":{"prompt":%s}}}', "provider.max_price.prompt"),
        ('"data_policy":{"regions":["eu",[%s]]}}', "data_policy.regions"),
        ('"temperature":%s}', "temperature"),
    ],
)
def test_a_number_that_json_has_not_is_named(rest, field, number):
    text, named = error_of(START + rest % number)
    assert (named, f"`{field}` is not a number" in text) == (field, True)


@pytest.mark.parametrize(
    ("rest", "field"),
    [
        ('"response_format":{"json_schema":{"s3cret":NaN}}}', "response_format"),
        ('"data_policy":{"a b":NaN}}', None),
        ('"s3cret":NaN}', None),
        ('"x":[[],[1,{"s3cret":Infinity}]]}', None),
    ],
)
def test_names_that_may_be_content_are_not_repeated(rest, field):
    text, named = error_of(START + rest)
    assert (named, "NaN or Infinity" in text) == (field, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (START, f"from character {len(START)} on"),
        ('{"s3cret":1,}', "from character"),
        ("s3cret", "from character 0 on"),
        ("{}{}", "from character 2 on"),
        (b"\xef\xbb\xbf{}", "from character 0 on"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"s3cret"', "not a JSON object"),
        ("NaN", "NaN or Infinity"),
        ('{"s3cret\\ud800":1}', "surrogate"),
    ],
)
def test_where_it_cannot_be_read(body, said):
    assert said in error_of(body)[0]


LONG_TEXT = "hello " * (module.LARGEST // 6)


@pytest.mark.parametrize("text", [LONG_TEXT, LONG_TEXT * 9], ids=["on the loop", "in a thread"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_it_is_named_in_a_large_body_too(text, number):
    messages = json.dumps([{"role": "user", "content": text}])
    for body in (
        f'{{"model":"a/b","messages":{messages},"data_policy":{{"retention_days":{number}}}}}',
        f'{{"data_policy":{{"retention_days":{number}}},"model":"a/b","messages":{messages}}}',
    ):
        said, field = error_of(body)
        assert (field, "`data_policy.retention_days` is not a number" in said) == ("data_policy.retention_days", True)


def test_more_values_than_are_looked_through_anywhere_are_not_read_for_it(monkeypatch):
    values = ",".join(["0"] * (MOST_VALUES + 10)) + " " * LONG
    monkeypatch.setattr(module.json, "loads", lambda *_, **__: pytest.fail("it holds too many"))
    assert error_of(f'{{"messages":[{values}],"data_policy":{{"retention_days":NaN}}}}') == ("The body is not a JSON object.", None)


def test_a_large_body_is_not_read_once_more(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 20)
    assert error_of(json.dumps({"x": "s3cret" * 9})[:-1])[0] == "The body is not a JSON object."
    assert "NaN or Infinity" in error_of('{"x":"%s","y":NaN}' % ("s3cret" * 9))[0]
