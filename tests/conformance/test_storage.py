"""The storage contract, MUST by MUST, against every implementation."""

import asyncio
import datetime as dt
import json
import math
import threading
from itertools import pairwise

import msgspec
import pytest
from tests.conformance.samples import DAY, NOON, contradiction, credential_row, decision_record, key_row, usage_row
from tests.conformance.stores import entered

from anyapi.domain.call import App
from anyapi.domain.data_policy import Confidence, Retention, RetentionKind
from anyapi.domain.evidence import EvidenceCode
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Agreement, Tier
from anyapi.domain.usage import LATENCY_BOUNDS, TokenCount, UsageSource
from anyapi.errors import StorageError
from anyapi.storage.rows import AccountRow, Declared, ProjectRow, UsageGroup, UsageTimes, UsageTotal

EVERYTHING = (0.0, NOON + 1000 * DAY)


@pytest.fixture
def store(backend):
    with backend.store(NOON) as opened:
        yield opened


@pytest.fixture
def usage_sink(backend, store):
    sink = backend.usage_sink(NOON)
    yield sink
    sink.close()


def written(sink, *rows):
    for row in rows:
        sink.accept()
        sink.put(row)
    sink.flush()


class TestAccountsAndProjects:
    def test_a_new_store_has_the_default_account(self, store):
        assert store.accounts() == [AccountRow("default", "Default account", NOON)]

    def test_opening_again_changes_nothing(self, backend, store):
        with backend.store(NOON + 5) as again:
            assert again.accounts() == [AccountRow("default", "Default account", NOON)]

    def test_accounts_are_ordered_by_id(self, store):
        store.add_account(AccountRow("zeta", "Z", NOON, 7.0))
        store.add_account(AccountRow("alpha", "A", NOON))
        assert [account.id for account in store.accounts()] == ["alpha", "default", "zeta"]
        assert store.accounts()[2].usage_days == 7.0

    def test_an_account_id_is_taken_once(self, store):
        with pytest.raises(StorageError):
            store.add_account(AccountRow("default", "again", NOON))

    def test_a_project_needs_its_account(self, store):
        with pytest.raises(StorageError):
            store.add_project(ProjectRow("web", "nobody", "Web", NOON))
        assert store.projects() == []

    def test_a_project_id_is_taken_once_over_all_accounts(self, store):
        store.add_account(AccountRow("other", "Other", NOON))
        store.add_project(ProjectRow("web", "default", "Web", NOON))
        with pytest.raises(StorageError):
            store.add_project(ProjectRow("web", "other", "Web", NOON))
        assert store.projects() == [ProjectRow("web", "default", "Web", NOON)]


class TestKeys:
    def test_a_key_comes_back_as_it_was_put(self, store):
        store.add_project(ProjectRow("web", "default", "Web", NOON))
        row = key_row(1, project="web", name="laptop", expires_at=NOON + DAY)
        store.add_key(row)
        assert store.key("key_1") == row
        assert store.keys() == [row]

    def test_none_for_an_id_that_is_not_there(self, store):
        assert store.key("key_1") is None
        assert store.revoke_key("key_1", NOON) is None

    def test_oldest_first_then_by_id(self, store):
        for number, at in ((3, NOON), (1, NOON + 9), (2, NOON)):
            store.add_key(key_row(number, created_at=at))
        assert [key.id for key in store.keys()] == ["key_2", "key_3", "key_1"]

    def test_keys_of_one_account(self, store):
        store.add_account(AccountRow("other", "Other", NOON))
        store.add_key(key_row(1))
        store.add_key(key_row(2, account="other"))
        assert [key.id for key in store.keys("other")] == ["key_2"]

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"id": "key_1"}, id="id"),
            pytest.param({"sha256": (1).to_bytes(32, "big")}, id="hash"),
            pytest.param({"account": "nobody"}, id="account"),
            pytest.param({"project": "theirs"}, id="project of another account"),
            pytest.param({"project": "nothing"}, id="project"),
        ],
    )
    def test_refused(self, store, changes):
        store.add_account(AccountRow("other", "Other", NOON))
        store.add_project(ProjectRow("theirs", "other", "Theirs", NOON))
        store.add_key(key_row(1))
        with pytest.raises(StorageError):
            store.add_key(key_row(2, **changes))
        assert [key.id for key in store.keys()] == ["key_1"]

    def test_a_key_and_its_settings_appear_together(self, store):
        store.add_key(key_row(1), Settings(retention_days=0.0))
        assert store.settings(Layer.KEY, "key_1") == Settings(retention_days=0.0)

    def test_a_refused_key_leaves_no_settings(self, store):
        store.add_key(key_row(1))
        with pytest.raises(StorageError):
            store.add_key(key_row(1), Settings(retention_days=0.0))
        assert store.all_settings() == {}

    def test_a_key_is_given_an_end_that_never_moves_back(self, store):
        store.add_key(key_row(1))
        assert store.end_key("key_1", NOON + 50).expires_at == NOON + 50
        assert store.end_key("key_1", NOON + 90).expires_at == NOON + 50
        assert store.end_key("key_1", NOON + 20).expires_at == NOON + 20
        assert store.end_key("key_9", NOON) is None

    def test_revoking_keeps_the_first_time(self, store):
        store.add_key(key_row(1))
        assert store.revoke_key("key_1", NOON + 5).revoked_at == NOON + 5
        assert store.revoke_key("key_1", NOON + 9).revoked_at == NOON + 5
        assert [key.revoked_at for key in store.keys()] == [NOON + 5]

    def test_another_connection_sees_a_change_at_once(self, backend, store):
        store.add_key(key_row(1))
        with backend.store(NOON) as other:
            other.revoke_key("key_1", NOON)
        assert store.key("key_1").revoked_at == NOON


