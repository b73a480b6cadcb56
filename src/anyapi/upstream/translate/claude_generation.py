"""What a Claude model accepts, told by the version in its name. Anthropic changed three request parameters at 4.6, 4.7 and 5.

A cut-off and not a list of models: a model that appears tomorrow follows the newest rules, which send the least. A Claude name without a
version is taken as the newest; a name that is not Claude's (another vendor's model behind the same protocol) as the oldest, which has
no restriction. Sources: Anthropic's migration guides for 4.6, 4.7 and 5, read November 2026; docs/translation.md lists the rules.
"""

import functools
import re

import msgspec

VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")

NEWEST = (99, 0)
OLDEST = (0, 0)


class Generation(msgspec.Struct, frozen=True):
    """A version (major, minor), and what follows from it."""

    version: tuple[int, int]

    @property
    def samples_freely(self) -> bool:
        """`temperature`, `top_p` and `top_k` other than the default are accepted."""
        return self.version < (4, 7)

    @property
    def takes_both_samplers(self) -> bool:
        """`temperature` and `top_p` are accepted together."""
        return self.version < (4, 1)

    @property
    def adaptive(self) -> bool:
        """Thinking is asked for as `adaptive` with an effort, not as `enabled` with a budget."""
        return self.version >= (4, 6)

    @property
    def knows_xhigh(self) -> bool:
        """The effort `xhigh` exists."""
        return self.version >= (4, 7)

    @property
    def omits_thinking(self) -> bool:
        """The text of the thinking is left out unless a summary is asked for."""
        return self.version >= (4, 7)

    @property
    def thinks_unasked(self) -> bool:
        """The model thinks unless told otherwise, and some cannot be told."""
        return self.version >= (5, 0)

    @property
    def continues_assistant(self) -> bool:
        """A last message of the assistant is continued (prefill); later models refuse it."""
        return self.version < (4, 6)


@functools.lru_cache(maxsize=1024)
def generation_of(model: str) -> Generation:
    """Read the version out of the provider's own name for a model, as in `claude-sonnet-4-5` or `claude-3-5-sonnet-20241022`."""
    if "claude" not in model:
        return Generation(OLDEST)
    found = VERSION.search(model)
    if found is None:
        return Generation(NEWEST)
    return Generation((int(found[1]), int(found[2] or 0)))
