"""Strict JSON: the quick proof that no key stands twice against the exact walk, with Python's own parser as the judge."""

import json
import random

import msgspec
import pytest
from tests.conftest import LONG

from anyapi.errors import BadRequest
from anyapi.gateway.formats import strict_json
from anyapi.gateway.formats.strict_json import holds_twice, is_plain, outer_fields, plain_value, policy_value, unique_keys

BODIES = 200_000 if LONG else 20_000


def doubled(text):
    """Whether a key stands twice in the outer object, as Python's parser sees it."""
    pairs = json.loads(text, object_pairs_hook=lambda found: found)
    return len({key for key, _ in pairs}) < len(pairs)


def refused(body):
    try:
        outer_fields(body)
    except BadRequest:
        return True
    return False


def quoted(rng, key):
    """A key in one of the ways in which JSON can write it."""
    plain = json.dumps(key, ensure_ascii=rng.random() < 0.5)
    if key and rng.random() < 0.15:
        at = rng.randrange(len(key))
        if ord(key[at]) < 0x10000:
            inner = json.dumps(key[:at])[1:-1], f"\\u{ord(key[at]):04x}", json.dumps(key[at + 1 :])[1:-1]
            return f'"{"".join(inner)}"'
    return plain


def random_body(rng):
    """An object as text: few keys, so that doubles are common, in any layout."""
    keys = ["", "a", "b", "ab", "model", "messages", "data_policy", "é", "\u2028", 'a"b', "\\", "x" * rng.randrange(1, 20), "\U0001f600"]
    comma, colon = rng.choice([(",", ":"), (", ", ": "), (",", ": "), (" , ", " : "), (",\n", ":\t"), (", ", ":")])
    values = [
        "0",
        "1",
        "-1.5e3",
        "true",
        "null",
        '""',
        '"a"',
        '"é"',
        "[]",
        "{}",
        '{"a":1}',
        '{"a": 1, "a": 2}',
        '[1,{"b":[]}]',
        '"\\u0061"',
    ]
    members = [f"{quoted(rng, rng.choice(keys))}{colon}{rng.choice(values)}" for _ in range(rng.randrange(8))]
    edge = rng.choice(["", "", "", " ", "\n"])
    return f"{edge}{{{edge}{comma.join(members)}{edge}}}{edge}"


def test_doubles_are_found_exactly():
    rng, seen = random.Random(20261124), {True: 0, False: 0}
    for _ in range(BODIES):
        text = random_body(rng)
        body = text.encode()
        expected = doubled(text)
        assert refused(body) is expected, text
        seen[expected] += 1
        if not expected:
            assert {key: json.loads(bytes(raw)) for key, raw in outer_fields(body).items()} == json.loads(text)
    assert min(seen.values()) > BODIES // 5


def test_the_walk_agrees_with_the_judge():
    rng = random.Random(7)
    for _ in range(2_000):
        text = random_body(rng)
        try:
            unique_keys(text.encode())
            found = False
        except BadRequest:
            found = True
        assert found is doubled(text), text


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_usual_layouts_are_proved_without_a_walk(monkeypatch, separators):
    monkeypatch.setattr(strict_json, "unique_keys", lambda _body: pytest.fail("the walk is for other layouts"))
    for count in range(1, 8):
        value = {f"key{number}": [number, "é", {"x": None}] for number in range(count)}
        assert len(outer_fields(json.dumps(value, separators=separators).encode())) == count


@pytest.mark.parametrize("count", range(1, 12))
def test_a_compact_body_of_the_length_of_a_spaced_one_is_no_proof(count):
    """One more compact pair can be as long as the spaces: the length alone would let it pass."""
    fields = {f"k{number}": number for number in range(count)}
    for key, value in (("", 0), ("k0", 0), ("k0", "x" * 9)):
        if key not in fields:
            fields[key] = value
        whole = json.dumps(fields, separators=(",", ":"))
        for length in range(30):
            again = json.dumps({key: "y" * length} if length > 2 else {key: length}, separators=(",", ":"))
            assert refused(f"{whole[:-1]},{again[1:]}".encode())
        fields.pop("", None)


def test_plain_text_is_recognized_exactly():
    for text in (b'{"a": 1, "b": [1,2]}', b'{"a":1,"b":[1,2]}', b'{"model": "x"}', b'{"model":"x","a":1}'):
        assert is_plain(text, outer_fields(text))
    for other in (b'{"a": 1,"b":  [1,2]}', b'{"a":1, "b":[1,2]}', b'{"a": 1, "b": [1,2]} ', b'{"\\u0061": 1, "b": [1,2]}', b"{}"):
        assert not is_plain(other, outer_fields(other))


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":1,"model":2}',
        b'{"model": 1, "model": 2}',
        b'{"model":1,"m\\u006fdel":2}',
        b'{"m\\u006fdel":1,"\\u006d\\u006f\\u0064\\u0065\\u006c":2}',
        b'{"":1,"":1}',
        b'{"a":1,"b":2,"":1,"":1}',
        '{"é":1,"\\u00e9":2}'.encode(),
        b'{"a":{},"a":{}}',
        b'{ "a" : 1 , "a" : 1 }',
        b'{"\\/":1,"/":2}',
        b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    ],
)
def test_a_key_twice_is_refused_however_it_is_written(body):
    with pytest.raises(BadRequest, match="stands twice"):
        outer_fields(body)


