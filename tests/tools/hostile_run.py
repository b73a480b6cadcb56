"""Runs a case of `hostile_requests` or `hostile_bodies` against a server, and judges what came back.

The caller counts what reached the provider (a simulator's ledger, an `Upstream`), because only there it can be counted truly.
"""

from tests.tools.hostile_requests import NO_ANSWER, PROXY_STATUSES, After, Case
from tests.tools.raw_http import Address, Exchange, Malformed, Response, exchange

CLOSE_WITHIN = 5.0
"""Seconds that a server gets to close a connection it has to close."""


def run(case: Case, address: Address, key: str, host: str, *, close_within: float = CLOSE_WITHIN, deadline: float = 20.0) -> Exchange:
    """Send the case and read the answers; for one that must end the connection, also wait for the close. TimeoutError if no answer comes."""
    return exchange(
        address,
        case.script(key, host),
        responses=case.responses,
        methods=case.methods,
        close_within=close_within if case.after is After.CLOSES else 0.0,
        deadline=deadline,
    )


def judge(case: Case, seen: Exchange, upstream: int, *, behind_proxy: bool = False) -> list[str]:
    """What is wrong, in sentences; empty if all is well. `upstream` counts the requests that providers saw for this case."""
    try:
        answers = seen.responses(case.methods)
    except Malformed as error:
        return [f"the answer is no strict HTTP/1.1: {error}"]
    allowed = case.statuses | (PROXY_STATUSES if behind_proxy and not case.served else frozenset())
    return [*_answers(case, answers, allowed), *_connection(case, seen, behind_proxy=behind_proxy), *_upstream(case, answers, upstream)]


def _answers(case: Case, answers: list[Response], allowed: frozenset[int]) -> list[str]:
    statuses = [answer.status for answer in answers] or [NO_ANSWER]
    problems = [f"answered {status}, allowed is {sorted(allowed)}" for status in statuses if status not in allowed]
    if case.served and len(answers) != case.responses:
        problems.append(f"{len(answers)} answers to {case.responses} valid requests")
    return problems


def _connection(case: Case, seen: Exchange, *, behind_proxy: bool) -> list[str]:
    if case.after is After.CLOSES and not seen.closed and not behind_proxy:
        return [f"the connection was still open after {CLOSE_WITHIN:g} s"]
    return []


def _upstream(case: Case, answers: list[Response], upstream: int) -> list[str]:
    served = sum(answer.status == 200 for answer in answers)
    if upstream > case.upstream:
        return [f"providers saw {upstream} requests, at most {case.upstream} are allowed"]
    if case.upstream and upstream != served:
        return [f"{served} answers of 200, but providers saw {upstream} requests"]
    return []
