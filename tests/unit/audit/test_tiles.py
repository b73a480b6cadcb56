"""Tiles: what a growing log fills, how proofs read them, and the names of their files."""

import random

from anyapi.audit.tiles import Growing, bundle, edge_of, split_hashes, subtrees, tile_path
from anyapi.audit.tree import Frontier, inclusion_proof, leaf_hash, verify_inclusion, whole

COUNT = 66_000
HASHES = [leaf_hash(number.to_bytes(4, "big")) for number in range(COUNT)]


def test_tiles_are_full_at_every_256th_and_65536th():
    growing, tiles = Growing(), {}
    for each in HASHES:
        for tile in growing.extend([each]):
            tiles[tile.level, tile.number] = tile
    assert sorted(tiles) == [*((0, number) for number in range(COUNT // 256)), (1, 0)]
    assert all(tile.root == whole(split_hashes(tile.hashes)) for tile in tiles.values())
    assert tiles[0, 3].hashes == b"".join(HASHES[768:1024])
    assert edge_of(COUNT) == [(0, 257, 208), (1, 1, 1), (2, 0, 1)]

    read = []

    def fetch(level, number, width):
        read.append((level, number, width))
        if level == 0:
            return HASHES[number * 256 : number * 256 + width]
        return [tiles[level - 1, number * 256 + place].root for place in range(width)]

    again = Growing([fetch(*place) for place in edge_of(COUNT)])
    plain = Frontier()
    for each in HASHES:
        plain.extend([each])
    assert again.size == COUNT
    assert again.root() == growing.root() == plain.root()
    again.extend([HASHES[0]])
    plain.extend([HASHES[0]])
    assert again.root() == plain.root()

    read.clear()
    for index in (0, 255, 256, 40_000, 65_535, 65_536, COUNT - 1):
        proof = inclusion_proof(index, COUNT, subtrees(fetch, COUNT))
        assert verify_inclusion(index, COUNT, HASHES[index], proof, growing.root())
    assert len(read) <= 7 * 6, "a proof reads a few tiles, not the log"


def test_a_batch_leaves_what_its_entries_leave_one_by_one():
    dice = random.Random(256)
    growing, plain, tiles, expected = Growing(), Growing(), [], []
    while growing.size < COUNT:
        batch = HASHES[growing.size :][: dice.choice((0, 1, 2, 3, 255, 256, 257, 511, 512, 700, dice.randrange(3000)))]
        tiles += growing.extend(batch)
        for each in batch:
            expected += plain.extend([each])
        assert (growing.size, growing.root()) == (plain.size, plain.root())
    assert sorted(tiles) == sorted(expected)


def test_an_empty_log_has_an_edge():
    assert edge_of(0) == [(0, 0, 0)]
    assert Growing([[]]).size == 0


def test_paths_are_those_of_the_specification():
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(1, 273, 112) == "tile/1/273.p/112"
    assert tile_path("entries", 1000) == "tile/entries/x001/000"


def test_a_bundle_states_lengths():
    assert bundle([b"a", b"", b"xyz"]) == b"\x00\x01a\x00\x00\x00\x03xyz"