FULL = Settings(
    training_allowed=False,
    retention_days=0.5,
    paid_only=True,
    certifications=frozenset({"soc2", "iso27001"}),
    regions=frozenset({"eu"}),
    providers_only=frozenset({"groq"}),
    providers_ignore=frozenset({"openai", "xai"}),
    human_review_allowed=False,
    min_confidence=Confidence.PRIMARY,
    flagged_copies_counted=True,
    data_class=DataClass.CONFIDENTIAL,
    more_classes=frozenset({DataClass.REGULATED}),
)


class TestCredentials:
    DECLARED = Declared(
        region="eu",
        caller_region="de",
        account_states=frozenset({"safety-retention"}),
        terms=frozenset({"addendum"}),
        variables={"resource": "acme-eu"},
        agreements=(
            Agreement(
                id="zdr-1",
                provider="openai",
                attested_by="Ada",
                document="order form",
                valid_from=dt.date(2026, 1, 1),
                valid_until=dt.date(2027, 1, 1),
                models=("openai/*",),
                retention=Retention(RetentionKind.ZERO, 0.0),
                regions=frozenset({"eu"}),
            ),
        ),
    )

    def test_a_credential_comes_back_as_it_was_put(self, store):
        row = credential_row(1, tier=Tier.FREE, name="laptop", declared=self.DECLARED, version=2**53)
        store.add_credential(row)
        assert store.credential(row.id) == row
        assert store.credentials() == [row]

    def test_none_for_an_id_that_is_not_there(self, store):
        assert store.credential("own:1") is None
        assert store.revoke_credential("own:1", NOON) is None
        assert store.change_credential("own:1", lambda row: row) is None

    def test_an_id_is_taken_once_and_an_account_is_needed(self, store):
        store.add_credential(credential_row(1))
        with pytest.raises(StorageError):
            store.add_credential(credential_row(1, provider="anthropic"))
        with pytest.raises(StorageError):
            store.add_credential(credential_row(2, account="nobody"))
        assert [row.provider for row in store.credentials()] == ["openai"]

    def test_oldest_first_then_by_id_and_of_one_account(self, store):
        store.add_account(AccountRow("other", "Other", NOON))
        for number, at, account in ((3, NOON, "default"), (1, NOON + 9, "other"), (2, NOON, "default")):
            store.add_credential(credential_row(number, created_at=at, account=account))
        ids = [credential_row(number).id for number in (2, 3, 1)]
        assert [row.id for row in store.credentials()] == ids
        assert [row.id for row in store.credentials("default")] == ids[:2]
        assert store.credentials("nobody") == []

    def test_revoked_once_and_its_secret_is_gone(self, store, backend):
        row = credential_row(1, wrapped=b"W" * 60, ciphertext=b"C" * 60, declared=self.DECLARED)
        store.add_credential(row)
        revoked = store.revoke_credential(row.id, NOON + 5)
        assert revoked == msgspec.structs.replace(row, disabled_at=NOON + 5, declared=Declared(), wrapped=b"", ciphertext=b"")
        assert store.revoke_credential(row.id, NOON + 6) == revoked
        with backend.store(NOON) as again:
            assert again.credentials() == [revoked]

    def test_changed_in_what_may_change(self, store):
        row = credential_row(1)
        store.add_credential(row)
        after = msgspec.structs.replace(
            row, tier=Tier.UNDECLARED, name="n", declared=self.DECLARED, key_id="ff", wrapped=b"w", ciphertext=b"c", version=2
        )
        assert store.change_credential(row.id, lambda _: after) == after
        assert store.credential(row.id) == after

    @pytest.mark.parametrize(
        "change", [{"account": "other"}, {"provider": "x"}, {"id": "own:2"}, {"created_at": 0.0}, {"disabled_at": NOON}], ids=str
    )
    def test_what_is_fixed_stays(self, store, change):
        store.add_account(AccountRow("other", "Other", NOON))
        row = credential_row(1)
        store.add_credential(row)
        with pytest.raises(StorageError, match="cannot be changed"):
            store.change_credential(row.id, lambda before: msgspec.structs.replace(before, **change))
        assert store.credentials() == [row]

    def test_a_revoked_one_is_not_changed(self, store):
        row = credential_row(1)
        store.add_credential(row)
        store.revoke_credential(row.id, NOON)
        with pytest.raises(StorageError, match="revoked"):
            store.change_credential(row.id, lambda before: msgspec.structs.replace(before, ciphertext=b"back again"))
        assert store.credential(row.id).ciphertext == b""

    def test_a_change_that_raises_changes_nothing(self, store):
        row = credential_row(1)
        store.add_credential(row)
        with pytest.raises(KeyError):
            store.change_credential(row.id, lambda _: {}["no"])
        assert store.credential(row.id) == row

    def test_of_many_changes_at_once_none_is_lost(self, store):
        store.add_credential(credential_row(1, version=0))

        def count():
            for _ in range(20):
                store.change_credential(credential_row(1).id, lambda row: msgspec.structs.replace(row, version=row.version + 1))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.credential(credential_row(1).id).version == 80


