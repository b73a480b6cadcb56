"""Whose rows a task may see."""

import asyncio

from anyapi.storage.tenant import EVERYBODY, only, tenant


def test_within_the_block_one_account_and_before_and_after_all():
    with only("acme"):
        with only("other"):
            assert tenant() == "other"
        assert tenant() == "acme"
    assert tenant() == EVERYBODY


def test_threads_of_a_task_work_for_its_tenant_and_tasks_do_not_mix():
    async def one(account):
        with only(account):
            await asyncio.sleep(0)
            return await asyncio.to_thread(tenant)

    async def both():
        return await asyncio.gather(one("a"), one("b"), asyncio.to_thread(tenant))

    assert asyncio.run(both()) == ["a", "b", EVERYBODY]
