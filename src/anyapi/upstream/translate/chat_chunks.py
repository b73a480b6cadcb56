"""Writing an OpenAI chat completion stream chunk by chunk: what a translator needs whatever the provider's format is."""

import msgspec

from anyapi.domain.decision import Outcome
from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate.reading import Object

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


def chunk_head(answer_id: str, created: int, model: str) -> bytes:
    """What every chunk of an answer begins with; `created` in Unix seconds. Choices, or `]`, follow."""
    return b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
        _encode(answer_id),
        created,
        _encode(model),
    )


def ending(head: bytes, usage: Object | None) -> bytes:
    """What follows the finish chunk: the usage chunk, where one is wanted, and the terminal marker."""
    return (b"" if usage is None else head + b'],"usage":' + _encode(usage) + b"}\n\n") + DONE


class ChunkWriter:
    """The state and the output of a `StreamReader` (see `anyapi.upstream.adapter`) whose answers have one choice."""

    __slots__ = ("_head", "_hide", "_out", "_role_due", "_wants_usage", "complete", "failure", "refused", "started", "tokens")

    def __init__(self, head: bytes = b"", *, wants_usage: bool, hide_reasoning: bool) -> None:
        """`head` from `chunk_head`, once known; `wants_usage` asks for the usage chunk; `hide_reasoning` keeps thinking back."""
        self.complete = self.started = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None
        self.refused = False
        """The provider declined for content reasons; known before the finish chunk is released."""
        self._head = head
        self._wants_usage, self._hide = wants_usage, hide_reasoning
        self._out: list[bytes] = []
        self._role_due = True

    @property
    def empty(self) -> bool:
        """Whether no content has come."""
        return not self.started

    def __repr__(self) -> str:
        """Never the content."""
        return f"<{type(self).__name__}>"

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _released(self) -> bytes:
        """What was put out since the last call."""
        released = b"".join(self._out)
        self._out.clear()
        return released

    def _release(self, delta: bytes) -> None:
        """Put one chunk out; `delta` is what stands between the braces of `delta`."""
        role = b'"role":"assistant",' if self._role_due else b""
        self._role_due = False
        self.started = True
        self._out.append(self._head + b'{"index":0,"delta":{' + role + delta + b'},"logprobs":null,"finish_reason":null}]}\n\n')

    def _release_arguments(self, number: int, text: str) -> None:
        self._release(b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]' % (number, _encode(text)))

    def _release_end(self, finish: str, usage: Object | None) -> None:
        """Put out the finish chunk, the usage and the terminal marker: the answer is whole."""
        role = b'"role":"assistant","content":""' if self._role_due else b""
        self._out.append(b'%b{"index":0,"delta":{%b},"logprobs":null,"finish_reason":"%b"}]}\n\n' % (self._head, role, finish.encode()))
        self._out.append(ending(self._head, usage if self._wants_usage else None))
        self.complete = True
