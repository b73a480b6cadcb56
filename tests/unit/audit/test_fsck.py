"""T26: whatever is done to a log of 200 entries is found, given one checkpoint that was saved elsewhere."""

import random

import pytest
from tests.conftest import LONG

from anyapi.audit.entries import key_entry, own_entry, ref_of
from anyapi.audit.fsck import check, problem_lines
from anyapi.audit.notes import Checkpoint, PublicKey, SigningKey
from anyapi.audit.tiles import Growing
from anyapi.audit.tree import leaf_hash

SIZE = 200
KEY = SigningKey("test/log", bytes(range(32)))
OTHER = SigningKey("test/log", bytes(range(1, 33)))


class Log:
    """A log in memory, of the rows that a store has; made by what makes it there."""

    def __init__(self, entries, sealed_at=(), key=KEY):
        self.rows, self.tile_rows, self.notes = [], [], []
        growing = Growing()
        for entry in entries:
            self.rows.append((growing.size, ref_of(entry), entry))
            self.tile_rows += growing.extend([leaf_hash(entry)])
            if growing.size in sealed_at:
                self.notes.append((growing.size, key.sign(str(Checkpoint(key.public.name, growing.size, growing.root())))))
        self.tile_rows.sort()

    def entries(self):
        return iter(self.rows)

    def tiles(self):
        return iter(self.tile_rows)

    def checkpoints(self):
        return iter(self.notes)

    @property
    def newest(self):
        return self.notes[-1][1]


def some_entries(count=SIZE, salt=""):
    announced = key_entry(KEY.public, 1)[1]
    changes = [own_entry("key_added", place, {"id": f"{salt}{place}"}) for place in range(count - 1)]
    return [announced, *changes]


ENTRIES = some_entries()
SEALS = (7, 64, 100, SIZE)


@pytest.fixture
def log():
    return Log(ENTRIES, SEALS)


def problems(log, saved, key=KEY.public):
    return check(log, key, saved).problems


def test_a_whole_log_has_no_problems(log):
    checked = check(log, KEY.public, log.newest)
    assert checked == (SIZE, SIZE, log.newest, (), ())
    assert check(log, None).problems == ()
    for _, note in log.notes:
        assert not problems(log, note)


def test_without_a_saved_checkpoint_it_says_what_it_cannot_see(log):
    assert "no saved checkpoint" in problem_lines(check(log, KEY.public), None)[0]
    del log.notes[-1]
    assert problem_lines(check(log, KEY.public, log.newest), log.newest) == [f"{SIZE - 100} entries are not signed yet"]


