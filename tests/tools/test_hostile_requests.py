"""The cases are what they claim to be, by a judge that is not the gateway: strict splitters and Python's json."""

import json

import pytest
from tests.tools import hostile_bodies, hostile_requests
from tests.tools.hostile_bodies import BODY_CASES
from tests.tools.hostile_requests import CASES, NO_ANSWER, After, Case, case, fatal, post
from tests.tools.hostile_run import judge, run
from tests.tools.raw_http import Close, Exchange, Hold, Malformed, ReadRequest, Send, Upstream, WaitFor, split_requests

ALL = [*CASES, *BODY_CASES]
NOT_STRICT = {"version-HTTP-1.0", "expect-in-1.0"}
"""Valid requests of the older version, which the strict splitter does not read."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def payload(one: Case) -> bytes:
    return b"".join(step.data for step in one.script("KEY", "localhost") if isinstance(step, Send))


def strict_json(body: bytes):
    def pairs(items):
        if len({key for key, _ in items}) != len(items):
            raise ValueError("duplicate key")
        return dict(items)

    def constant(name):
        raise ValueError(name)

    value = json.loads(body.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def test_there_are_enough_cases_and_each_name_is_one_case():
    assert len(ALL) >= 300
    assert len({one.name for one in ALL}) == len(ALL)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_no_case_allows_a_server_error_or_more_upstream_requests_than_answers(one):
    assert one.statuses
    assert all(status == NO_ANSWER or 200 <= status < 500 for status in one.statuses)
    assert one.upstream <= one.responses
    assert bool(one.upstream) <= (200 in one.statuses)


@pytest.mark.parametrize("one", [one for one in ALL if one.served and one.name not in NOT_STRICT], ids=lambda one: one.name)
def test_what_must_be_served_is_valid(one):
    requests, rest = split_requests(payload(one))
    assert len(requests) == one.upstream or one.name == "connection-close-then-another"
    assert rest == b""
    assert {"model", "messages"} <= strict_json(requests[0].body).keys()


FRAMING = [hostile_requests.content_lengths, hostile_requests.transfer_codings, hostile_requests.chunked_bodies]


@pytest.mark.parametrize("one", [one for group in FRAMING for one in group() if one.statuses == {400}], ids=lambda one: one.name)
def test_what_must_be_refused_for_its_framing_is_not_one_whole_request(one):
    try:
        requests, rest = split_requests(payload(one))
    except Malformed:
        return
    assert rest or len(requests) != 1


NO_JSON = [hostile_bodies.not_json, hostile_bodies.bad_values, hostile_bodies.duplicate_keys]


@pytest.mark.parametrize("one", [one for group in NO_JSON for one in group()], ids=lambda one: one.name)
def test_what_must_be_refused_as_json_is_refused_by_another_parser(one):
    requests, rest = split_requests(payload(one))
    assert rest == b""
    with pytest.raises((ValueError, RecursionError)):
        strict_json(requests[0].body)


@pytest.mark.parametrize("group", hostile_bodies.GROUPS, ids=lambda group: group.__name__)
def test_bodies_are_well_framed(group):
    for one in group():
        requests, rest = split_requests(payload(one))
        assert (len(requests), rest) == (1, b"")


def test_a_good_server_passes_and_each_fault_is_told():
    served, refused = case("served", post(), 200), fatal("refused", b"x\r\n\r\n")
    with Upstream([ReadRequest(), Send(OK), Hold()]) as good:
        seen = run(served, good.address, "k", "h")
    assert judge(served, seen, 1) == []
    assert "providers saw 0" in judge(served, seen, 0)[0]
    assert "at most 1" in judge(served, seen, 2)[0]
    with Upstream([WaitFor(b"\r\n\r\n"), Send(BAD), Close()]) as closing:
        seen = run(refused, closing.address, "k", "h")
    assert judge(refused, seen, 0) == []
    assert "at most 0" in judge(refused, seen, 1)[0]
    assert "answered 400" in judge(served, seen, 0)[0]
    still_open = seen._replace(closed=False)
    assert "still open" in judge(refused, still_open, 0)[0]
    assert judge(refused, still_open, 0, behind_proxy=True) == []


def test_the_judge_wants_strict_answers_and_no_second_one():
    one = case("refused", b"x", 400)
    assert one.after is After.EITHER
    assert "strict" in judge(one, Exchange(b"HTTP/1.1 400 Bad\n\n", True, False, False, 0.0), 0)[0]
    assert "strict" in judge(one, Exchange(BAD + BAD[:-2], True, False, False, 0.0), 0)[0]
    assert "answered 200" in judge(one, Exchange(BAD + OK, True, False, False, 0.0), 0)[0]
    assert "answered 0" in judge(one, Exchange(b"", True, False, False, 0.0), 0)[0]
    assert judge(one, Exchange(b"", True, False, False, 0.0), 0, behind_proxy=True) == []
    assert "2 answers" in judge(case("served", b"", 200), Exchange(OK + OK, True, False, False, 0.0), 1)[0]


def test_placeholders_are_filled_in():
    script = case("a", post(), 200, half_close=True).script("sekrit", "gateway:1")
    assert b"Bearer sekrit\r\n" in script[0].data
    assert b"Host: gateway:1\r\n" in script[0].data
    assert len(script) == 2
