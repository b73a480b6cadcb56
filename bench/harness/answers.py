"""Asks a target one question at a time and says whether the answer is right. Measures nothing but the time to the first right answer."""

import http.client
import json
import subprocess
import time
from pathlib import Path

from .bodies import ANSWER_START, EVENTS, SLOW_EVENTS, USAGE, Scenario
from .machine import CannotRun
from .routes import CHAT_PATH, Route, words
from .routes import USAGE as MESSAGES_USAGE
from .targets import Address

START_LIMIT_S = 20.0
POLL_S = 0.004


class WrongAnswer(Exception):
    """The answer is not what the mock gave; the text says what came instead."""


def ask(address: Address, key: str, body: bytes, *, path: str = CHAT_PATH, timeout: float = 60.0) -> bytes:
    """Sends one request and gives the answer's body. Raises WrongAnswer for any status but 200, OSError when there is no connection."""
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=timeout)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        content = answer.read()
    except http.client.HTTPException as error:
        raise WrongAnswer(f"the answer broke off ({type(error).__name__})") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise WrongAnswer(f"status {answer.status}: {content[:400].decode(errors='replace')}")
    return content


def check(content: bytes, scenario: Scenario, route: Route = Route.CHAT) -> None:
    """Raises WrongAnswer unless the answer holds what the mock gave: text, usage, and for a stream every event and its end."""
    if route.asks_messages:
        _check_messages(content, scenario)
        return
    if route is Route.CHAT_OVER_MESSAGES:
        _check_translated(content)
        return
    if scenario is Scenario.JSON:
        answer = _json(content)
        if answer.get("usage") != USAGE or ANSWER_START not in json.dumps(answer):
            raise WrongAnswer(f"text or usage was lost: {content[:400]!r}")
        return
    events = [line.removeprefix(b"data:").strip() for line in content.splitlines() if line.startswith(b"data:")]
    wanted = SLOW_EVENTS if scenario is Scenario.SLOW else EVENTS
    if not events or events[-1] != b"[DONE]":
        raise WrongAnswer(f"the stream does not end with [DONE]: ...{content[-200:]!r}")
    if len(events) != wanted + 1:
        raise WrongAnswer(f"{len(events) - 1} events instead of {wanted}")
    if _json(events[-2]).get("usage") != USAGE:
        raise WrongAnswer(f"the usage event was lost: {events[-2]!r}")


def _check_messages(content: bytes, scenario: Scenario) -> None:
    if scenario is Scenario.JSON:
        answer = _json(content)
        if ANSWER_START not in json.dumps(answer.get("content")) or not _counts(answer.get("usage")):
            raise WrongAnswer(f"text or usage was lost: {content[:400]!r}")
        return
    events = [_json(line[5:]) for line in content.splitlines() if line.startswith(b"data:")]
    deltas = [event.get("delta") for event in events if event.get("type") == "content_block_delta"]
    said = "".join(str(delta.get("text")) for delta in deltas if isinstance(delta, dict))
    if said != "".join(words()) or not events or events[-1].get("type") != "message_stop":
        raise WrongAnswer(f"text was lost, or the stream has no end: ...{content[-300:]!r}")
    if not any(_counts(event.get("usage")) for event in events):
        raise WrongAnswer("the usage was lost")


def _counts(usage: object) -> bool:
    return isinstance(usage, dict) and usage.get("output_tokens") == MESSAGES_USAGE["output_tokens"]


def _check_translated(content: bytes) -> None:
    """A chat completion stream made from Anthropic's: how many events it has is the translator's business."""
    lines = [line[5:].strip() for line in content.splitlines() if line.startswith(b"data:")]
    if not lines or lines[-1] != b"[DONE]":
        raise WrongAnswer(f"the stream does not end with [DONE]: ...{content[-200:]!r}")
    chunks = [json.loads(line) for line in lines[:-1]]
    if "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]) != "".join(words()):
        raise WrongAnswer("text was lost")
    if not any((chunk.get("usage") or {}).get("completion_tokens") == MESSAGES_USAGE["output_tokens"] for chunk in chunks):
        raise WrongAnswer("the usage event was lost")


def _json(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise WrongAnswer(f"not JSON: {text[:200]!r}") from error
    if not isinstance(value, dict):
        raise WrongAnswer(f"not a JSON object: {text[:200]!r}")
    return value


def wait_until_right(address: Address, key: str, scenario: Scenario, process: subprocess.Popen[bytes], log: Path) -> float:
    """Waits for the first right answer. Returns the clock (time.perf_counter) at that instant. Raises CannotRun when none comes."""
    body = address.body(scenario)
    deadline = time.perf_counter() + START_LIMIT_S
    seen = "no connection"
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise CannotRun(f"{log.stem} ended with status {process.returncode} before it answered. It said:\n{tail(log)}")
        try:
            check(ask(address, key, body, timeout=10.0), scenario)
        except (OSError, WrongAnswer) as error:
            seen = str(error)
            time.sleep(POLL_S)
        else:
            return time.perf_counter()
    raise CannotRun(f"{log.stem} gave no right answer within {START_LIMIT_S:.0f} s; the last was: {seen}. It said:\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The end of a process's log, for a message to a person."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "(nothing)"
    return "\n".join(text.splitlines()[-lines:]) or "(nothing)"
