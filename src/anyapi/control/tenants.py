"""A call about one account sees the rows of no other: what stands in the path decides, or whose the provisioning key is.

Who may call it is for the guard to say (`permissions`); this is the wall behind it, which PostgreSQL holds.
"""

import functools
from collections.abc import Callable, Coroutine
from typing import ParamSpec, TypeVar, cast

from litestar.types import ASGIApp, Receive, Scope, Send

from anyapi.storage.rows import ProvisioningKeyRow
from anyapi.storage.tenant import EVERYBODY, only

P = ParamSpec("P")
T = TypeVar("T")


def for_one_account(app: ASGIApp) -> ASGIApp:
    """The middleware: calls whose path names an account are answered for it alone."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        with only(scope["path_params"].get("account", EVERYBODY)):
            await app(scope, receive, send)

    return run


def for_the_provisioner(handler: Callable[P, Coroutine[None, None, T]]) -> Callable[P, Coroutine[None, None, T]]:
    """The same handler, answering for the account of its argument `provisioner` alone."""

    @functools.wraps(handler)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with only(cast("ProvisioningKeyRow", kwargs["provisioner"]).account):
            return await handler(*args, **kwargs)

    return run
