"""The tree and its proofs, for every size from 0 to 512, against the recursive definition of RFC 6962 written apart."""

import random
from itertools import pairwise

import pytest
from tests.audit import naive
from tests.conftest import LONG

from anyapi.audit.tiles import Growing, subtrees
from anyapi.audit.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    peaks_of,
    verify_consistency,
    verify_inclusion,
)

MOST = 512
ENTRIES = [f"entry {number}".encode() for number in range(MOST)]
ROOT = naive.remembering()
ROOTS = [ROOT(ENTRIES[:size]) for size in range(MOST + 1)]
PAIRS_STEP = 1 if LONG else 41
"""Consistency of all 131,000 pairs takes half a minute; `make test` takes every 41st of the smaller sizes, and all neighbours."""


def subtree_of(entries):
    hashes = [leaf_hash(entry) for entry in entries]
    tiles = {}
    growing = Growing()
    for each in hashes:
        for tile in growing.extend([each]):
            tiles[tile.level, tile.number] = tile

    def fetch(level, number, width):
        if level == 0:
            return hashes[number * 256 : number * 256 + width]
        return [tiles[level - 1, number * 256 + place].root for place in range(width)]

    return subtrees(fetch, len(entries))


def test_known_vectors():
    """Roots of the RFC 6962 test vectors that every implementation of certificate transparency shares."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT == naive.mth([])
    for text, root in zip(inputs, roots, strict=True):
        frontier.extend([leaf_hash(bytes.fromhex(text))])
        assert frontier.root().hex() == root


def test_the_oracle_that_remembers_is_the_plain_one():
    for size in (0, 1, 2, 3, 7, 8, 9, 65):
        assert ROOTS[size] == naive.mth(ENTRIES[:size])


def test_roots_of_all_sizes():
    growing = Growing()
    for size in range(MOST + 1):
        assert growing.root() == ROOTS[size]
        assert growing.size == size
        if size < MOST:
            growing.extend([leaf_hash(ENTRIES[size])])


@pytest.mark.parametrize("step", [1 if LONG else 37])
def test_inclusion_proofs_of_all_sizes(step):
    """Each size with every leaf (`make test`: with every 37th, and the first and last three)."""
    for size in range(1, MOST + 1):
        entries, subtree = ENTRIES[:size], subtree_of(ENTRIES[:size])
        places = {*range(size % step, size, step), *range(min(3, size)), *range(max(0, size - 3), size)}
        for index in places:
            proof = inclusion_proof(index, size, subtree)
            assert proof == naive.path(index, entries, ROOT)
            assert verify_inclusion(index, size, leaf_hash(ENTRIES[index]), proof, ROOTS[size])


def test_consistency_proofs_of_all_sizes():
    for second in range(MOST + 1):
        entries, subtree = ENTRIES[:second], subtree_of(ENTRIES[:second])
        firsts = {0, second, max(0, second - 1), *range(second % PAIRS_STEP, second, PAIRS_STEP)}
        for first in firsts:
            proof = consistency_proof(first, second, subtree)
            assert proof == (naive.proof(first, entries, ROOT) if first else [])
            assert verify_consistency((first, second), (ROOTS[first], ROOTS[second]), proof)


def test_a_proof_with_any_change_is_refused():
    dice = random.Random(6962)
    for size in [*range(1, 20), 255, 256, 257, 511, 512]:
        subtree = subtree_of(ENTRIES[:size])
        index = dice.randrange(size)
        leaf, proof, root = leaf_hash(ENTRIES[index]), inclusion_proof(index, size, subtree), ROOTS[size]
        assert verify_inclusion(index, size, leaf, proof, root)
        for changed in changes(proof, dice):
            assert not verify_inclusion(index, size, leaf, changed, root)
        assert not verify_inclusion(index, size, leaf_hash(b"other"), proof, root)
        assert not verify_inclusion(index, size, leaf, proof, ROOTS[size - 1])
        for wrong in (index - 1, index + 1, size, -1):
            assert not verify_inclusion(wrong, size, leaf, proof, root)
        first = dice.randrange(size)
        between = consistency_proof(first, size, subtree)
        for changed in changes(between, dice):
            assert not verify_consistency((first, size), (ROOTS[first], root), changed)
        assert not verify_consistency((size, first), (root, ROOTS[first]), between)
        if first:  # an empty log is the beginning of every log
            assert not verify_consistency((first, size), (ROOTS[first], ROOTS[first]), between)
            assert not verify_consistency((first, size), (ROOTS[first - 1], root), between)


def changes(proof, dice):
    """One bit flipped, one hash dropped, one doubled, two exchanged, one too short."""
    yield [*proof, bytes(32)]
    if proof:
        place = dice.randrange(len(proof))
        bit = 1 << dice.randrange(256)
        yield [*proof[:place], (int.from_bytes(proof[place], "big") ^ bit).to_bytes(32, "big"), *proof[place + 1 :]]
        yield [*proof[:place], *proof[place + 1 :]]
        yield [*proof[:place], proof[place], *proof[place:]]
        yield [*proof[:place], proof[place][:31], *proof[place + 1 :]]
        if len(proof) > 1:
            yield [proof[1], proof[0], *proof[2:]]


def test_hostile_proofs_do_not_raise():
    root = ROOTS[9]
    for index, size in ((0, 0), (5, 5), (-1, 3), (2**70, 2**71), (3, 2**63)):
        assert verify_inclusion(index, size, bytes(32), [bytes(32)] * 80, root) is False
        assert verify_consistency((index, size), (root, root), [bytes(32)] * 80) is False
    assert not verify_consistency((3, 9), (ROOTS[3], root), [])
    assert verify_consistency((0, 9), (EMPTY_ROOT, root), [])
    assert not verify_consistency((0, 9), (ROOTS[1], root), [])


def test_peaks_fall_apart_by_the_bits_of_the_size():
    hashes = [leaf_hash(entry) for entry in ENTRIES[:200]]
    for size, after in pairwise(range(0, 201, 8)):
        rebuilt = Frontier(size, peaks_of(hashes[:size]))
        for each in hashes[size:after]:
            rebuilt.extend([each])
        assert rebuilt.root() == ROOTS[after]
