"""Which rows a call may see, by its path."""

import asyncio

from litestar import Litestar, get
from litestar.params import FromPath
from litestar.testing import TestClient

from anyapi.control.tenants import for_one_account
from anyapi.control.threads import in_thread
from anyapi.storage.tenant import tenant


@get("/one/{account:str}")
@in_thread
def in_a_thread(account: FromPath[str]) -> str:
    return tenant()


@get("/task/{account:str}")
async def in_a_task(account: FromPath[str]) -> str:
    return await asyncio.create_task(asyncio.to_thread(tenant))


@get("/all")
@in_thread
def of_all() -> str:
    return tenant()


def test_a_call_is_for_the_account_of_its_path_and_the_next_is_not():
    with TestClient(Litestar([in_a_thread, in_a_task, of_all], middleware=[for_one_account])) as client:
        assert [client.get(path).text for path in ("/one/acme", "/all", "/task/other", "/all")] == ["acme", "*", "other", "*"]
