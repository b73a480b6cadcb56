"""The storage contract of keys' limits, of what keys spend, and of provisioning keys, against every implementation."""

import threading

import msgspec
import pytest
from tests.conformance.samples import DAY, NOON, key_row, usage_row
from tests.conformance.stores import postgresql

from anyapi.domain.limits import CapPeriod
from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage.rows import AccountRow, ProvisioningKeyRow, SpendingRow
from anyapi.storage.tenant import only

TODAY = int(NOON // DAY)
DAYS = (TODAY - 23, TODAY - 1, TODAY)
"""First days of the month, the week and the day."""


@pytest.fixture
def store(backend):
    with backend.store(NOON) as opened:
        opened.add_account(AccountRow("other", "Other", NOON))
        yield opened


@pytest.fixture
def spend(backend, store):
    sink = backend.usage_sink(NOON)
    numbers = iter(range(100_000))

    def put(*rows):
        for fields in rows:
            sink.accept()
            sink.put(usage_row(next(numbers), **fields))
        sink.flush()

    yield put
    sink.close()


class TestLimits:
    def test_a_key_comes_back_with_its_limits(self, store):
        row = key_row(1, spend_cap=2.5, period=CapPeriod.WEEK, requests_per_minute=60, disabled_at=NOON)
        store.add_key(row)
        assert store.key("key_1") == row
        assert row.lineage == "key_1"

    def test_a_change_of_name_and_limits(self, store):
        store.add_key(key_row(1))
        change = {"name": "new", "spend_cap": 0.0, "period": CapPeriod.DAY, "requests_per_minute": 1, "disabled_at": NOON}
        changed = store.change_key("key_1", lambda row: msgspec.structs.replace(row, **change))
        assert changed == store.key("key_1") == key_row(1, **change)
        back = store.change_key("key_1", lambda row: msgspec.structs.replace(row, spend_cap=None, disabled_at=None))
        assert (back.spend_cap, back.disabled_at) == (None, None)

    @pytest.mark.parametrize(
        "change",
        [
            {"id": "key_2"},
            {"sha256": b"x" * 32},
            {"account": "other"},
            {"created_at": 0.0},
            {"expires_at": NOON + 5},
            {"revoked_at": NOON},
            {"lineage": "key_2"},
        ],
    )
    def test_nothing_else_is_changed(self, store, change):
        store.add_key(key_row(1))
        with pytest.raises(StorageError):
            store.change_key("key_1", lambda row: msgspec.structs.replace(row, name="new", **change))
        assert store.key("key_1") == key_row(1)

    def test_what_the_change_raises_is_passed_on_and_changes_nothing(self, store):
        store.add_key(key_row(1))
        with pytest.raises(ZeroDivisionError):
            store.change_key("key_1", lambda row: 1 / 0)
        assert store.change_key("key_1", lambda row: row) == key_row(1)

    def test_no_such_key(self, store):
        assert store.change_key("key_1", lambda row: row) is None
        assert store.replace_key("key_1", key_row(2), NOON) is None
        assert store.keys() == []

    def test_two_changes_at_once_see_each_other(self, store):
        store.add_key(key_row(1, requests_per_minute=1))

        def more():
            for _ in range(20):
                store.change_key("key_1", lambda row: msgspec.structs.replace(row, requests_per_minute=row.requests_per_minute + 1))

        threads = [threading.Thread(target=more) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.key("key_1").requests_per_minute == 81


class TestAtMost:
    """So many live keys of an account: those that are neither revoked nor at their end."""

    def test_one_more_is_not_added(self, store):
        store.add_key(key_row(1), most=2)
        store.add_key(key_row(2), most=2)
        with pytest.raises(StorageError) as refused:
            store.add_key(key_row(3), Settings(paid_only=True), 2)
        assert refused.value.metadata["code"] == "too_many_keys"
        assert "control.keys_per_account" in refused.value.message
        assert store.settings(Layer.KEY, "key_3") == Settings()
        store.add_key(key_row(3, account="other"), most=2)
        store.add_key(key_row(4))
        assert [row.id for row in store.keys("default")] == ["key_1", "key_2", "key_4"]

    def test_revoked_and_ended_ones_leave_room_and_disabled_ones_do_not(self, store):
        store.add_key(key_row(1, expires_at=NOON))
        store.add_key(key_row(2))
        store.revoke_key("key_2", NOON)
        store.add_key(key_row(3, disabled_at=NOON), most=1)
        with pytest.raises(StorageError):
            store.add_key(key_row(4), most=1)

    def test_a_replacement_counts_beside_the_old_one_until_that_ends(self, store):
        store.add_key(key_row(1))
        with pytest.raises(StorageError):
            store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 60, 1)
        assert [(row.id, row.expires_at) for row in store.keys()] == [("key_1", None)]
        assert store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 1, 1).id == "key_2"

    def test_callers_at_once_do_not_exceed_it(self, store):
        refused = []

        def make(number):
            try:
                store.add_key(key_row(number), most=4)
            except StorageError:
                refused.append(number)

        threads = [threading.Thread(target=make, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(store.keys()), len(refused)) == (4, 4)


class TestReplacing:
    def test_the_new_key_has_all_that_the_old_one_had(self, store):
        store.add_key(key_row(1, spend_cap=1.0, requests_per_minute=5, disabled_at=NOON), Settings(paid_only=True))
        new = store.replace_key("key_1", key_row(2, account="other", created_at=NOON + 1), NOON + 60)
        wanted = key_row(2, created_at=NOON + 1, spend_cap=1.0, requests_per_minute=5, disabled_at=NOON, lineage="key_1")
        assert new == store.key("key_2") == wanted
        assert store.settings(Layer.KEY, "key_2") == Settings(paid_only=True)
        assert store.key("key_1").expires_at == NOON + 60

    @pytest.mark.parametrize("rule", [LogRule(Keeps.NOTHING, 1.0, 30.0), LogRule(Keeps.PROMPTS, 0.25, 7.5)])
    def test_what_is_kept_of_the_old_key_is_kept_of_the_new_one(self, store, rule):
        """Whoever may rotate keys may not decide that: a key that is left out of its account's log stays out."""
        store.add_key(key_row(1))
        store.put_log_rule("default", Layer.KEY, "key_1", rule, NOON)
        store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 60)
        assert store.log_rules("default") == dict.fromkeys([("default", Layer.KEY, "key_1"), ("default", Layer.KEY, "key_2")], rule)

    def test_it_never_lengthens_a_life(self, store):
        store.add_key(key_row(1, expires_at=NOON + 5))
        store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 60)
        assert store.key("key_1").expires_at == NOON + 5

    def test_only_the_newest_and_no_revoked_one(self, store):
        store.add_key(key_row(1))
        store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 60)
        with pytest.raises(StorageError):
            store.replace_key("key_1", key_row(3, created_at=NOON + 2), NOON + 60)
        store.revoke_key("key_2", NOON + 2)
        with pytest.raises(StorageError):
            store.replace_key("key_2", key_row(3, created_at=NOON + 3), NOON + 60)
        assert [row.id for row in store.keys()] == ["key_1", "key_2"]

    def test_all_or_nothing(self, store):
        store.add_key(key_row(1), Settings(paid_only=True))
        store.add_key(key_row(2))
        with pytest.raises(StorageError):
            store.replace_key("key_1", key_row(2), NOON + 60)
        assert store.key("key_1").expires_at is None

    def test_limits_are_those_of_the_whole_chain(self, store):
        store.add_key(key_row(1))
        store.add_key(key_row(9))
        store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 60)
        store.change_key("key_2", lambda row: msgspec.structs.replace(row, name="mine", spend_cap=3.0))
        assert {row.id: (row.name, row.spend_cap) for row in store.keys()} == {
            "key_1": ("", 3.0),
            "key_9": ("", None),
            "key_2": ("mine", 3.0),
        }


