"""The dashboard's built files: one page for every address that is no API, its assets by their names.

Without a build, a page that says so.
"""

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from anyapi.errors import NotFound

FOREVER = "public, max-age=31536000, immutable"
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>AnyAPI</title>
<h1>The dashboard is not built</h1>
<p>The control API works: see <a href="/api/openapi.json">/api/openapi.json</a>. To build the dashboard, run <code>make setup</code>
in a clone with Node 20, or install the released package.</p></html>
"""


def handlers(directory: Path | None) -> Sequence[HTTPRouteHandler]:
    """The routes that serve a build, read once; those of a plain page where there is none."""
    files = {} if directory is None else _read(directory)
    index = files.get("index.html", NOT_BUILT.encode())

    @get(["/", "/{rest:path}"], opt={"public": True}, include_in_schema=False, sync_to_thread=False)
    def page(rest: FromPath[str] = "") -> Response[bytes]:
        """The one page, whatever the address: the page itself finds out what to show."""
        name = rest.removeprefix("/")
        if name.startswith("api/"):
            raise NotFound("There is no such path.")
        content = files.get(name)
        if content is None or name in {"", "index.html"}:
            return Response(index, media_type="text/html; charset=utf-8", headers={"cache-control": "no-cache"})
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        caching = FOREVER if name.startswith("assets/") else "no-cache"
        return Response(content, media_type=kind, headers={"cache-control": caching})

    return (page,)


def _read(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
