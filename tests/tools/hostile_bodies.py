"""Hostile and merely odd bodies as data: codings, JSON that is none, JSON that is odd but valid, duplicate keys, bad policies.

In the manner of the well-known JSON parsing suites: `y_` must be served, `n_` must be refused, `i_` may be either. Every case here is
well framed, so that the connection may stay. Same shape as `hostile_requests`.
"""

import gzip
import json
import zlib
from collections.abc import Iterator

from tests.tools.hostile_requests import BODY, GIB, Case, case, post

START = b'{"model": "anthropic/claude-3.5-sonnet", '
MESSAGES = b'"messages": [{"role": "user", "content": "Hello"}]'
DEEP = 100_000


def with_field(field: bytes) -> bytes:
    """The valid request with one more top-level field."""
    return START + field + b", " + MESSAGES + b"}"


def with_content(text: bytes) -> bytes:
    """The valid request with this between the quotes of the prompt."""
    return START + b'"messages": [{"role": "user", "content": "' + text + b'"}]}'


def with_policy(policy: bytes) -> bytes:
    """The valid request with this data policy."""
    return with_field(b'"data_policy": ' + policy)


def codings() -> Iterator[Case]:
    """Content-Encoding and Content-Type."""
    packed = gzip.compress(BODY)
    yield case("coding-gzip", post(packed, b"Content-Encoding: gzip"), 400, 415)
    yield case("coding-gzip-bomb", lambda: [post(gzip.compress(bytes(GIB // 8), 1), b"Content-Encoding: gzip")], 400, 413, 415)
    yield case("coding-deflate", post(zlib.compress(BODY), b"Content-Encoding: deflate"), 400, 415)
    yield case("coding-br", post(b"\x8b\x02\x80hello\x03", b"Content-Encoding: br"), 400, 415)
    yield case("coding-gzip-of-plain", post(BODY, b"Content-Encoding: gzip"), 400, 415)
    yield case("coding-gzip-unsaid", post(packed), 400)
    yield case("coding-unknown", post(BODY, b"Content-Encoding: x"), 400, 415)
    yield case("coding-identity", post(BODY, b"Content-Encoding: identity"), 200, 400, 415)
    yield case("charset-utf-16", post(BODY.decode().encode("utf-16"), b"Content-Type: application/json; charset=utf-16"), 400, 415)
    yield case("type-form", post(b"model=a&messages=b"), 400)


def not_json() -> Iterator[Case]:
    """No JSON text at all, or none that is an object (RFC 8259)."""
    whole = {
        "empty": b"",
        "space": b" \r\n\t",
        "null": b"null",
        "number": b"5",
        "string": b'"model"',
        "array": b"[" + BODY + b"]",
        "byte_order_mark": b"\xef\xbb\xbf" + BODY,
        "utf16_le": BODY.decode().encode("utf-16-le"),
        "utf16_be_with_mark": b"\xfe\xff" + BODY.decode().encode("utf-16-be"),
        "nul_after": BODY + b"\0",
        "nul_before": b"\0" + BODY,
        "text_after": BODY + b" x",
        "two_objects": BODY + BODY,
        "two_objects_by_line": BODY + b"\n" + BODY,
        "comma_after": BODY + b",",
        "cut": BODY[:-1],
        "cut_in_a_string": BODY[:-5],
        "form_feed": b"\x0c" + BODY,
        "no_break_space": b"\xc2\xa0" + BODY,
        "line_separator": b"\xe2\x80\xa8" + BODY,
        "comment": BODY[:-1] + b"/* */}",
        "comment_line": b"// a\n" + BODY,
        "single_quotes": BODY.replace(b'"', b"'"),
        "unquoted_key": BODY.replace(b'"model"', b"model"),
        "missing_colon": BODY.replace(b'"model":', b'"model"'),
        "double_colon": BODY.replace(b'"model":', b'"model"::'),
        "missing_comma": BODY.replace(b'", "data', b'" "data'),
        "trailing_comma": BODY[:-1] + b",}",
        "trailing_comma_in_messages": BODY.replace(b"}]}", b"},]}"),
        "double_comma": BODY.replace(b"[{", b"[,{"),
        "number_as_key": BODY[:-1] + b", 1: 2}",
        "bracket_mismatch": BODY[:-2] + b"}]",
        "deep_arrays": b"[" * DEEP + b"]" * DEEP,
        "deep_arrays_unclosed": b"[" * DEEP,
        "deep_objects_unclosed": b'{"a":' * DEEP,
        "deep_messages": START + b'"messages": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        "deep_unknown_field": with_field(b'"x": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        "deep_policy": with_policy(b'{"providers":' * DEEP + b"1" + b"}" * DEEP),
    }
    for name, body in whole.items():
        yield case(f"n_{name}", post(body), 400)


def bad_values() -> Iterator[Case]:
    """A field that is no JSON value: found even where the gateway does not look at the field."""
    values = {
        "nan": b"NaN",
        "infinity": b"Infinity",
        "minus_infinity": b"-Infinity",
        "leading_zero": b"01",
        "leading_plus": b"+1",
        "no_fraction": b"1.",
        "no_integer": b".5",
        "no_exponent": b"1e",
        "only_minus": b"-",
        "hex": b"0x1F",
        "underscore": b"1_000",
        "full_width_digit": "１".encode(),
        "capital_true": b"True",
        "half_true": b"true"[:3],
        "undefined": b"undefined",
        "trailing_comma": b"[1,]",
        "missing_comma": b"[1 2]",
        "trailing_comma_in_object": b'{"a": 1,}',
        "escape_unknown": rb'"\x41"',
        "escape_short": rb'"\u00g0"',
        "escape_alone": b'"\\"',
        "newline_in_string": b'"a\nb"',
        "tab_in_string": b'"a\tb"',
        "nul_in_string": b'"a\0b"',
        "byte_ff": b'"\xff"',
        "byte_alone": b'"\x80"',
        "utf8_cut": b'"\xe2\x82"',
        "utf8_overlong_slash": b'"\xc0\xaf"',
        "utf8_overlong_nul": b'"\xe0\x80\x80"',
        "utf8_surrogate": b'"\xed\xa0\x80"',
        "utf8_beyond_10ffff": b'"\xf4\x90\x80\x80"',
        "utf8_five_bytes": b'"\xf8\x88\x80\x80\x80"',
        "latin1": "é".encode("latin-1").join((b'"', b'"')),
    }
    for name, value in values.items():
        yield case(f"n_value_{name}", post(with_field(b'"temperature": ' + value)), 400)
    for name in ("byte_ff", "utf8_overlong_slash", "utf8_surrogate", "nul_in_string", "escape_unknown"):
        yield case(f"n_prompt_{name}", post(with_content(values[name][1:-1])), 400)
    yield case("n_key_byte_ff", post(with_field(b'"\xff": 1')), 400)


def odd_values() -> Iterator[Case]:
    """Valid but odd: passed on as it is or refused, never changed and never a fault."""
    fields = {
        "number_1e999": b'"temperature": 1e999',
        "number_minus_1e999": b'"temperature": -1e999',
        "number_1e-999": b'"temperature": 1e-999',
        "number_10^400": b'"seed": 1' + b"0" * 400,
        "number_of_100000_digits": b'"seed": ' + b"7" * 100_000,
        "number_2^53+1": b'"seed": 9007199254740993',
        "number_long_fraction": b'"temperature": 0.' + b"1" * 10_000,
        "stream_null": b'"stream": null',
        "surrogate_in_unknown_field": rb'"x": "\ud800"',
        "surrogates_swapped": rb'"x": "\udc00\ud800"',
        "surrogate_in_a_key": rb'"\ud800": 1',
        "key_empty": b'"": 1',
        "key_with_nul": rb'"\u0000": 1',
        "key_of_1_mib": b'"' + b"k" * (1 << 20) + b'": 1',
        "key_in_capitals": b'"Model": "x"',
        "key_with_space": b'"model ": "x"',
        "key_of_a_prototype": b'"__proto__": {"data_policy": {}}',
        "wide_array": b'"x": [' + b"0," * 1_000_000 + b"0]",
        "wide_object": b'"x": {' + b",".join(b'"%d":0' % number for number in range(100_000)) + b"}",
        "depth_500": b'"x": ' + b"[" * 500 + b"]" * 500,
    }
    for name, field in fields.items():
        yield case(f"i_{name}", post(with_field(field)), 200, 400)
    many = b", ".join(b'"x%d": 0' % number for number in range(100_000))
    yield case("i_100000_fields", post(with_field(many)), 200, 400, 413)
    yield case("i_prompt_lone_surrogate", post(with_content(rb"\ud800")), 200, 400)
    yield case("i_prompt_duplicate_key", post(BODY.replace(b'"role"', b'"role": "system", "role"')), 200, 400)
    yield case("i_prompt_escaped_duplicate_key", post(BODY.replace(b'"role"', rb'"r\u006fle": "system", "role"')), 200, 400)
    yield case("i_policy_key_escaped", post(with_field(rb'"data\u005fpolicy": {"training\u005fallowed": false}')), 200, 400)


def valid_json() -> Iterator[Case]:
    """Valid in a way that careless parsers get wrong: served."""
    value = json.loads(BODY)
    yield case("y_pretty", post(json.dumps(value, indent=4).encode()), 200)
    yield case("y_compact", post(json.dumps(value, separators=(",", ":")).encode()), 200)
    yield case("y_reversed", post(json.dumps(dict(reversed(value.items()))).encode()), 200)
    yield case("y_spaces_everywhere", post(b" \t\r\n" + BODY.replace(b":", b" \t:\r\n").replace(b"}", b" }") + b"\n\n"), 200)
    contents = {
        "plain_emoji": "😀 é ü 漢字".encode(),
        "escaped_emoji": rb"\ud83d\ude00 \u00e9",
        "escaped_slash": rb"a\/b\\c\"d\b\f\n\r\t",
        "escaped_nul": rb"\u0000",
        "escape_then_quote": rb"\\\\\"",
        "looks_like_policy": rb"\"data_policy\": {\"training_allowed\": true}, ",
        "looks_like_an_end": rb"\"}]} HTTP/1.1\r\n\r\n",
        "del": b"\x7f",
        "line_separator": b"\xe2\x80\xa8",
        "noncharacter": b"\xef\xbf\xbe",
        "last_code_point": b"\xf4\x8f\xbf\xbf",
        "byte_order_mark_inside": b"\xef\xbb\xbf",
        "right_to_left": b"\xe2\x80\xae",
        "one_mib": b"a" * (1 << 20),
        "one_mib_of_escapes": rb"\u0041" * (1 << 17),
        "empty": b"",
    }
    for name, content in contents.items():
        yield case(f"y_prompt_{name}", post(with_content(content)), 200)
    for name, field in {
        "exponent": b'"temperature": 1E+0',
        "minus_zero": b'"temperature": -0.0',
        "small": b'"temperature": 1e-5',
        "depth_50": b'"tools": [{"type": "function", "function": {"name": "f", "parameters": ' + b'{"a":' * 50 + b"1" + b"}" * 50 + b"}}]",
        "name_beyond_ascii": '"user": "José"'.encode(),
    }.items():
        yield case(f"y_{name}", post(with_field(field)), 200)
    yield case("y_model_escaped", post(BODY.replace(b"claude", rb"cl\u0061ude")), 200)


def duplicate_keys() -> Iterator[Case]:
    """Two equal keys, however written, where policy could depend on which one wins: refused."""
    loose = b'{"training_allowed": true}'
    fields = {
        "model": b'"model": "other/model"',
        "model_same_value": b'"model": "anthropic/claude-3.5-sonnet"',
        "model_escaped": rb'"mod\u0065l": "other/model"',
        "model_escaped_capital_hex": rb'"\u006Dodel": "other/model"',
        "unknown": b'"x": 1, "x": 2',
        "unknown_escaped": rb'"x": 1, "\u0078": 2',
        "empty_key": b'"": 1, "": 2',
        "slash_escaped": rb'"a/b": 1, "a\/b": 2',
        "policy": b'"data_policy": {"retention_days": 0}, "data_policy": ' + loose,
        "policy_escaped": rb'"data_policy": {"retention_days": 0}, "data\u005fpolicy": ' + loose,
        "policy_far_apart": b'"data_policy": {"retention_days": 0}, "x": "' + b" " * 100_000 + b'", "data_policy": ' + loose,
        "messages": b'"messages": []',
        "emoji": rb'"' + "😀".encode() + rb'": 1, "\ud83d\ude00": 2',
        "other_gateway": b'"provider": {"zdr": true, "zdr": true}',
        "other_gateway_options": b'"providerOptions": {"gateway": {"zeroDataRetention": true, "zeroDataRetention": true}}',
    }
    for name, field in fields.items():
        yield case(f"n_duplicate_{name}", post(with_field(field)), 400)
    for name, policy in {
        "key": b'{"retention_days": 0, "retention_days": 90}',
        "key_escaped": rb'{"retention_days": 0, "retention\u005fdays": 90}',
        "key_same_value": b'{"retention_days": 0, "retention_days": 0}',
        "key_nested": b'{"providers": {"only": ["a"], "only": ["b"]}}',
        "key_nested_escaped": rb'{"providers": {"only": ["a"], "\u006fnly": ["b"]}}',
        "object_nested": b'{"providers": {"only": ["a"]}, "providers": {"ignore": ["b"]}}',
    }.items():
        yield case(f"n_duplicate_in_policy_{name}", post(with_policy(policy)), 400)


def bad_policies() -> Iterator[Case]:
    """A policy that cannot be read is refused, never taken for none."""
    policies = {
        "null": b"null",
        "string": b'"strict"',
        "array": b"[]",
        "number": b"0",
        "true": b"true",
        "unknown_key": b'{"retention_day": 0}',
        "key_in_capitals": b'{"Retention_Days": 0}',
        "key_with_space": b'{"retention_days ": 0}',
        "class_unknown": b'{"data_class": "secret"}',
        "class_null": b'{"data_class": null}',
        "training_string": b'{"training_allowed": "false"}',
        "training_number": b'{"training_allowed": 0}',
        "training_null": b'{"training_allowed": null}',
        "providers_array": b'{"providers": ["a"]}',
        "providers_only_string": b'{"providers": {"only": "sim-zero"}}',
        "providers_only_null": b'{"providers": {"only": null}}',
        "providers_unknown": b'{"providers": {"only": ["no-such-provider"]}}',
        "providers_lone_surrogate": rb'{"providers": {"only": ["\ud800"]}}',
        "regions_string": b'{"regions": "eu"}',
        "certifications_number": b'{"certifications": [1]}',
    }
    for name, value in {
        "string": b'"30"',
        "negative": b"-1",
        "true": b"true",
        "null": b"null",
        "array": b"[30]",
        "1e999": b"1e999",
        "10^400": b"1" + b"0" * 400,
        "nan": b"NaN",
        "minus_infinity": b"-1e999",
    }.items():
        policies[f"days_{name}"] = b'{"retention_days": ' + value + b"}"
    for name, policy in policies.items():
        yield case(f"n_policy_{name}", post(with_policy(policy)), 400)
    yield case("i_policy_days_minus_zero", post(with_policy(b'{"retention_days": -0.0}')), 200, 400)
    yield case("y_policy_days_fraction", post(with_policy(b'{"retention_days": 30.5}')), 200)
    yield case("y_policy_empty", post(with_policy(b"{}")), 200)


def bad_requests() -> Iterator[Case]:
    """JSON objects that are no chat completion."""
    yield case("n_object_empty", post(b"{}"), 400)
    yield case("n_model_number", post(BODY.replace(b'"anthropic/claude-3.5-sonnet"', b"5")), 400)
    yield case("n_model_null", post(BODY.replace(b'"anthropic/claude-3.5-sonnet"', b"null")), 400)
    yield case("n_model_array", post(BODY.replace(b'"anthropic/claude-3.5-sonnet"', b"[]")), 400)
    yield case("n_model_empty", post(BODY.replace(b"anthropic/claude-3.5-sonnet", b"")), 400, 404)
    yield case("n_model_missing", post(b"{" + MESSAGES + b"}"), 400)
    yield case("n_model_of_1_mib", post(BODY.replace(b"sonnet", b"s" * (1 << 20))), 400, 404)
    yield case("n_model_with_path", post(BODY.replace(b"claude-3.5-sonnet", b"../../etc/passwd")), 400, 404)
    yield case("n_model_lone_surrogate", post(BODY.replace(b"sonnet", rb"\ud800")), 400, 404)
    yield case("n_models_not_a_list", post(with_field(b'"models": "a/b"')), 400)
    yield case("n_messages_missing", post(START[:-2] + b"}"), 400)
    yield case("n_messages_string", post(START + b'"messages": "Hello"}'), 400)
    yield case("n_stream_string", post(with_field(b'"stream": "yes"')), 400)
    yield case("n_tags_unknown", post(with_field(b'"tags": ["chat_completions:teleport"]')), 400)
    yield case("n_other_gateway_unknown_key", post(with_field(b'"provider": {"zdrr": true}')), 400)
    yield case("n_app_field_of_1_kib", post(BODY, b"X-AnyAPI-App-ID: " + b"a" * 1024), 400)
    yield case("n_app_field_with_space", post(BODY, b"X-AnyAPI-App-Name: my app"), 400)


GROUPS = (codings, not_json, bad_values, odd_values, valid_json, duplicate_keys, bad_policies, bad_requests)
BODY_CASES = tuple(one for group in GROUPS for one in group())
