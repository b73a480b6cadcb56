"""Measures a prompt while a wire format walks through it: text, attachments, and what of it a provider would have in its cache.

The cache is stateless, so that equal requests get equal answers: what stands before the last turn of the model was part of an earlier
request and is read from the cache; what comes after it is written to the cache. Explicit caching (`mark`) ends at the last mark.
Implicit caching (no marks, OpenAI and Gemini) reads whole blocks of 128 tokens from 1024 tokens on and reports no writing.
"""

from anyapi.simulator.call import Cache, Parts
from anyapi.simulator.jsontype import Json
from anyapi.simulator.tokens import BYTES_PER_TOKEN, size_of

IMPLICIT_LEAST = 1024 * BYTES_PER_TOKEN
IMPLICIT_BLOCK = 128 * BYTES_PER_TOKEN


class Prompt:
    """The running measure of one request. Texts, marks and turns are reported in their order."""

    def __init__(self) -> None:
        self.size = 0
        self._images = self._documents = self._tool_results = self._marks = 0
        self._earlier = 0
        self._marked = 0
        self._marked_earlier = 0
        self._lifetime = "5m"

    def text(self, *texts: str | None) -> None:
        """Add text that counts."""
        self.size += sum(size_of(text) for text in texts if text)

    def attachment(self, kind: str | None) -> None:
        """Count an `image` or a `document`; any other kind is none."""
        self._images += kind == "image"
        self._documents += kind == "document"

    def tool_result(self) -> None:
        """Count a tool's result. Its text is added with `text`."""
        self._tool_results += 1

    def mark(self, lifetime: str | None = None) -> None:
        """Take everything so far into the cache, for `5m` or `1h`."""
        self._marks += 1
        self._marked = self.size
        self._lifetime = lifetime or "5m"

    def model_turn(self) -> None:
        """Note that a message of the model begins here: what came before was sent in an earlier request."""
        self._earlier, self._marked_earlier = self.size, self._marked

    @property
    def parts(self) -> Parts:
        """What else than text there was."""
        return Parts(self._images, self._documents, self._tool_results, self._marks)

    @property
    def explicit(self) -> Cache:
        """The cache as the caller's marks make it."""
        return Cache(self._marked_earlier, self._marked - self._marked_earlier, self._lifetime)

    @property
    def implicit(self) -> Cache:
        """The cache as a provider makes it that asks nobody."""
        return Cache(self._earlier // IMPLICIT_BLOCK * IMPLICIT_BLOCK) if self._earlier >= IMPLICIT_LEAST else Cache()


def strings_in(value: Json) -> str:
    """Return all strings among the values of a decoded JSON value, one after the other: the text of a tool's result."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "".join(strings_in(item) for item in value.values())
    return "".join(strings_in(item) for item in value) if isinstance(value, list) else ""
