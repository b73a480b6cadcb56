"""Where spans go: the forms that are taken, and that no header's value is ever repeated."""

import pytest
from tests.unit.test_config import errors_of, load

from anyapi.config_traces import headers_in
from anyapi.config_values import Traces

URL = "https://collector.example.com/v1/traces"
VALUE = "Bearer-abcd-1234-efgh"


def test_traces_are_off_until_an_endpoint_is_stated(tmp_path):
    assert load(tmp_path).traces == Traces()
    found = load(tmp_path, f"[traces]\nendpoint = '{URL}'\nsample = 0.25").traces
    assert (found.endpoint, found.sample, found.headers) == (URL, 0.25, {})
    assert load(tmp_path, "[traces]\nsample = 0", ANYAPI_TRACES_ENDPOINT=URL).traces == Traces(URL, 0.0)
    assert load(tmp_path, f"[traces]\nendpoint = '{URL}x'", ANYAPI_TRACES_ENDPOINT=URL).traces.endpoint == URL


@pytest.mark.parametrize(
    "url", ["http://collector:4318/v1/traces", "http://[::1]:4318/v1/traces", "https://a.b/x", "http://10.0.0.7:1/v1/traces/"]
)
def test_endpoints(tmp_path, url):
    assert load(tmp_path, ANYAPI_TRACES_ENDPOINT=url).traces.endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        "collector:4318",
        "grpc://collector:4317/v1/traces",
        "http://collector:4318",
        "http://collector:4318/",
        "http://user:word@collector:4318/v1/traces",
        "http://collector:0/v1/traces",
        "http://collector:65536/v1/traces",
        "http://collector/v1/traces?key=a",
        "http://collector/v1/traces#a",
        "http://collector/v1/ traces",
        "http:///v1/traces",
    ],
)
def test_what_is_no_endpoint(tmp_path, url):
    assert "ANYAPI_TRACES_ENDPOINT" in errors_of(tmp_path, ANYAPI_TRACES_ENDPOINT=url)
    assert "traces.endpoint" in errors_of(tmp_path, f"[traces]\nendpoint = '{url}'")


@pytest.mark.parametrize(
    ("text", "field"), [("sample = 1.5", "sample"), ("sample = -1", "sample"), ("share = 1", "share"), ("headers = 'a: b'", "headers")]
)
def test_other_fields(tmp_path, text, field):
    problems = errors_of(tmp_path, f"[traces]\nendpoint = '{URL}'\n{text}")
    assert list(problems) == [f"traces.{field}"]


def test_headers_of_a_file_and_of_the_environment(tmp_path):
    (tmp_path / "headers").write_text(f"Authorization: {VALUE}\n\nX-Scope-OrgID: a b\n")
    text = f"[traces]\nendpoint = '{URL}'\nheaders_file = '{tmp_path}/headers'"
    found = load(tmp_path, text).traces.headers
    assert {name: value.reveal() for name, value in found.items()} == {"authorization": VALUE, "x-scope-orgid": "a b"}
    assert VALUE not in repr(load(tmp_path, text))
    found = load(tmp_path, text, ANYAPI_TRACES_HEADERS="a: b").traces.headers
    assert {name: value.reveal() for name, value in found.items()} == {"a": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        VALUE,
        f"Authorization {VALUE}",
        f"Authorization:{VALUE}\nauthorization: {VALUE}",
        f"Host: {VALUE}",
        f"content-type: {VALUE}",
        f"Content-Encoding: {VALUE}",
        f"Transfer-Encoding: {VALUE}",
        f"a b: {VALUE}",
        f"a: {VALUE}\x07",
        f"a: {VALUE}\u00e9",
        "\n".join(f"x-{number}: {VALUE}" for number in range(17)),
        f"a: {'b' * 5000}",
    ],
)
def test_what_are_no_headers(tmp_path, text):
    assert headers_in(text) is None
    (tmp_path / "headers").write_text(text)
    problems = errors_of(tmp_path, f"[traces]\nendpoint = '{URL}'\nheaders_file = '{tmp_path}/headers'")
    assert len(problems) == 1
    assert VALUE not in str(problems)
    if text:
        problems = errors_of(tmp_path, ANYAPI_TRACES_ENDPOINT=URL, ANYAPI_TRACES_HEADERS=text)
        assert list(problems) == ["ANYAPI_TRACES_HEADERS"]
        assert VALUE not in str(problems)


def test_a_file_that_is_not_there(tmp_path):
    (message,) = errors_of(tmp_path, f"[traces]\nendpoint = '{URL}'\nheaders_file = 'none'").values()
    assert "(`traces.headers_file`)" in message


def test_headers_do_not_cross_a_network_readable(tmp_path):
    headers = {"ANYAPI_TRACES_HEADERS": f"authorization: {VALUE}"}
    for url in ("http://collector:4318/v1/traces", "http://10.0.0.7/v1/traces"):
        assert "https" in errors_of(tmp_path, ANYAPI_TRACES_ENDPOINT=url, **headers)["ANYAPI_TRACES_HEADERS"]
    for url in ("http://127.0.0.1:4318/v1/traces", "http://[::1]:4318/v1/traces", "http://localhost:4318/v1/traces", URL):
        assert load(tmp_path, ANYAPI_TRACES_ENDPOINT=url, **headers).traces.headers


def test_headers_for_nobody(tmp_path):
    assert "no traces.endpoint" in errors_of(tmp_path, ANYAPI_TRACES_HEADERS=f"authorization: {VALUE}")["ANYAPI_TRACES_HEADERS"]
