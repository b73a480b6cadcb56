"""Holds a stored log against itself, against the key that signs it, and against a checkpoint that somebody kept elsewhere.

A log alone cannot show that its end was cut off, that it is an old copy, or that it was written anew by somebody with the key: for that
there has to be a checkpoint kept out of reach. With one, every change of anything that stood in the log then is found.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple, Protocol

from anyapi.audit.entries import announced_key, ref_of
from anyapi.audit.notes import Checkpoint, PublicKey, signer_of, split_note
from anyapi.audit.tiles import Growing, Tile
from anyapi.audit.tree import leaf_hash
from anyapi.errors import AuditError

MOST_PROBLEMS = 20
REPLACED = b'"kind":"log_replaced"'
"""Stands in an entry of the log's own, whose values are the gateway's: no text of anybody's."""


class Stored(Protocol):
    """A stored log. Each is given in order; nothing of it is trusted."""

    def entries(self) -> Iterable[tuple[int, str | None, bytes]]:
        """Position, reference and bytes of every entry."""
        ...

    def tiles(self) -> Iterable[Tile]:
        """Every full tile, by level and number."""
        ...

    def checkpoints(self) -> Iterable[tuple[int, str]]:
        """Every checkpoint, by size: the size that it stands under, and the note."""
        ...


class Checked(NamedTuple):
    """What was found. No problems: the log is whole up to `size`, and signed up to `sealed`."""

    size: int
    sealed: int
    newest: str
    """The newest checkpoint, to be kept elsewhere; empty where there is none."""
    problems: tuple[str, ...]
    replaced: tuple[int, ...] = ()
    """Entries that say that the gateway found, while it ran, another log than the one it had signed."""


class _Run:
    """One check: what is computed of the entries, and the problems found."""

    def __init__(self) -> None:
        self.growing = Growing()
        self.problems: list[str] = []
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.keys: list[PublicKey] = []
        self.replaced: list[int] = []
        self.roots: dict[int, bytes] = {0: self.growing.root()}

    def note(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def read(self, stored: Stored, sizes: frozenset[int]) -> None:
        """Compute tree and tiles anew from the entries alone, and the roots at these sizes."""
        for position, ref, entry in stored.entries():
            if position != self.growing.size:
                self.note(f"after entry {self.growing.size - 1} comes entry {position}: entries were dropped, doubled or moved")
                return
            self._check_reference(position, ref, entry)
            for tile in self.growing.extend([leaf_hash(entry)]):
                self.tiles[tile.level, tile.number] = _digest(tile)
            if self.growing.size in sizes:
                self.roots[self.growing.size] = self.growing.root()

    def _check_reference(self, position: int, ref: str | None, entry: bytes) -> None:
        try:
            expected = ref_of(entry)
            if expected is not None and expected.startswith("k:"):
                self.keys.append(announced_key(entry))
        except AuditError:
            self.note(f"entry {position} is not what this product writes")
            return
        if expected is None and REPLACED in entry:
            self.replaced.append(position)
        if ref != expected:
            self.note(f"entry {position} stands under a reference that is not its own")

    def check_tiles(self, stored: Stored, sealed: int) -> None:
        """The stored tiles are those of the entries; none is missing up to the newest checkpoint."""
        found = set()
        for tile in stored.tiles():
            place = tile.level, tile.number
            found.add(place)
            if self.tiles.get(place) != _digest(tile):
                self.note(f"tile {tile.level}/{tile.number} is not that of the entries")
        for level, number in self.tiles.keys() - found:
            if (number + 1) << 8 * (level + 1) <= sealed:
                self.note(f"tile {level}/{number} is missing")

    def check_checkpoints(self, checkpoints: list[tuple[int, str]], trusted: list[PublicKey], known: list[PublicKey]) -> int:
        """The newest is signed by a trusted key, those before it by any that the log announced. Gives up to where the log is signed."""
        sealed = 0
        for place, (size, note) in enumerate(checkpoints, 1):
            found = self.check_note(f"checkpoint {size}", note, trusted if place == len(checkpoints) else known, size)
            sealed = sealed if found is None else found.size
        return sealed

    def check_note(self, what: str, note: str, keys: Iterable[PublicKey], size: int | None = None) -> Checkpoint | None:
        """A checkpoint is signed by one of the keys and says what the entries say. Gives it if it is to be trusted."""
        try:
            found = _opened(note, keys)
        except AuditError as error:
            self.note(f"{what}: {error}")
            return None
        if size not in (None, found.size):
            self.note(f"{what}: it stands under the size {size} and is signed for {found.size}")
        if found.size > self.growing.size:
            self.note(f"{what}: it is signed for {found.size} entries and there are {self.growing.size}: the end of the log is missing")
        elif self.roots.get(found.size) != found.root:
            self.note(f"{what}: its root is not that of the first {found.size} entries: the log was changed, or is another one")
        return found


def check(stored: Stored, key: PublicKey | None, saved: str | None = None) -> Checked:
    """Check a log. `key`: whose signature the newest checkpoint must bear; `saved`: the note of a checkpoint that was kept elsewhere.

    Without `key` the newest key that the log itself names is taken, which shows damage but no forgery.
    """
    run = _Run()
    checkpoints = list(stored.checkpoints())
    run.read(stored, frozenset(size_of(note) for note in [*(note for _, note in checkpoints), saved or ""]))
    trusted = [key] if key is not None else run.keys[-1:]
    known = [*trusted, *run.keys]
    sealed = run.check_checkpoints(checkpoints, trusted, known)
    run.check_tiles(stored, sealed)
    if saved is not None:
        run.check_note("the saved checkpoint", saved, known)
    if not checkpoints and run.growing.size:
        run.note("no checkpoint stands over the log")
    return Checked(run.growing.size, sealed, checkpoints[-1][1] if checkpoints else "", tuple(run.problems), tuple(run.replaced))


def size_of(note: str) -> int:
    """The size that a note speaks of, unverified; -1 for what is no checkpoint."""
    try:
        return Checkpoint.parse(split_note(note)[0]).size
    except AuditError:
        return -1


def _opened(note: str, keys: Iterable[PublicKey]) -> Checkpoint:
    """The checkpoint of a note that one of the keys signed."""
    key = signer_of(note, keys)
    if key is None:
        raise AuditError("it is signed with a key that is not the log's")
    return Checkpoint.open(note, key)


def _digest(tile: Tile) -> bytes:
    return sha256(b"%b%b" % (tile.hashes, tile.root)).digest()


def problem_lines(checked: Checked, saved: str | None) -> list[str]:
    """What a person is to know of it, one line each."""
    lines = list(checked.problems)
    lines += [
        f"entry {place} says that the gateway found another log than it had signed, and went on with it" for place in checked.replaced
    ]
    if saved is None:
        lines.append("no saved checkpoint was given: a cut end, an old copy, or a log written anew would not be noticed")
    if checked.sealed < checked.size:
        lines.append(f"{checked.size - checked.sealed} entries are not signed yet")
    return lines
