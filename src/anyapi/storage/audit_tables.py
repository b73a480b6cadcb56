"""Reading the tables of the audit log on one connection: its size, its right edge, tiles, entries, checkpoints. Writes tiles alone."""

from collections.abc import Iterator
from typing import cast

from anyapi.audit.tiles import Growing, Tile, edge_of, split_hashes
from anyapi.audit.tree import TILE_WIDTH, leaf_hashes, whole
from anyapi.errors import StorageError
from anyapi.storage import audit_statements as statements
from anyapi.storage.driver import Connection, Row

_PAGE = 1024


def number(found: Row | None) -> int:
    """The number that a question for one was answered with."""
    return 0 if found is None else int(cast("int", found[0]))


def size_of(connection: Connection) -> int:
    """How many entries there are."""
    return number(connection.execute(statements.SIZE).fetchone())


def entries_of(connection: Connection, start: int, end: int) -> Iterator[tuple[int, str | None, bytes]]:
    """Position, reference and bytes of the entries in a range, page by page."""
    while start < end:
        page = connection.execute(statements.ENTRIES, (start, min(end, start + _PAGE))).fetchall()
        yield from cast("list[tuple[int, str | None, bytes]]", page)
        start += _PAGE


def fetch_from(connection: Connection, level: int, number: int, width: int) -> list[bytes]:
    """The first so many hashes of a tile, full or not. Raises `StorageError` for one that is not there: `anyapi audit fsck` says more."""
    if width < TILE_WIDTH:
        return _made(connection, level, number, width)
    found = connection.execute(statements.TILE, (level, number)).fetchone()
    return _whole([] if found is None else split_hashes(cast("bytes", found[0])), width)


def growing_of(connection: Connection) -> Growing:
    """The log's right edge, to go on from. Full tiles that are missing (a process may have died before it wrote them) are written."""
    size = size_of(connection)
    for level, full, _ in edge_of(size):
        have = number(connection.execute(statements.TILE_COUNT, (level,)).fetchone())
        for missing in range(have, full):
            hashes = _made(connection, level, missing, TILE_WIDTH)
            add_tile(connection, Tile(level, missing, b"".join(hashes), whole(hashes)))
    return Growing([fetch_from(connection, level, number, width) for level, number, width in edge_of(size)])


def add_tile(connection: Connection, tile: Tile) -> None:
    """Write a full tile."""
    connection.execute(statements.ADD_TILE, tile)


def _made(connection: Connection, level: int, number: int, width: int) -> list[bytes]:
    """The first so many hashes of a tile, made of what is below it."""
    first = number * TILE_WIDTH
    if level == 0:
        return _whole(leaf_hashes(entry for _, _, entry in entries_of(connection, first, first + width)), width)
    roots = connection.execute(statements.TILE_ROOTS, (level - 1, first, first + width)).fetchall()
    return _whole([cast("bytes", root) for (root,) in roots], width)


def _whole(hashes: list[bytes], width: int) -> list[bytes]:
    if len(hashes) != width:
        raise StorageError("the audit log has a gap: `anyapi audit fsck` says where")
    return hashes
