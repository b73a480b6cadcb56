"""The corpus of each target: `corpus/TARGET.txt` for what it reaches, `found/TARGET.txt` for what once broke a promise. One input a line, in base64."""

import base64
from collections.abc import Iterable
from pathlib import Path

PLACE = Path(__file__).parent


def inputs(target: str) -> list[bytes]:
    """All inputs of a target, what was found first; none where it has no file yet."""
    return found(target) + _read(PLACE / "corpus" / f"{target}.txt")


def found(target: str) -> list[bytes]:
    """Inputs that once broke a promise; these stay for good, and are added by hand."""
    return _read(PLACE / "found" / f"{target}.txt")


def write(target: str, chosen: Iterable[bytes]) -> None:
    """Replace the inputs of a target that stand in its corpus for what they reach."""
    lines = sorted({base64.b64encode(data).decode() for data in chosen if data}, key=lambda line: (len(line), line))
    (PLACE / "corpus" / f"{target}.txt").write_text("".join(f"{line}\n" for line in lines))


def _read(path: Path) -> list[bytes]:
    return [base64.b64decode(line, validate=True) for line in path.read_text().splitlines()] if path.exists() else []
