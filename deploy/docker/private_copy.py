"""Copies a file so that its owner alone can read the copy: `private_copy.py FROM TO`. A Secret's file in a pod is readable by a group."""

import os
import sys
from pathlib import Path


def main(source: str, target: str) -> None:
    """Have the content of `source` in `target` (0600), whole or not at all. Raises `OSError`."""
    beside = f"{target}.new"
    Path(beside).unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        copy.write(Path(source).read_bytes())
    Path(beside).replace(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