class TestSettings:
    @pytest.mark.parametrize(
        "settings", [FULL, Settings(), Settings(regions=frozenset(), providers_only=frozenset())], ids=["full", "nothing", "empty sets"]
    )
    def test_settings_come_back_as_they_were_put(self, store, settings):
        assert store.change_settings(Layer.ACCOUNT, "default", lambda _: settings, NOON) == settings
        assert store.settings(Layer.ACCOUNT, "default") == settings
        assert store.all_settings() == {(Layer.ACCOUNT, "default"): settings}

    def test_nothing_put_is_nothing_asked(self, store):
        assert store.settings(Layer.ACCOUNT, "default") == Settings()
        assert store.all_settings() == {}

    def test_every_stored_layer(self, store):
        store.add_project(ProjectRow("web", "default", "Web", NOON))
        store.add_key(key_row(1))
        subjects = [(Layer.GATEWAY, ""), (Layer.ACCOUNT, "default"), (Layer.PROJECT, "web"), (Layer.KEY, "key_1")]
        for number, (layer, subject) in enumerate(subjects):
            store.change_settings(layer, subject, lambda _, days=number: Settings(retention_days=float(days)), NOON)
        assert store.all_settings() == {subject: Settings(retention_days=float(number)) for number, subject in enumerate(subjects)}

    @pytest.mark.parametrize(
        ("layer", "subject"),
        [(Layer.REQUEST, ""), (Layer.GATEWAY, "x"), (Layer.ACCOUNT, "nobody"), (Layer.PROJECT, "default"), (Layer.KEY, "")],
    )
    def test_an_unknown_subject_is_refused(self, store, layer, subject):
        with pytest.raises(StorageError, match=layer.value):
            store.change_settings(layer, subject, lambda _: FULL, NOON)
        assert store.all_settings() == {}

    def test_a_change_sees_what_was_there(self, store):
        store.change_settings(Layer.GATEWAY, "", lambda _: Settings(retention_days=7.0), NOON)
        seen = []
        store.change_settings(Layer.GATEWAY, "", lambda current: seen.append(current) or FULL, NOON)
        assert seen == [Settings(retention_days=7.0)]

    def test_a_change_that_raises_changes_nothing(self, store):
        store.change_settings(Layer.GATEWAY, "", lambda _: FULL, NOON)

        def fails(_):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.change_settings(Layer.GATEWAY, "", fails, NOON)
        assert store.settings(Layer.GATEWAY, "") == FULL
        store.add_account(AccountRow("later", "the store works on", NOON))

    def test_no_tightening_is_lost_between_two_processes(self, backend, store):
        """While one change is being made, another one waits for it instead of overwriting it."""
        with backend.store(NOON) as other:
            other_seen = []

            def first(current):
                thread = threading.Thread(
                    target=lambda: other.change_settings(
                        Layer.GATEWAY, "", lambda now: other_seen.append(now) or msgspec.structs.replace(now, paid_only=True), NOON
                    )
                )
                thread.start()
                threads.append(thread)
                return msgspec.structs.replace(current, training_allowed=False)

            threads = []
            store.change_settings(Layer.GATEWAY, "", first, NOON)
            threads[0].join()
            assert other_seen == [Settings(training_allowed=False)]
            assert store.settings(Layer.GATEWAY, "") == Settings(training_allowed=False, paid_only=True)


