"""Which of a dozen topics a text is about: a linear model over hashed parts of words, made by `scripts/train_topics.py` of our own prompts.

Local, without network or memory: a text is looked at, and nothing of it is kept but the number that is given back. A feature is a word or
a run of four of its letters, hashed into a table; the weights of all topics stand in one whole number, 16 bits each, so that adding
them up is one addition a feature.
"""

import re
from pathlib import Path
from struct import unpack
from zlib import crc32

TOPICS = (
    "programming",
    "data_analysis",
    "maths_science",
    "creative_writing",
    "business_writing",
    "translation",
    "summarising",
    "health",
    "law",
    "finance",
    "travel_home",
    "conversation",
)
OTHER = "other"
"""What none of them fits better than the rest, or what has too few known words; the last of the domain."""
DOMAIN = (*TOPICS, OTHER)
MODEL = Path(__file__).with_name("topics.bin")
MAGIC = b"anyapi-topics-1\n"
BUCKETS = 1 << 16
NEUTRAL = 128
"""A weight of zero, as a byte."""
MOST_FEATURES = 255
"""So many bytes add up to less than 16 bits hold."""
LEAST_MARGIN = 20
"""By how many steps of a weight the best topic must lead."""
LONGEST = 320
"""Characters that are looked at."""
_WORDS = re.compile(r"[^\W\d_]+|[{}();=<>#$€£%]")
_WIDE = 2 * len(TOPICS)


def features(text: str) -> list[int]:
    """The places in the table of a text's words and of the runs of four letters in them, each once."""
    found: set[bytes] = set()
    for word in _WORDS.findall(text[:LONGEST].lower()):
        raw = word.encode()
        found.add(raw)
        if raw[0] > 0xE2:  # scripts without spaces: pairs of signs
            found.update(raw[start : start + 6] for start in range(0, len(raw) - 5, 3))
        elif len(raw) > 3:
            raw = b"^" + raw
            found.update([raw[start : start + 4] for start in range(len(raw) - 3)])
    few = found if len(found) <= MOST_FEATURES else sorted(found)[:MOST_FEATURES]
    return [crc32(each) % BUCKETS for each in few]


class Topics:
    """The model, read once."""

    __slots__ = ("_table",)

    def __init__(self, packed: bytes) -> None:
        """`packed` is the file's content. Raises `ValueError` for one of another form."""
        rows = packed.removeprefix(MAGIC)
        if len(rows) != BUCKETS * len(TOPICS) or len(rows) + len(MAGIC) != len(packed):
            raise ValueError("not a model of topics")
        wide = bytearray(2 * len(rows))
        wide[::2] = rows
        known: dict[bytes, int] = {}
        cut = (bytes(wide[start : start + _WIDE]) for start in range(0, len(wide), _WIDE))
        self._table = [known.setdefault(row, int.from_bytes(row, "little")) for row in cut]

    def classify(self, text: str) -> int:
        """The place in `DOMAIN` of what a text is about."""
        table = self._table
        total = sum([table[place] for place in features(text)])
        sums = unpack("<12H", total.to_bytes(_WIDE, "little"))
        best = max(sums)
        first = sums.index(best)
        second = max(sums[:first] + sums[first + 1 :])
        return first if best - second >= LEAST_MARGIN else len(TOPICS)


def packaged() -> Topics:
    """The model that ships with the product."""
    return Topics(MODEL.read_bytes())
