"""The Merkle tree of RFC 6962 (hashes of section 2.1) and its proofs (algorithms of RFC 9162, sections 2.1.3 and 2.1.4).

INVARIANT: whoever verifies gets False for anything that is not exactly the proof; nothing here raises on hostile proofs.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Subtree: TypeAlias = Callable[[int, int], bytes]
"""Gives the hash of the whole subtree over leaves `index << level` to `(index + 1) << level`, from level and index."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hash of each: without a call for each it takes a tenth less."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A growing tree, of which only the whole subtrees at its right edge are kept: what a root and the next leaf need."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`peaks` are the hashes of the whole subtrees that a tree of `size` leaves falls into, largest first: one for each bit of it."""
        self.size, self._peaks = size, list(peaks)

    def extend(self, leaves: Sequence[bytes]) -> list[list[bytes]]:
        """Add the hashes of entries. Gives the subtrees that they completed of 256 leaves, of 256², ..., in order; where none, no list.

        All pairs of one height are hashed before the next height's: for each leaf alone it would cost twice as much.
        """
        peaks, size, nodes = self._peaks, self.size, list(leaves)
        self.size = size + len(nodes)
        done: list[list[bytes]] = []
        left: list[bytes] = []
        height = 0
        while nodes:
            if size >> height & 1:
                nodes.insert(0, peaks.pop())
            if len(nodes) & 1:
                left.append(nodes.pop())
            pairs = iter(nodes)
            nodes = [sha256(b"\x01" + one + other).digest() for one, other in zip(pairs, pairs, strict=True)]
            height += 1
            if nodes and height % TILE_HEIGHT == 0:
                done.append(nodes.copy())
        peaks += reversed(left)
        return done

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def whole(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[place], level[place + 1]) for place in range(0, len(level), 2)]
    return level[0]


def peaks_of(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of the whole subtrees that so many hashes fall into, largest first."""
    peaks, at = [], 0
    for bit in reversed(range(len(hashes).bit_length())):
        if len(hashes) >> bit & 1:
            peaks.append(whole(hashes[at : at + (1 << bit)]))
            at += 1 << bit
    return peaks


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The root over the leaves `start` to `end`, a node of the tree or its right edge."""
    size = end - start
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtree(level, start >> level)
    middle = start + _split(size)
    return node_hash(range_root(start, middle, subtree), range_root(middle, end, subtree))


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that leaf `index` stands in the tree of `size` leaves, nearest hash first. `0 <= index < size`."""
    start, end, proof = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_root(middle, end, subtree))
            end = middle
        else:
            proof.append(range_root(start, middle, subtree))
            start = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `first` leaves is the beginning of that of `second`; empty where one of them is empty or they are one."""
    if first in {0, second}:
        return []
    start, end, proof = 0, second, []
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            proof.append(range_root(middle, end, subtree))
            end = middle
        else:
            proof.append(range_root(start, middle, subtree))
            start = middle
    if start:
        proof.append(range_root(start, end, subtree))
    return proof[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that a leaf of this hash stands at `index` in the tree of that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(proof):
        return False
    climbed = _climb(index, size - 1, [leaf, *proof])
    return climbed is not None and climbed[1] == root


def verify_consistency(sizes: tuple[int, int], roots: tuple[bytes, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the smaller tree is the beginning of the larger one (RFC 9162, 2.1.4.2)."""
    first, second = sizes
    if not 0 <= first <= second or not _are_hashes(proof):
        return False
    if first in {0, second}:
        return not proof and roots[0] == (roots[1] if first == second else EMPTY_ROOT)
    path = list(proof) if first & (first - 1) else [roots[0], *proof]
    if not path:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return _climb(place, last, path) == roots


def _are_hashes(proof: Sequence[bytes]) -> bool:
    return all(len(each) == HASH_SIZE for each in proof)


def _climb(place: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The roots of the smaller and the larger tree that a path leads to; None where it has not the length that it must have.

    From a leaf on, only the second means anything.
    """
    old = new = path[0]
    for each in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, each)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None