class TestSpending:
    def test_sums_by_period(self, store, spend):
        store.add_key(key_row(1))
        spend(*({"key": "key_1", "cost": 0.25, "at": NOON - age * DAY} for age in (0, 0, 1, 2, 30)))
        assert store.spending("default", *DAYS) == [SpendingRow("key_1", 1.25, 1.0, 0.75, 0.5)]

    def test_what_cost_nothing_or_is_nobodys_is_left_out(self, store, spend):
        store.add_key(key_row(1))
        spend({"key": "key_1", "cost": 0.0}, {"key": "key_1", "cost": None}, {"key": "key_nobody", "cost": 1.0})
        assert store.spending("default", *DAYS) == []

    def test_a_row_that_is_there_already_is_not_added_again(self, backend, store):
        store.add_key(key_row(1))
        sink = backend.usage_sink(NOON)
        for _ in range(3):
            sink.put(usage_row(1, key="key_1", cost=0.5))
            sink.flush()
        sink.close()
        assert store.spending("default", *DAYS)[0].total == 0.5

    def test_many_rows_in_one_batch(self, store, spend):
        for number in range(5):
            store.add_key(key_row(number))
        spend(*({"key": f"key_{number % 5}", "cost": 0.125} for number in range(1000)))
        assert [row.total for row in store.spending("default", *DAYS)] == [25.0] * 5

    def test_by_account_and_of_all_that_a_cap_holds(self, store, spend):
        store.add_key(key_row(1, spend_cap=1.0))
        store.add_key(key_row(2, account="other", spend_cap=1.0))
        store.add_key(key_row(3))
        store.add_key(key_row(4, spend_cap=1.0, revoked_at=NOON))
        spend(*({"key": f"key_{number}", "account": "other" if number == 2 else "default", "cost": 0.5} for number in range(1, 5)))
        assert [row.key for row in store.spending("default", *DAYS)] == ["key_1", "key_3", "key_4"]
        assert [row.key for row in store.spending("other", *DAYS)] == ["key_2"]
        assert store.capped_spending(*DAYS) == {"key_1": 0.5, "key_2": 0.5}

    def test_each_cap_has_its_period(self, store, spend):
        for number, period in enumerate(CapPeriod):
            store.add_key(key_row(number, spend_cap=1.0, period=period))
            spend(*({"key": f"key_{number}", "cost": 1.0, "at": NOON - age * DAY} for age in (0, 1, 2, 30)))
        assert store.capped_spending(*DAYS) == {"key_0": 1.0, "key_1": 2.0, "key_2": 3.0, "key_3": 4.0}

    def test_keys_that_replaced_each_other_spend_together(self, store, spend):
        store.add_key(key_row(1))
        spend({"key": "key_1", "cost": 0.5})
        store.replace_key("key_1", key_row(2, created_at=NOON + 1), NOON + 60)
        spend({"key": "key_2", "cost": 0.25}, {"key": "key_1", "cost": 0.25})
        assert [(row.key, row.total) for row in store.spending("default", *DAYS)] == [("key_1", 1.0), ("key_2", 1.0)]

    def test_it_outlives_the_rows(self, store, spend):
        store.add_key(key_row(1))
        spend(*({"key": "key_1", "cost": 0.5, "at": NOON - age * DAY} for age in (0, 100)))
        while store.purge_usage(NOON + 10 * DAY, 0.0):
            pass
        assert store.spending("default", *DAYS) == [SpendingRow("key_1", 1.0, 0.5, 0.5, 0.5)]

    def test_old_days_become_one_sum(self, store, spend):
        store.add_key(key_row(1))
        spend(*({"key": "key_1", "cost": 0.5, "at": NOON - age * DAY} for age in (0, 61, 62, 100, 200)))
        for _ in range(2):
            store.fold_spending(TODAY - 62)
            assert store.spending("default", *DAYS) == [SpendingRow("key_1", 2.5, 0.5, 0.5, 0.5)]
        assert store.spending("default", TODAY - 62, TODAY - 61, 1)[0] == SpendingRow("key_1", 2.5, 1.5, 1.0, 1.5)
        spend({"key": "key_1", "cost": 0.5, "at": NOON - 100 * DAY})
        store.fold_spending(TODAY - 62)
        assert store.spending("default", 1, 1, 1)[0] == SpendingRow("key_1", 3.0, 1.5, 1.5, 1.5)


