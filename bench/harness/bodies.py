"""What goes over the wire: request bodies of fixed sizes and the answers of the mock provider. The same bytes in every run."""

import json
import random
from enum import StrEnum
from pathlib import Path

REQUEST_BYTES = 1_400
LARGE_REQUEST_BYTES = 100_000
ANSWER_BYTES = 842
EVENTS = 100
"""Events of a streamed answer, the usage event included, `[DONE]` not."""
SLOW_EVENTS = 40
SLOW_PAUSE_S = 0.5
PACED_PAUSE_S = 0.002
ANSWER_START = "The delivery arrived"
USAGE = {
    "prompt_tokens": 318,
    "completion_tokens": 97,
    "total_tokens": 415,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
POLICY = {"training_allowed": False, "retention_days": 30}

SYSTEM_PROMPT = (
    "You answer letters that reach the service desk of a bicycle shop. Be short and friendly, use the language of the letter, "
    "name the paragraph of the terms that you rely on, and ask one question back when something is missing."
)
SYLLABLES = ("ba", "der", "fa", "gin", "hal", "ke", "lo", "mer", "nu", "or", "pes", "qui", "ra", "sol", "tin", "ver", "wa", "zu")
SPECIALS = ('He said "yes" twice', "a tab\there", "back\\slash", "café in Zürich", "5 € off", "first\nsecond")
"""Text that JSON must escape, or that takes more than one byte: bodies of plain ASCII would flatter every parser."""


class Scenario(StrEnum):
    """What the mock is asked for; also the last part of the model's name."""

    JSON = "json"
    BURST = "burst"
    PACED = "paced"
    SLOW = "slow"


def _prose(size: int, seed: int) -> str:
    """Sentences of made-up words, exactly `size` characters."""
    dice = random.Random(seed)
    parts: list[str] = []
    length = 0
    while length < size:
        words = ["".join(dice.choices(SYLLABLES, k=dice.randint(1, 4))) for _ in range(dice.randint(6, 14))]
        if dice.random() < 0.3:
            words.insert(3, dice.choice(SPECIALS))
        sentence = " ".join(words).capitalize() + dice.choice((". ", ". ", "? ", ".\n"))
        parts.append(sentence)
        length += len(sentence)
    return "".join(parts)[:size]


def request_body(model: str, scenario: Scenario, *, size: int = REQUEST_BYTES, with_policy: bool = False) -> bytes:
    """A chat completion request of about `size` bytes (a little more when it streams or states a policy), as SDKs write it."""
    letter = {"role": "user", "content": ""}
    body: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": "Good morning, the frame that I ordered in May has a scratch."},
            {
                "role": "assistant",
                "content": "I am sorry about that. Would you rather have it painted again, or exchanged? (Terms, paragraph 7.)",
            },
            letter,
        ],
        "temperature": 0.3,
        "max_tokens": 300,
        "user": "customer-20417",
    }
    letter["content"] = _fitting_prose(size - len(_compact(body)))
    if with_policy:
        body["data_policy"] = POLICY
    if scenario is not Scenario.JSON:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _compact(body)


def _fitting_prose(room: int) -> str:
    """Prose that takes up to `room` bytes once it is JSON."""
    text = _prose(room, seed=room)
    while (excess := len(_compact(text)) - 2 - room) > 0:
        text = text[: -max(1, excess // 4)]
    return text


def completion() -> bytes:
    """The unstreamed answer, exactly ANSWER_BYTES long."""
    message: dict[str, object] = {"role": "assistant", "content": ANSWER_START, "refusal": None}
    answer = {
        "id": "chatcmpl-bench0000000000000001",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "bench-json",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
        "system_fingerprint": "fp_bench",
    }
    message["content"] = ANSWER_START + _plain_words(ANSWER_BYTES - len(_compact(answer)))
    return _compact(answer)


def _plain_words(size: int) -> str:
    """Text of `size` characters that JSON leaves as it is."""
    return (" and all of it works" * (size // 20 + 1))[:size]


def events(count: int = EVENTS) -> list[bytes]:
    """The events of a streamed answer as providers send them: role, words, finish, usage, and `[DONE]` as one more."""
    frame = {
        "id": "chatcmpl-bench0000000000000002",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "bench-stream-2026-01-01",
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
    }
    words = _prose(2_000, seed=1).split()
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": f" {words[at]}"} for at in range(count - 3)]
    chunks = [frame | {"choices": [_choice(delta, None)], "usage": None} for delta in deltas]
    chunks.append(frame | {"choices": [_choice({}, "stop")], "usage": None})
    chunks.append(frame | {"choices": [], "usage": USAGE})
    return [b"data: %b\n\n" % _compact(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]


def _choice(delta: dict[str, object], finish: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def write_answers(directory: Path) -> None:
    """Puts the mock's answers where its script reads them at start."""
    (directory / "completion.json").write_bytes(completion())
    (directory / "events.txt").write_bytes(b"".join(events()))
    (directory / "slow_events.txt").write_bytes(b"".join(events(SLOW_EVENTS)))


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