def flipped(value, bit):
    """A value with one bit of it changed, as a store would give it back."""
    if isinstance(value, int):
        return value ^ (1 << bit % 63)
    if isinstance(value, str):
        changed = bytearray(value.encode())
        changed[bit // 8] ^= 1 << bit % 8
        return changed.decode(errors="replace")
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def bits_of(value):
    return 63 if isinstance(value, int) else len(value.encode() if isinstance(value, str) else value) * 8


def every_bit(rows, step):
    """Each row with each (step-th) bit of each of its values flipped: place of the row, and the row."""
    for place, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                for bit in range((place + column) % step, bits_of(value), step):
                    yield place, (*row[:column], flipped(value, bit), *row[column + 1 :])


@pytest.mark.timeout(3600)
def test_every_bit_flip_is_found(log):
    """Of every value of every entry and checkpoint (`make test`: every 41st bit of each value, another one in each row)."""
    saved, flips = log.newest, 0
    for rows in (log.rows, log.notes):
        for place, row in every_bit(list(rows), 1 if LONG else 41):
            kept, rows[place] = rows[place], row
            assert problems(log, saved), (place, row)
            rows[place] = kept
            flips += 1
    assert flips > (80_000 if LONG else 2000)
    assert not problems(log, saved)
    print(f"\n{flips} bit flips, all found")


def test_every_bit_flip_of_a_tile_is_found():
    """A log of two tiles; every 499th bit of the tile of 256 hashes, all bits of its place and root."""
    log = Log(some_entries(520), (520,))
    assert [row[:2] for row in log.tile_rows] == [(0, 0), (0, 1)]
    saved = log.newest
    kept = list(log.tile_rows)
    for place, row in every_bit([(tile.level, tile.number, tile.hashes, tile.root) for tile in kept], 1 if LONG else 499):
        log.tile_rows[place] = kept[place]._make(row)
        assert problems(log, saved)
        log.tile_rows[place] = kept[place]
    del log.tile_rows[0]
    assert problems(log, saved) == ("tile 0/0 is missing",)
    assert not problems(Log(some_entries(520), (520,)), saved)


def test_every_exchange_drop_double_and_insertion_is_found(log):
    saved, rows = log.newest, list(log.rows)
    dice = random.Random(26)
    for place in range(0, SIZE, 1 if LONG else 4):
        other = (place + 1 + dice.randrange(SIZE - 1)) % SIZE
        exchanged = list(rows)
        exchanged[place], exchanged[other] = (place, *rows[other][1:]), (other, *rows[place][1:])
        new = own_entry("key_added", 0, {"id": "new"})
        variants = {
            "exchanged": exchanged,
            "moved": sorted(rows, key=lambda row, place=place: SIZE + 1 if row[0] == place else row[0]),
            "dropped": rows[:place] + rows[place + 1 :],
            "dropped and closed up": [(at, *row[1:]) for at, row in enumerate(rows[:place] + rows[place + 1 :])],
            "doubled": rows[: place + 1] + rows[place:],
            "inserted": [(at, *row[1:]) for at, row in enumerate([*rows[:place], (0, ref_of(new), new), *rows[place:]])],
            "replaced": [*rows[:place], (place, ref_of(new), new), *rows[place + 1 :]],
        }
        for name, variant in variants.items():
            log.rows = variant
            if variant != rows:
                assert problems(log, saved), (name, place)


def test_every_cut_of_the_end_and_every_older_copy_is_found(log):
    """Cut by somebody who leaves the rest as it was, by one who drops the checkpoints too, and by one who has the key and signs anew."""
    for size in range(0, SIZE, 1 if LONG else 3):
        cut = Log(ENTRIES, SEALS)
        cut.rows = cut.rows[:size]
        assert problems(cut, log.newest)
        cut.notes = [note for note in cut.notes if note[0] <= size]
        assert problems(cut, log.newest)
        assert problems(Log(ENTRIES[:size], (*SEALS, size)), log.newest), "a whole older copy, signed"


def test_every_fork_is_found(log):
    """Written anew from some entry on by somebody who has the key: as long, longer, or signed only at the end."""
    other = some_entries(SIZE + 5, salt="other ")
    for size in range(1, SIZE, 1 if LONG else 4):
        assert problems(Log(ENTRIES[:size] + other[size:SIZE], SEALS), log.newest)
        assert problems(Log(ENTRIES[:size] + other[size:], (*SEALS, SIZE + 5)), log.newest)


def test_a_log_that_went_on_is_that_of_the_older_checkpoint(log):
    longer = Log([*ENTRIES, *some_entries(400, "more ")], (*SEALS, 500))
    assert not problems(longer, log.newest)


def test_another_key_is_found(log):
    forged = Log([*ENTRIES, key_entry(OTHER.public, 2)[1]], (SIZE + 1,), OTHER)
    assert problems(forged, log.newest) == ("checkpoint 201: it is signed with a key that is not the log's",)
    assert problems(Log(ENTRIES, SEALS, OTHER), None)
    assert problems(log, Log(ENTRIES, SEALS, SigningKey("another/log", bytes(32))).newest)


def test_a_key_that_the_log_announced_may_have_signed_before(log):
    rotated = Log([*ENTRIES, key_entry(OTHER.public, 2)[1], *some_entries(20, "after ")], (SIZE + 21,), OTHER)
    rotated.notes = [*log.notes, *rotated.notes]
    assert not problems(rotated, log.newest, OTHER.public)
    assert problems(rotated, log.newest, KEY.public), "the newest must be signed by the key of today"


def test_what_is_no_log_at_all_is_a_problem_and_no_exception(log):
    log.rows[5] = (5, None, b"\xff\x00 not JSON")
    assert problems(log, "not a note")
    log.rows, log.notes = [], []
    assert check(log, KEY.public).problems == ()
    log.rows = Log(ENTRIES).rows
    assert check(log, KEY.public).problems == ("no checkpoint stands over the log",)
    assert isinstance(KEY.public, PublicKey)
