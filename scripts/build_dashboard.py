"""Builds the dashboard into the package with npm. As a script (`make setup`): quietly, only when needed, and loud where npm is absent."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE, BUILT = ROOT / "dashboard", ROOT / "src/anyapi/dashboard/index.html"
NEEDS = "the dashboard needs npm (Node 20.19 or newer) to be built"


def needed() -> bool:
    """Whether the built page is absent or older than one of its sources."""
    if not BUILT.is_file():
        return SOURCE.is_dir()
    sources = [SOURCE, *(SOURCE / "src").rglob("*"), *(SOURCE / "public").iterdir(), *SOURCE.iterdir()]
    made = {SOURCE, SOURCE / "node_modules", SOURCE / "src/api/schema.d.ts"}
    return any(path.is_file() and path.stat().st_mtime > BUILT.stat().st_mtime for path in sources if path not in made)


def build(*, checked: bool) -> None:
    """Install what the lock names and build; `checked` has the types checked before. Raises `CalledProcessError`."""
    lock, installed = SOURCE / "package-lock.json", SOURCE / "node_modules/.package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci")
    _npm("run", "build" if checked else "pages")


def for_a_package() -> None:
    """What the build hook does: nothing where the page is built already. Raises `SystemExit` with one sentence where it cannot be."""
    if BUILT.is_file() or os.environ.get("ANYAPI_NO_DASHBOARD") == "1":
        return
    if shutil.which("npm") is None:
        raise SystemExit(f"{NEEDS}; set ANYAPI_NO_DASHBOARD=1 to package AnyAPI without it.")
    build(checked=True)


def for_a_clone() -> None:
    """What `make setup` does. A clone without the dashboard works: its page says that it is not built."""
    if not needed() or os.environ.get("ANYAPI_NO_DASHBOARD") == "1":
        return
    if shutil.which("npm") is None:
        print(f"setup: !!! {NEEDS} (Debian: apt-get install npm): the gateway works, its page says how to go on", file=sys.stderr)
        return
    print("setup: building the dashboard")
    try:
        build(checked=False)
    except subprocess.CalledProcessError as error:
        print(f"setup: !!! the dashboard could not be built; the gateway works without it\n{error.stderr.strip()[-600:]}", file=sys.stderr)


def _npm(*arguments: str) -> None:
    npm = shutil.which("npm") or "npm"
    subprocess.run([npm, "--silent", *arguments], cwd=SOURCE, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    for_a_clone()
