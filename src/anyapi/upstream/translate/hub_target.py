"""What of a foreign request the chat format can carry on, depending on who will read it.

A chat request that came from another format holds some extensions of the chat format, because chat alone would lose something. Adapters
that build their own format read them; a provider that speaks OpenAI's format strictly refuses fields that it does not know. So the
translator asks the target, and what is not carried is named in the adjustments.
"""

import msgspec

from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.raw_reading import Fields, present

CACHE_CONTROL = "cache_control"
"""Anthropic's cache marks, at the top, on messages, content parts and tools."""
REASONING_DETAILS = "reasoning_details"
"""Signed or sealed reasoning on an assistant's message."""
REASONING_CONTENT = "reasoning_content"
"""Plain reasoning on an assistant's message, which DeepSeek, Kimi and others want back in tool loops."""
THINKING = "thinking"
"""Anthropic's own `thinking` object at the top."""
TOP_K = "top_k"
IS_ERROR = "is_error"
"""On a tool's message: the tool failed."""
TOOL_IMAGES = "tool_images"
"""Images inside a tool's message. Without it they move into a user's message behind the results."""
EXTRA_CONTENT = "extra_content"
"""What a provider hung on a tool call and wants back, as Gemini's thought signatures."""

EXTENSIONS = frozenset({CACHE_CONTROL, REASONING_DETAILS, REASONING_CONTENT, THINKING, TOP_K, IS_ERROR, TOOL_IMAGES, EXTRA_CONTENT})


class Target(msgspec.Struct, frozen=True):
    """Who reads the chat request."""

    reasoning: bool = True
    """The endpoint can reason; one that cannot refuses to be asked."""
    extensions: frozenset[str] = EXTENSIONS
    """The extensions above that are understood; none of them is part of OpenAI's own format."""


HUB = Target()
"""An adapter of ours with a format of its own: takes everything."""
STRICT = Target(extensions=frozenset())
"""OpenAI's format and nothing else."""


class Carrier:
    """The target, and the names of what could not be carried."""

    __slots__ = ("_extensions", "notes", "reasoning")

    def __init__(self, target: Target) -> None:
        """Start with nothing noted."""
        self.notes = Adjustments()
        self.reasoning = target.reasoning
        self._extensions = target.extensions

    def keeps(self, extension: str) -> bool:
        """Whether the target understands an extension."""
        return extension in self._extensions

    def cache(self, source: Fields, made: dict[str, object]) -> None:
        """Carry a `cache_control` over, or note that it is left out."""
        control = present(source, CACHE_CONTROL)
        if control is None:
            return
        if CACHE_CONTROL in self._extensions:
            made[CACHE_CONTROL] = control
        else:
            self.notes.note(CACHE_CONTROL)

    def note_rest(self, source: Fields, known: frozenset[str], prefix: str) -> None:
        """Note that an object has fields which nobody here knows. A name that a client made up is not repeated."""
        if not known.issuperset(source):
            self.notes.note(f"{prefix}.other")