@pytest.mark.parametrize("body", [b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"b":2}],"b":3}', b'{"A":1,"a":2}', b'{"a":1,"a ":2}'])
def test_what_stands_deeper_or_is_another_key_is_not_our_business(body):
    outer_fields(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b"null",
        b"1",
        b'"a"',
        b"{",
        b"{}x",
        b"{}{}",
        b"{'a':1}",
        b'{"a":}',
        b'{"a":1,}',
        b'{"a" 1}',
        b"{a:1}",
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":+1}',
        b'{"a":"\n"}',
        b'{"a":t}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":1}\x00',
    ],
)
def test_what_is_no_object_is_refused(body):
    with pytest.raises(BadRequest):
        outer_fields(body)


@pytest.mark.parametrize("wrap", [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(wrap):
    start, end = wrap
    assert outer_fields(b'{"a":' + start * 100 + b"1" + end * 100 + b"}")
    with pytest.raises(BadRequest, match="too deep"):
        outer_fields(b'{"a":' + start * 100_000 + b"1" + end * 100_000 + b"}")


def test_depth_is_bounded_on_the_slow_way_too():
    deep = b"[" * 900 + b"]" * 900
    assert outer_fields(b'{ "a" : ' + deep + b"}")


def test_nothing_of_the_body_is_in_the_error():
    for body in (b'{"secret":1,"secret":2}', b'{"secret', b'{"a":"secret\xff"}', b'{ "secret": 1, "b" :'):
        with pytest.raises(BadRequest) as caught:
            outer_fields(body)
        assert "secret" not in str(caught.value)


def test_raw_values_are_the_bytes_of_the_body():
    fields = outer_fields(b'{ "a" : [ 1 ,2] ,"b":{"x":  null}}')
    assert {name: bytes(raw) for name, raw in fields.items()} == {"a": b"[ 1 ,2]", "b": b'{"x":  null}'}


# --- UTF-8


BAD = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x80", b"\xc3"]


@pytest.mark.parametrize("place", [b'{"a":"%b"}', b'{"%b":1}', b'{"a":[{"b":"%b"}]}'])
def test_a_body_that_is_no_utf8_is_refused(place):
    for bad in BAD:
        with pytest.raises(BadRequest):
            outer_fields(place % bad)
    assert outer_fields(place % "é".encode())


# --- values


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"x":{"a":1,"\\u0061":2}}', '[{"a":1,"a":1}]', '{"x":[1,[{"":0,"":0}]]}', '{"é":1,"\\u00e9":1}']
)
def test_a_policy_field_with_a_key_twice_is_refused(text):
    with pytest.raises(BadRequest, match="twice inside data_policy") as caught:
        policy_value(msgspec.Raw(text.encode()), "data_policy")
    assert caught.value.field == "data_policy"


@pytest.mark.parametrize("text", ['{"a":1,"b":[1,2.5,-3,true,false,null,"x"]}', "null", "3", '"x"', "[]", "{}"])
def test_a_policy_value_is_what_json_says(text):
    assert policy_value(msgspec.Raw(text.encode()), "provider") == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", '{"a":', "", "[1,]"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(BadRequest):
        policy_value(msgspec.Raw(text.encode()), "provider")


@pytest.mark.parametrize("digits", [1, 17, 18, 5000])
def test_numbers_of_any_length(digits):
    value = policy_value(msgspec.Raw(b"9" * digits), "provider")
    assert value == (int("9" * digits) if digits < 18 else float("9" * digits))


def test_a_policy_value_that_nests_too_deep_is_refused():
    with pytest.raises(BadRequest, match="too deep"):
        policy_value(msgspec.Raw(b"[" * 100_000 + b"]" * 100_000), "provider")


def test_plain_values_take_the_last_of_two():
    assert plain_value(msgspec.Raw(b'{"a":1,"a":2}'), "metadata") == {"a": 2}


@pytest.mark.parametrize("text", ["{", "NaN", "", "[" * 100_000])
def test_a_plain_value_that_is_no_json_names_its_field(text):
    with pytest.raises(BadRequest, match="metadata") as caught:
        plain_value(msgspec.Raw(text.encode()), "metadata")
    assert caught.value.field == "metadata"


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("size", [strict_json.SMALL - 40, strict_json.SMALL, 100_000])
def test_a_large_body_is_recognized_like_a_small_one(separators, size):
    fields = {"model": "x", "messages": ["y" * size], "other é": 1}
    body = json.dumps(fields, separators=separators, ensure_ascii=False).encode()
    assert is_plain(body, outer_fields(body))
    for other in (body + b" ", body.replace(b'"model"', b'"mod\\u0065l"', 1), body.replace(b"1}", b" 1}")):
        assert not is_plain(other, outer_fields(other))
    for again in ('"model": 1', '"model":1'):
        doubled = f"{body[:-1].decode()}{separators[0]}{again}}}".encode()
        assert refused(doubled)
        room = len(doubled) - len(body)
        assert refused(doubled.replace(b"y" * room, b"", 1))


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"1", False),
        (b'{"a":[{"b":1}],"b":2}', False),
        (b'{"a":[{"b":1,"b":1}]}', True),
        (b'{"a":1,"\\u0061":1}', True),
        (b"[" * 20_000, True),
    ],
)
def test_whether_a_key_stands_twice_anywhere(raw, found):
    assert holds_twice(msgspec.Raw(raw)) is found