def first_tokens(requests):
    """So many of the samples' time to the first token, an eighth of a second."""
    return tuple(requests if low < 0.125 <= high else 0 for low, high in pairwise((0.0, *LATENCY_BOUNDS, math.inf)))


class TestUsage:
    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({}, id="everything"),
            pytest.param(
                {
                    "project": "web",
                    "app": App(),
                    "provider": None,
                    "endpoint": None,
                    "credential": None,
                    "data_class": None,
                    "streamed": False,
                    "first_token": None,
                    "cost": None,
                    "tokens": TokenCount(),
                    "source": UsageSource.UNKNOWN,
                },
                id="little",
            ),
        ],
    )
    def test_a_row_comes_back_as_it_was_put(self, store, usage_sink, changes):
        row = usage_row(1, **changes)
        written(usage_sink, row)
        assert store.usage_rows(*EVERYTHING) == [row]

    def test_newest_first_within_bounds_and_limit(self, store, usage_sink):
        written(usage_sink, *[usage_row(number) for number in range(10)])
        found = store.usage_rows(NOON + 2, NOON + 8, limit=3)
        assert [row.at - NOON for row in found] == [7, 6, 5]
        assert [row.at - NOON for row in store.usage_rows(NOON + 2, NOON + 4)] == [3, 2]

    def test_one_account(self, store, usage_sink):
        written(usage_sink, usage_row(1), usage_row(2, account="other"))
        assert [row.account for row in store.usage_rows(*EVERYTHING, account="other")] == ["other"]
        assert [total.label for total in store.usage_totals(UsageGroup.ACCOUNT, *EVERYTHING, account="other")] == ["other"]

    def test_one_row_for_one_decision(self, store, usage_sink):
        written(usage_sink, usage_row(1))
        usage_sink.put(usage_row(1, status=500))
        usage_sink.put(usage_row(2))
        usage_sink.put(usage_row(2))
        usage_sink.flush()
        assert [row.status for row in store.usage_rows(*EVERYTHING)] == [200, 200]
        assert usage_sink.state.duplicates == 2

    def test_a_second_row_of_a_decision_is_in_no_sum(self, store, usage_sink):
        written(usage_sink, usage_row(1))
        for number in (2, 1, 3, 3, 4, 1):
            usage_sink.put(usage_row(number))
        usage_sink.flush()
        assert [total.requests for total in store.usage_totals(UsageGroup.ACCOUNT, *EVERYTHING)] == [4]
        assert (usage_sink.state.written, usage_sink.state.duplicates) == (4, 3)

    def test_pages_neither_miss_nor_repeat_rows_of_one_instant(self, store, usage_sink):
        written(usage_sink, *[usage_row(number, at=NOON + number // 4) for number in range(10)])
        for account in (None, "default"):
            page, seen = store.usage_rows(*EVERYTHING, account, 3), []
            while page:
                seen += [row.decision for row in page]
                page = store.usage_rows(0.0, page[-1].at, account, 3, page[-1].decision)
            assert seen == [usage_row(number).decision for number in reversed(range(10))]

    def test_many_rows(self, store, usage_sink):
        written(usage_sink, *[usage_row(number) for number in range(1000)])
        assert len(store.usage_rows(*EVERYTHING, limit=2000)) == 1000
        assert (usage_sink.state.written, usage_sink.state.waiting, usage_sink.state.lost) == (1000, 0, 0)

    def test_close_writes_what_waits(self, store, usage_sink):
        for number in range(300):
            usage_sink.accept()
            usage_sink.put(usage_row(number))
        usage_sink.close()
        usage_sink.close()
        assert len(store.usage_rows(*EVERYTHING)) == 300

    def test_an_accepted_request_without_a_row_becomes_unknown(self, backend, store):
        sink = backend.usage_sink(NOON)
        sink.accept()
        sink.accept()
        sink.put(usage_row(1))
        sink.close()
        backend.usage_sink(NOON).close()
        rows = store.usage_rows(*EVERYTHING)
        assert sorted((row.outcome, row.source) for row in rows) == [("success", "measured"), ("unknown", "unknown")]

    def test_totals(self, store, usage_sink):
        written(
            usage_sink,
            usage_row(1),
            usage_row(2, outcome="timed_out", cost=None, source=UsageSource.ESTIMATED, model="b/b", evidence="retained"),
            usage_row(3, at=NOON + DAY, provider=None, host="deepseek", evidence="agreed"),
        )
        assert store.usage_totals(UsageGroup.DAY, *EVERYTHING) == [
            UsageTotal("2026-11-24", 2, 1, 200, 40, 20, 10, 0.25, 1, 1, 1),
            UsageTotal("2026-11-25", 1, 1, 100, 20, 10, 5, 0.25, 0, 0, 0),
        ]
        assert [total.label for total in store.usage_totals(UsageGroup.HOUR, *EVERYTHING)] == ["2026-11-24 12:00", "2026-11-25 12:00"]
        labels = {by: [total.label for total in store.usage_totals(by, *EVERYTHING)] for by in UsageGroup}
        assert labels == {
            "day": ["2026-11-24", "2026-11-25"],
            "hour": ["2026-11-24 12:00", "2026-11-25 12:00"],
            "model": ["anthropic/claude-3.5-sonnet", "b/b"],
            "provider": ["-", "sim-zero"],
            "key": ["key_1"],
            "account": ["default"],
            "outcome": ["success", "timed_out"],
            "host": ["-", "deepseek"],
            "evidence": ["-", "agreed", "retained"],
            "app": ["app"],
        }

    def test_apps_go_by_their_name_or_else_their_id(self, store, usage_sink):
        written(usage_sink, usage_row(1, app=App(id="a1", name="chat")), usage_row(2, app=App(id="a2")), usage_row(3, app=App()))
        assert [total.label for total in store.usage_totals(UsageGroup.APP, *EVERYTHING)] == ["-", "a2", "chat"]

    def test_latency_counts_answered_requests_in_buckets(self, store, usage_sink):
        bounds = LATENCY_BOUNDS
        durations = (0.0, bounds[0], bounds[0] + 1e-6, bounds[3], bounds[-1], bounds[-1] + 1)
        written(usage_sink, *(usage_row(number, duration=duration) for number, duration in enumerate(durations)))
        written(usage_sink, usage_row(90, outcome="timed_out", duration=1.0), usage_row(91, account="other", model="b/b", duration=1.0))
        model, last = "anthropic/claude-3.5-sonnet", len(bounds)
        (found,) = store.usage_times(UsageGroup.MODEL, *EVERYTHING, account="default")
        counted = {0: 2, 1: 1, 3: 1, last - 1: 1, last: 1}
        assert found == UsageTimes(model, tuple(counted.get(place, 0) for place in range(last + 1)), first_tokens(6))
        assert [one.label for one in store.usage_times(UsageGroup.MODEL, *EVERYTHING)] == [model, "b/b"]
        assert [one.label for one in store.usage_times(UsageGroup.OUTCOME, *EVERYTHING)] == ["success"]
        assert store.usage_times(UsageGroup.MODEL, NOON + 2 * DAY, NOON + 3 * DAY) == []

    def test_answers_without_a_first_token_are_counted_by_their_response_time_alone(self, store, usage_sink):
        written(usage_sink, usage_row(1, first_token=None), usage_row(2))
        (found,) = store.usage_times(UsageGroup.KEY, *EVERYTHING)
        assert (sum(found.duration), found.first_token) == (2, first_tokens(1))

    def test_totals_of_nothing(self, store, usage_sink):
        written(usage_sink, usage_row(1))
        assert store.usage_totals(UsageGroup.DAY, NOON + 2, NOON + 3) == []

    def test_what_an_account_says_it_signed_stands_in_the_audit_log_without_names(self, store, backend):
        day = dt.date(2026, 1, 1)
        signed = Agreement(
            "zdr", "openai", "Ann Example", "order 7", day, dt.date(2027, 1, 1), retention=Retention(RetentionKind.ZERO, 0.0)
        )
        with_it = Declared(agreements=(signed,))
        store.add_credential(credential_row(1))
        store.add_credential(credential_row(2, declared=with_it))
        for declared in (with_it, with_it, Declared()):
            store.change_credential(credential_row(1).id, lambda row, declared=declared: msgspec.structs.replace(row, declared=declared))
        found = entered(backend.driver, "agreements")
        assert [(each["credential"], len(json.loads(each["agreements"]))) for each in found] == [
            (credential_row(2).id, 1),
            (credential_row(1).id, 1),
            (credential_row(1).id, 0),
        ]
        assert json.loads(found[0]["agreements"])[0]["retention"]["kind"] == "zero"
        assert not any(word in json.dumps(found) for word in ("Ann", "order 7", "zdr"))

    def test_an_account_says_how_long_its_rows_are_kept(self, store, backend):
        store.add_account(AccountRow("acme", "Acme", NOON))
        assert store.set_usage_days("acme", 1.5)
        assert {row.id: row.usage_days for row in store.accounts()} == {"acme": 1.5, "default": None}
        assert store.set_usage_days("acme", None)
        assert {row.id: row.usage_days for row in store.accounts()} == {"acme": None, "default": None}
        assert not store.set_usage_days("nobody", 1.0)
        whole = {"kind": "usage_days", "account": "acme"}
        assert entered(backend.driver, "usage_days") == [{**whole, "days": "1.5"}, {**whole, "days": "default"}]

    def test_purging_follows_each_account_and_the_default(self, store, usage_sink):
        store.add_account(AccountRow("short", "Short", NOON, 1.0))
        store.add_account(AccountRow("long", "Long", NOON, 365.0))
        now = NOON + 100 * DAY
        ages = {"default": 91, "stranger": 91, "short": 2, "long": 364}
        for number, (account, days) in enumerate(ages.items()):
            written(usage_sink, usage_row(number, account=account, at=now - days * DAY))
            written(usage_sink, usage_row(number + 10, account=account, at=now - 0.5 * DAY))
        assert store.purge_usage(now) == 3
        assert store.purge_usage(now) == 0
        totals = store.usage_totals(UsageGroup.ACCOUNT, *EVERYTHING)
        assert [(total.label, total.requests) for total in totals] == [("default", 1), ("long", 2), ("short", 1), ("stranger", 1)]
        left = [(row.account, (now - row.at) / DAY) for row in store.usage_rows(*EVERYTHING)]
        assert sorted(left) == [("default", 0.5), ("long", 0.5), ("long", 364.0), ("short", 0.5), ("stranger", 0.5)]

    def test_purging_goes_in_small_batches_and_takes_a_default(self, store, usage_sink):
        written(usage_sink, *[usage_row(number) for number in range(10)])
        now = NOON + 2 * DAY
        left = []
        for _ in range(4):
            gone = store.purge_usage(now, default_days=1.0, batch=4)
            left.append((gone, sum(total.requests for total in store.usage_totals(UsageGroup.KEY, *EVERYTHING))))
        assert left == [(4, 6), (4, 2), (2, 0), (0, 0)]

    def test_the_version_changes_with_the_rows_of_the_account_alone(self, store, usage_sink):
        versions = [store.usage_version("default")]
        for number in range(3):
            written(usage_sink, usage_row(number), usage_row(10 + number, account="other"))
            versions.append(store.usage_version("default"))
        written(usage_sink, usage_row(20, account="other"))
        assert store.usage_version("default") == versions[-1]
        assert len(set(versions)) == len(versions)
        store.purge_usage(NOON + 2 * DAY, default_days=1.0, batch=2)
        assert store.usage_version("default") != versions[-1]


class TestContradictions:
    def put(self, backend, *found):
        sink = backend.contradiction_sink()
        for one in found:
            sink.put(one)
        sink.flush()
        sink.close()

    def test_they_come_back_as_they_were_put_oldest_first(self, backend, store):
        later = contradiction(3, code=EvidenceCode.OTHER_HOST, host="unrecognised")
        self.put(backend, later, contradiction(1), contradiction(2, code=EvidenceCode.STORED))
        assert store.contradictions() == [contradiction(1), contradiction(2, code=EvidenceCode.STORED), later]

    def test_the_first_of_its_kind_counts(self, backend, store):
        again = contradiction(1, decision="dec_again", at=NOON + 99)
        self.put(backend, contradiction(1), again)
        self.put(backend, again, contradiction(1, credential="another"), contradiction(1, code=EvidenceCode.STORED))
        kept = {(row.credential, row.code, row.decision) for row in store.contradictions()}
        first = contradiction(1).decision
        assert kept == {("env:XAI", "retained", first), ("another", "retained", first), ("env:XAI", "stored", first)}

    def test_whoever_reads_what_waits_and_then_the_store_sees_all(self, backend, store):
        sink = backend.contradiction_sink()
        missing = []
        for number in range(200):
            sink.put(contradiction(number))
            seen = {row.endpoint for row in (*sink.waiting(), *store.contradictions())}
            missing += [number for number in range(number + 1) if contradiction(number).endpoint not in seen]
        sink.close()
        assert missing == []
        assert sink.waiting() == ()

    def test_clearing_keeps_it_and_what_comes_after_is_new(self, backend, store):
        self.put(backend, contradiction(1), contradiction(1, credential="another"), contradiction(2))
        assert store.clear_contradictions("xai/grok-1", "another", NOON + 5) == 1
        assert store.clear_contradictions("xai/grok-1", None, NOON + 6) == 1
        assert store.clear_contradictions("xai/grok-1", None, NOON + 7) == 0
        assert store.clear_contradictions("nothing", None, NOON + 7) == 0
        assert [row.cleared_at for row in store.contradictions()] == [NOON + 6, NOON + 5, None]
        self.put(backend, contradiction(1, at=NOON + 9))
        assert [(row.endpoint, row.cleared_at) for row in store.contradictions()][-1] == ("xai/grok-1", None)

    def test_another_connection_sees_a_clearing_at_once(self, backend, store):
        self.put(backend, contradiction(1))
        with backend.store(NOON) as other:
            other.clear_contradictions("xai/grok-1", None, NOON)
        assert store.contradictions()[0].cleared_at == NOON


class TestDecisions:
    def recorded(self, backend, *records):
        async def run():
            sink = backend.decision_sink()
            try:
                return await asyncio.gather(*[sink.record(record) for record in records], return_exceptions=True)
            finally:
                sink.close()

        return asyncio.run(run())

    def test_a_record_comes_back_as_it_was_put(self, backend, store):
        record = decision_record(1)
        bare = decision_record(2, data_classes=(), permitted=(), denied=())
        assert self.recorded(backend, record, bare) == [None, None]
        assert store.decision(record.decision) == record
        assert store.decision(bare.decision) == bare
        assert store.decision_count() == 2

    def test_none_for_an_id_that_is_not_there(self, store):
        assert store.decision("dec_x") is None
        assert store.decision_count() == 0

    def test_a_taken_id_fails_alone(self, backend, store):
        assert self.recorded(backend, decision_record(1)) == [None]
        results = self.recorded(backend, decision_record(2), decision_record(1, model="other"), decision_record(3))
        assert [type(result) for result in results] == [type(None), StorageError, type(None)]
        assert store.decision_count() == 3
        assert store.decision(decision_record(1).decision).model != "other"

    def test_records_that_nobody_waits_for(self, backend, store):
        sink = backend.decision_sink()
        for number in range(200):
            sink.put(decision_record(number))
        sink.flush()
        assert store.decision_count() == 200
        sink.put(decision_record(7))
        sink.put(decision_record(200))
        sink.close()
        assert store.decision_count() == 201
        assert sink.state.duplicates == 1

    def test_closed_means_refused(self, backend, store):
        async def run():
            sink = backend.decision_sink()
            sink.close()
            sink.close()
            with pytest.raises(StorageError, match="closed"):
                await sink.record(decision_record(1))
            sink.put(decision_record(2))
            assert sink.state.lost == 1

        asyncio.run(run())
        assert store.decision_count() == 0
