"""The log cut into tiles of 256 hashes (C2SP tlog-tiles): how one grows, what a proof reads of it, and the files it is served as."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from anyapi.audit.tree import HASH_SIZE, TILE_HEIGHT, TILE_WIDTH, Frontier, Subtree, peaks_of, whole

LARGEST_ENTRY = 65_535
"""Bytes: an entry bundle states an entry's length in 16 bits."""

Fetch: TypeAlias = Callable[[int, int, int], Sequence[bytes]]
"""Gives the first so many hashes of a tile, from level, number and width."""


class Tile(NamedTuple):
    """A full tile. `root` is the hash over it: one hash of the level above."""

    level: int
    number: int
    hashes: bytes
    root: bytes


class Growing:
    """The right edge of a log: what the next entry needs, and the tiles that it fills."""

    __slots__ = ("_levels", "frontier")

    def __init__(self, edge: Sequence[Sequence[bytes]] = ()) -> None:
        """`edge`: the hashes of the unfinished tile of each level, lowest level first."""
        self._levels = [list(level) for level in edge] or [[]]
        size = sum(len(level) << TILE_HEIGHT * height for height, level in enumerate(self._levels))
        self.frontier = Frontier(size, [peak for level in reversed(self._levels) for peak in peaks_of(level)])

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.frontier.size

    def root(self) -> bytes:
        """The root over them."""
        return self.frontier.root()

    def extend(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Add the hashes of entries; gives the tiles that are full by them."""
        self._levels[0] += leaves
        tiles = []
        for level, roots in enumerate(self.frontier.extend(leaves)):
            hashes = self._levels[level]
            number = (self.size >> TILE_HEIGHT * (level + 1)) - len(roots)
            for place, root in enumerate(roots):
                tiles.append(Tile(level, number + place, b"".join(hashes[place * TILE_WIDTH : (place + 1) * TILE_WIDTH]), root))
            del hashes[: len(roots) * TILE_WIDTH]
            if len(self._levels) == level + 1:
                self._levels.append([])
            self._levels[level + 1] += roots
        return tiles


def edge_of(size: int) -> list[tuple[int, int, int]]:
    """Level, number and width of the unfinished tile of each level of a log of so many entries, lowest level first."""
    edge, level = [], 0
    while size >> TILE_HEIGHT * level or level == 0:
        count = size >> TILE_HEIGHT * level
        edge.append((level, count // TILE_WIDTH, count % TILE_WIDTH))
        level += 1
    return edge


def split_hashes(hashes: bytes) -> list[bytes]:
    """The hashes that a tile is made of."""
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


def subtrees(fetch: Fetch, size: int) -> Subtree:
    """What proofs over a log of `size` entries are made of, read tile by tile, each once."""
    known: dict[tuple[int, int], Sequence[bytes]] = {}

    def subtree(level: int, index: int) -> bytes:
        height, inside = divmod(level, TILE_HEIGHT)
        first = index << inside
        number, offset = divmod(first, TILE_WIDTH)
        if (height, number) not in known:
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * height) - number * TILE_WIDTH)
            known[height, number] = fetch(height, number, width)
        return whole(known[height, number][offset : offset + (1 << inside)])

    return subtree


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """The file of a tile; level `entries` is that of the entries themselves. A partial tile has its width in its name."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{path}" + ("" if width == TILE_WIDTH else f".p/{width}")


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as one file: each with its length in two bytes before it."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
