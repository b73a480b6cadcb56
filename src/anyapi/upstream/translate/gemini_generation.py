"""What a Gemini model accepts, told by the version in its name. Google changed the request at 3, and again at 3.7 and 4.

A cut-off and not a list of models: a model that appears tomorrow follows the newest rules, which send the least. A Gemini name without
a version (`gemini-flash-latest`) is taken as the newest; a name that is not Gemini's (another model behind the same protocol) as the
oldest. Sources: Google's guides on thinking, thought signatures and function calling, and "what's new" of 3.7, 3.8 and 4, as of
November 2026.
"""

import functools
import re

import msgspec

VERSION = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)")

NEWEST = (99, 0)
OLDEST = (0, 0)


class Generation(msgspec.Struct, frozen=True):
    """A version (major, minor) and a size, and what follows from them."""

    version: tuple[int, int]
    family: str = ""
    """`flash`, `lite`, or nothing for the large ones."""

    @property
    def thinks_in_levels(self) -> bool:
        """Thinking is asked for as a level, not as a budget of tokens; it cannot be switched off."""
        return self.version >= (3, 0)

    @property
    def knows_minimal(self) -> bool:
        """The level MINIMAL exists; elsewhere it is an error."""
        return (3, 0) <= self.version < (3, 7) and bool(self.family)

    @property
    def least_budget(self) -> int:
        """The smallest budget of tokens for thinking that is not zero."""
        return {"flash": 1, "lite": 512}.get(self.family, 128)

    @property
    def most_budget(self) -> int:
        """The largest budget of tokens for thinking."""
        return 24_576 if self.family else 32_768

    @property
    def stops_thinking(self) -> bool:
        """A budget of zero is accepted."""
        return bool(self.family)

    @property
    def signs_calls(self) -> bool:
        """Function calls carry an id and a thought signature, and both must come back. Earlier models pair results by their order."""
        return self.version >= (3, 0)

    @property
    def sees_results(self) -> bool:
        """The result of a function may hold images and documents."""
        return self.version >= (3, 0)

    @property
    def mixes_tools_and_json(self) -> bool:
        """Function calls and a JSON answer may be asked for together."""
        return self.version >= (3, 0)

    @property
    def samples_freely(self) -> bool:
        """`temperature`, `topP` and `topK` count; from 4 on they are ignored."""
        return self.version < (4, 0)


@functools.lru_cache(maxsize=1024)
def generation_of(model: str) -> Generation:
    """Read version and size out of the provider's own name for a model, as in `gemini-2.5-flash-lite` or `gemini-3.1-pro-preview`."""
    if "gemini" not in model:
        return Generation(OLDEST)
    family = "lite" if "lite" in model else "flash" if "flash" in model else ""
    found = VERSION.search(model)
    if found is None:
        return Generation(NEWEST, family)
    return Generation((int(found[1]), int(found[2] or 0)), family)
