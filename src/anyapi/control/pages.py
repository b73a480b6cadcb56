"""The dashboard's built files: one page for every address that is no API, its assets by their names.

Without a build, a page that says so.
"""

import asyncio
import gzip
import mimetypes
from collections.abc import Sequence
from pathlib import Path

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from anyapi.control.problems import ELSEWHERE, MODELS
from anyapi.errors import NotFound

SMALLEST_PACKED = 1000
FOREVER = "public, max-age=31536000, immutable"
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>AnyAPI</title>
<h1>The dashboard is not built</h1>
<p>The control API works: see <a href="/api/openapi.json">/api/openapi.json</a>. To build the dashboard, install
Node 20.19 or newer with npm, run <code>make setup</code> in the clone and start AnyAPI again.</p></html>
"""


class _Files:
    """The files of a build, and what they are packed: each once, when it is first asked for, and off the loop."""

    def __init__(self, directory: Path | None) -> None:
        found = [] if directory is None else [path for path in sorted(directory.rglob("*")) if path.is_file()]
        self._plain = {path.relative_to(directory or path).as_posix(): path.read_bytes() for path in found}
        self._plain.setdefault("index.html", NOT_BUILT.encode())
        self._packed: dict[str, bytes] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._plain

    async def read(self, name: str, accepted: str) -> tuple[bytes, bool]:
        """A file and whether it is packed with gzip; `accepted` is what the browser says it can unpack."""
        plain = self._plain[name]
        if "gzip" not in accepted or len(plain) < SMALLEST_PACKED:
            return plain, False
        if name not in self._packed:
            self._packed[name] = await asyncio.to_thread(gzip.compress, plain, 9, mtime=0)
        return self._packed[name], True


def handlers(directory: Path | None) -> Sequence[HTTPRouteHandler]:
    """The routes that serve a build, read once; those of a plain page where there is none."""
    files = _Files(directory)

    @get(["/", "/{rest:path}"], opt={"public": True}, include_in_schema=False)
    async def page(request: Request[object, object, State], rest: FromPath[str] = "") -> Response[bytes]:
        """The one page, whatever the address: the page itself finds out what to show. Raises `NotFound` for an asset that is not there."""
        name = rest.removeprefix("/")
        if f"/{name}".startswith(MODELS):
            raise NotFound(ELSEWHERE)
        if name.startswith("api/") or (name.startswith("assets/") and name not in files):
            raise NotFound("There is no such path.")
        if name not in files:
            name = "index.html"
        content, packed = await files.read(name, request.headers.get("accept-encoding", ""))
        headers = {"cache-control": FOREVER if name.startswith("assets/") else "no-cache", "vary": "accept-encoding"}
        if packed:
            headers["content-encoding"] = "gzip"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers=headers)

    return (page,)
