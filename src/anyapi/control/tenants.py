"""A call about one account sees the rows of no other: what stands in the path decides, before any handler runs.

Who may call it is for the guard to say (`permissions`); this is the wall behind it, which PostgreSQL holds.
"""

from litestar.types import ASGIApp, Receive, Scope, Send

from anyapi.storage.tenant import EVERYBODY, only


def for_one_account(app: ASGIApp) -> ASGIApp:
    """The middleware: calls whose path names an account are answered for it alone."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        with only(scope["path_params"].get("account", EVERYBODY)):
            await app(scope, receive, send)

    return run
