"""Opens files that the operator names. What is no regular file is refused: a pipe that nobody writes to would hold the start up."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

NOT_REGULAR = "it is no regular file but a pipe, socket, device or directory; put what it holds into a file"


def open_regular(path: Path) -> BinaryIO:
    """The file, for reading; a symlink to one will do. Raises `OSError` whose `strerror` says why not."""
    _refuse_others(path.stat(), path)  # before it is opened: opening a device may do something
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 a path's own has no opener; the caller closes it
    try:
        _refuse_others(os.fstat(file.fileno()), path)  # it may be another by now
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, most: int = -1) -> bytes:
    """Its bytes, at most so many. Raises `OSError` whose `strerror` says why not."""
    with open_regular(path) as file:
        return file.read(most)


def read_text(path: Path, encoding: str) -> str:
    """Its text, line ends made plain. Raises `OSError` whose `strerror` says why not, `UnicodeDecodeError`."""
    with io.TextIOWrapper(open_regular(path), encoding=encoding) as file:
        return file.read()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _refuse_others(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NOT_REGULAR, str(path))
