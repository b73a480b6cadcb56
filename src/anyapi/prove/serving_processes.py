"""Which processes of this machine listen at a gateway's address, and where they write. Read from proc(5), which may need root."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
_LISTEN = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 where a careless library would write


def listening(port: int | None, path: str = "") -> tuple[int, ...]:
    """The processes that listen on a port, or on a unix socket; none where that may not be seen."""
    inodes = set(_unix(path) if port is None else _tcp(port))
    return tuple(sorted(pid for pid in _pids() if inodes & set(_sockets(pid))))


def outputs(pid: int) -> tuple[list[Path], bool]:
    """The files that standard output and error of a process go to, and whether one of them goes elsewhere (a pipe, the journal)."""
    files, elsewhere = [], False
    for number in (1, 2):
        with contextlib.suppress(OSError):
            link = (PROC / str(pid) / "fd" / str(number)).readlink()
            if link.is_file():
                files.append(link)
            elif str(link) != os.devnull:
                elsewhere = True
    return list(dict.fromkeys(files)), elsewhere


def temporary(pid: int) -> list[Path]:
    """The temporary directories that a process can write to, reached from here: its own ones, where it has a view of its own."""
    root, environment = PROC / str(pid) / "root", b""
    with contextlib.suppress(OSError):
        environment = (PROC / str(pid) / "environ").read_bytes()
    own = [value for name, _, value in (pair.partition(b"=") for pair in environment.split(b"\0")) if name == b"TMPDIR"]
    places = dict.fromkeys([*(os.fsdecode(each) for each in own), *TEMPORARY])
    return [path for path in (root / each.lstrip("/") for each in places) if _takes_files(path)]


def working(pid: int) -> Path | None:
    """The working directory of a process; None for the root, for a read-only one, or where that may not be seen."""
    with contextlib.suppress(OSError):
        link = PROC / str(pid) / "cwd"
        found = link.readlink()
        return found if found != Path("/") and _takes_files(link) else None
    return None


def _takes_files(path: Path) -> bool:
    """Whether it is a directory that is not mounted read-only: nothing leaks into such a one, and nothing can be planted there."""
    try:
        return path.is_dir() and not os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError:
        return False


def _pids() -> Iterator[int]:
    return (int(folder.name) for folder in PROC.iterdir() if folder.name.isdigit())


def _sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for link in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                found = _SOCKET.fullmatch(str(link.readlink()))
                if found is not None:
                    yield found[1]


def _tcp(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _unix(path: str) -> Iterator[str]:
    for line in (PROC / "net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[-1] == path:
            yield fields[6]
