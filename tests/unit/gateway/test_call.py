"""The head of a request: which headers mean something, which may not stand twice, and what is refused before any body is read."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.errors import BadRequest
from anyapi.gateway import call as module
from anyapi.gateway.call import KNOWN, LIKE_OURS, MAY_REPEAT, NAMES, PASSED_OVER, Call, is_ours, read_head


def call(*headers, path=b"/v1/x", version="1.1", host=b"gateway"):
    """A call with these headers."""
    one = Call(path=path, version=version)
    if host is not None:
        one.take(b"Host", host)
    for name, value in headers:
        one.take(name, value)
    return one


def read(*headers, **fields):
    one = call(*headers, **fields)
    return one, read_head(one)


def test_nothing_of_a_call_is_printed():
    one = Call(body=b"secret", headers={b"authorization": b"secret"}, credential=b"secret", query=b"secret")
    assert repr(one) == "<Call>"
    assert "secret" not in f"{one} {[one]}"


@pytest.mark.parametrize("name", NAMES)
def test_known_headers_are_found_however_they_are_spelt(name):
    for spelling in (name, name.lower(), name.upper(), name.title(), name.swapcase()):
        one = Call()
        one.take(spelling, b"  value \t")
        assert one.headers == {name.lower(): b"value"}
    assert KNOWN[name] == name.lower()


@pytest.mark.parametrize("name", NAMES)
def test_only_lists_may_stand_twice(name):
    one = Call()
    one.take(name, b"a")
    if name.lower() in MAY_REPEAT:
        one.take(name.upper(), b" b ")
        assert one.headers == {name.lower(): b"a,b"}
    else:
        with pytest.raises(BadRequest, match="stands twice") as caught:
            one.take(name.upper(), b"secret")
        assert "secret" not in str(caught.value)


def test_other_headers_are_dropped():
    one = Call()
    one.take(b"Cookie", b"secret")
    one.take(b"X-Forwarded-For", b"1.2.3.4")
    assert (one.headers, one.policy) == ({}, [])


def test_names_that_are_passed_over_are_whole_and_none_is_like_ours():
    assert not any(name.startswith(b"-") or name.endswith(b"-") for name in PASSED_OVER)
    assert {b"User-Agent", b"x-stainless-helper-method", b"X-Stainless-Os"} <= PASSED_OVER
    assert not any(is_ours(name) or LIKE_OURS.match(name) or name in KNOWN for name in PASSED_OVER)


def test_policy_headers_are_kept_in_order_and_may_repeat():
    one = call((b"X-AnyAPI-Retention-Days", b" 30 "), (b"x-anyapi-regions", b"eu"), (b"X-ANYAPI-Retention-Days", b"7"))
    expected = [("x-anyapi-retention-days", "30"), ("x-anyapi-regions", "eu"), ("x-anyapi-retention-days", "7")]
    assert one.policy_headers() == expected


@pytest.mark.parametrize("header", [(b"X-AnyAPI-Regions", "é".encode()), (b"X-AnyAPI-\xff", b"eu")])
def test_policy_headers_are_ascii(header):
    with pytest.raises(BadRequest, match="ASCII"):
        call(header).policy_headers()


# --- credentials


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ([], None),
        ([(b"Authorization", b"Bearer key")], b"key"),
        ([(b"Authorization", b"bearer key")], b"key"),
        ([(b"Authorization", b"BEARER  key ")], b"key"),
        ([(b"Authorization", b"key")], b"key"),
        ([(b"Authorization", b"Bearer")], b"Bearer"),
        ([(b"Authorization", b"Basic abc")], b"Basic abc"),
        ([(b"X-API-Key", b"key")], b"key"),
        ([(b"Authorization", b"Bearer key"), (b"x-api-key", b"key")], b"key"),
        ([(b"Authorization", b"")], b""),
    ],
)
def test_where_the_key_may_stand(headers, credential):
    assert read(*headers)[0].credential == credential


def test_two_different_keys_are_refused():
    with pytest.raises(BadRequest, match="different keys"):
        read((b"Authorization", b"Bearer one"), (b"x-api-key", b"two"))


# --- host, target, version


@pytest.mark.parametrize(
    "host", [b"a", b"a.example", b"a.example:8080", b"127.0.0.1:1", b"[::1]", b"[fe80::1]:8080", b"a_b-c", b"", b":80"]
)
def test_hosts(host):
    read(host=host)


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"user@a", b"a:b", b"a:123456", b"[::1", b"a,b", b"a\x00", b"<a>", b"a?b"])
def test_what_is_no_host_is_refused(host):
    with pytest.raises(BadRequest, match="not a host name"):
        read(host=host)


def test_only_http_1_1_needs_a_host():
    with pytest.raises(BadRequest, match="missing"):
        read(host=None)
    one, _ = read(host=None, version="1.0")
    assert one.http10
    assert not Call().http10


def test_only_so_many_hosts_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "_seen_hosts", set())
    for number in range(200):
        read(host=b"host-%d" % number)
    read(host=b"x" * 255 + b"y")
    assert len(module._seen_hosts) == 100
    read(host=b"host-0")
    with pytest.raises(BadRequest):
        read(host=b"no host")


@pytest.mark.parametrize("version", ["2.0", "1.2", "0.9", ""])
def test_versions(version):
    with pytest.raises(BadRequest, match=r"HTTP/1.1"):
        read(version=version)


@pytest.mark.parametrize("path", [b"", b"*", b"http://a/b", b"gateway:80", b"v1/x"])
def test_a_target_is_a_path(path):
    with pytest.raises(BadRequest, match="must be a path"):
        read(path=path)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [(b"/a", b"/a", b""), (b"/a?", b"/a", b""), (b"/a?b=c", b"/a", b"b=c"), (b"/a?b?c", b"/a", b"b?c"), (b"/?x", b"/", b"x")],
)
def test_path_and_query(target, path, query):
    one, _ = read(path=target)
    assert (one.path, one.query) == (path, query)


# --- codings, ids, lengths


@pytest.mark.parametrize("value", [b"chunked", b"Chunked"])
def test_chunked_is_understood(value):
    read((b"Transfer-Encoding", value))


@pytest.mark.parametrize("value", [b"gzip", b"gzip, chunked", b"chunked, chunked", b"identity", b""])
def test_other_transfer_codings_are_refused(value):
    with pytest.raises(BadRequest, match="transfer coding") as caught:
        read((b"Transfer-Encoding", value))
    assert caught.value.field == "Transfer-Encoding"


@pytest.mark.parametrize("value", [b"gzip", b"br", b"zstd", b"identity, gzip", b""])
def test_content_codings_are_refused(value):
    with pytest.raises(BadRequest, match="Content-Encoding"):
        read((b"Content-Encoding", value))
    read((b"Content-Encoding", b"identity"))


@pytest.mark.parametrize("value", [b"a", b"A-b_c.d:e@f", b"x" * 128])
def test_request_ids_are_echoed(value):
    assert read((b"X-Request-ID", value))[0].request_id == value
    assert Call().request_id is None


@pytest.mark.parametrize("value", [b"", b"x" * 129, b"a b", "é".encode(), b"<a>", b"a\tb", b'"'])
def test_other_request_ids_are_refused(value):
    with pytest.raises(BadRequest, match="X-Request-ID"):
        read((b"X-Request-ID", value))


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ([], 0),
        ([(b"Content-Length", b"0")], 0),
        ([(b"Content-Length", b"123")], 123),
        ([(b"Content-Length", b"9" * 15)], int("9" * 15)),
        ([(b"Content-Length", b"9" * 16)], sys.maxsize),
        ([(b"Content-Length", b"9" * 6000)], sys.maxsize),
        ([(b"Content-Length", b"x")], sys.maxsize),
        ([(b"Content-Length", b"-1")], sys.maxsize),
    ],
)
def test_the_declared_length(headers, length):
    assert read(*headers)[1] == length


@given(
    st.lists(st.tuples(st.sampled_from([*NAMES, b"X-AnyAPI-Regions", b"Cookie"]), st.binary(max_size=20)), max_size=6),
    st.binary(max_size=20),
)
def test_any_head_is_read_or_refused(headers, path):
    try:
        one = Call(path=path)
        for name, value in headers:
            one.take(name, value)
        assert read_head(one) >= 0
        assert b"?" not in one.path
    except BadRequest:
        assert headers or not path.startswith(b"/")


@pytest.mark.parametrize(
    "name",
    [b"X_AnyAPI_Retention_Days", b"X-AnyAPI_Retention-Days", b"x_anyapi-regions", b"X-Any-API-Data-Class", b"XAnyAPI-Regions", b"X-AnyAPI"],
)
def test_a_header_that_is_named_like_ours_is_refused(name):
    with pytest.raises(BadRequest, match="two hyphens"):
        call((name, b"0"))


@pytest.mark.parametrize("name", [b"X-AnyAPIs", b"X-Company-API-Key", b"X-Stainless-Lang", b"AnyAPI-Regions", b"X", b""])
def test_other_headers_mean_nothing(name):
    assert list(call((name, b"0")).policy) == []


def test_a_head_without_its_upgrade_says_the_same():
    headers = [
        (b"Content-Length", b"5"),
        (b"x-api-key", b"k"),
        (b"X-AnyAPI-Regions", b"eu"),
        (b"X-AnyAPI-Regions", b"de"),
        (b"Expect", b"x"),
    ]
    one = call(*headers, path=b"/v1/x?a=b")
    read_head(one)
    one.method = b"POST"
    again = module.without_upgrade(one)
    assert again.endswith(b"\r\n\r\n")
    start, *rows = again.strip().split(b"\r\n")
    assert start == b"POST /v1/x?a=b HTTP/1.1"
    kept = [b"content-length: 5", b"host: gateway", b"x-anyapi-regions: de", b"x-anyapi-regions: eu", b"x-api-key: k"]
    assert sorted(rows) == kept


@pytest.mark.parametrize(
    ("header", "body"),
    [((b"Content-Length", b"0"), False), ((b"Content-Length", b"00"), False), ((b"Content-Length", b"10"), True), ((b"A", b"b"), False)],
)
def test_whether_a_body_follows(header, body):
    assert module.has_body(call(header)) is body
    assert module.has_body(call((b"Transfer-Encoding", b"chunked")))