class TestProvisioningKeys:
    ONE = ProvisioningKeyRow("prov_1", "anyapi_pk_Ab3d", b"1" * 32, "default", NOON, "terraform")
    TWO = ProvisioningKeyRow("prov_2", "anyapi_pk_Ab3d", b"2" * 32, "other", NOON)

    def test_each_is_its_accounts(self, store):
        store.add_provisioning_key(self.ONE)
        store.add_provisioning_key(self.TWO)
        assert store.provisioning_keys("default") == [self.ONE]
        assert store.provisioning_key(b"2" * 32) == self.TWO
        assert store.provisioning_key(b"3" * 32) is None
        assert store.key("prov_1") is None

    @pytest.mark.parametrize("change", [{"id": "prov_1"}, {"sha256": b"1" * 32}, {"account": "nobody"}])
    def test_each_is_there_once_and_somebodys(self, store, change):
        store.add_provisioning_key(self.ONE)
        with pytest.raises(StorageError):
            store.add_provisioning_key(msgspec.structs.replace(self.TWO, **change))

    def test_a_revoked_one_is_not_found(self, store):
        store.add_provisioning_key(self.ONE)
        assert store.revoke_provisioning_key("other", "prov_1", NOON + 1) is False
        assert store.revoke_provisioning_key("default", "prov_1", NOON + 1) is True
        assert store.revoke_provisioning_key("default", "prov_1", NOON + 2) is False
        assert store.provisioning_key(b"1" * 32) is None
        assert store.provisioning_keys("default") == [msgspec.structs.replace(self.ONE, revoked_at=NOON + 1)]


@pytest.mark.parametrize("backend", [postgresql], indirect=True)
class TestTheWall:
    """Another account's rows, if a statement should ever forget to ask for the account: PostgreSQL holds it, SQLite has none."""

    def test_spending_and_provisioning_keys(self, store, spend):
        store.add_key(key_row(1, spend_cap=1.0))
        store.add_key(key_row(2, account="other", spend_cap=1.0))
        store.add_provisioning_key(TestProvisioningKeys.ONE)
        spend({"key": "key_1", "cost": 0.5}, {"key": "key_2", "account": "other", "cost": 0.25})
        assert store.capped_spending(*DAYS) == {"key_1": 0.5, "key_2": 0.25}
        with only("other"):
            assert store.capped_spending(*DAYS) == {"key_2": 0.25}
            assert store.spending("default", *DAYS) == []
            assert store.provisioning_keys("default") == []
            assert store.provisioning_key(b"1" * 32) is None
            assert store.change_key("key_1", lambda row: row) is None
            assert store.replace_key("key_1", key_row(3), NOON) is None
            with pytest.raises(StorageError):
                store.add_provisioning_key(msgspec.structs.replace(TestProvisioningKeys.ONE, id="prov_9", sha256=b"9" * 32))
