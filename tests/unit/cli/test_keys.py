"""`anyapi keys`, on a real store, without a server and beside one."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time

import pytest
from tests.conformance.samples import usage_row

from anyapi.control.channel import serve_channel
from anyapi.control.publish import build_snapshot
from anyapi.crypto.api_keys import digest
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import PolicyContext
from anyapi.errors import StorageError
from anyapi.policy.merge import DEFAULT_PRESETS
from anyapi.storage.rows import AccountRow, ProjectRow
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter

COMMAND = "keys"
CONTEXT = PolicyContext(Catalogue("v", None, {}, {}))


@pytest.fixture
def store(data_dir):
    with SqliteStore(data_dir) as opened:
        yield opened


class TestCreate:
    def test_the_key_is_alone_on_standard_output_and_only_its_hash_is_kept(self, run, store, data_dir):
        result = run("create")
        secret = result.stdout.strip()
        (row,) = store.keys()
        assert (row.sha256, row.account, row.project, row.expires_at) == (digest(secret.encode()), "default", None, None)
        assert secret.startswith(row.prefix)
        assert row.id in result.stderr
        assert "no server is running" in result.stderr
        kept = b"".join(path.read_bytes() for path in data_dir.iterdir())
        assert secret.encode() not in kept
        assert secret[14:40].encode() not in kept

    def test_json(self, run, store):
        shown = json.loads(run("create", "--name", "laptop", "--json").stdout)
        (row,) = store.keys()
        assert digest(shown["api_key"].encode()) == row.sha256
        assert (shown["id"], shown["name"], shown["state"], shown["data_policy"]) == (row.id, "laptop", "active", {})
        assert shown["confirmation"] == {"snapshot": None, "problem": None}
        assert "sha256" not in shown

    def test_a_data_policy_of_its_own(self, run, store):
        options = "--data-class confidential --retention-days 7 --no-training --paid-only --set regions=eu,de --set providers.ignore=openai"
        shown = json.loads(run("create", *options.split(), "--json").stdout)
        assert store.settings(Layer.KEY, shown["id"]) == Settings(
            data_class=DataClass.CONFIDENTIAL,
            retention_days=7.0,
            training_allowed=False,
            paid_only=True,
            regions=frozenset({"eu", "de"}),
            providers_ignore=frozenset({"openai"}),
        )
        assert shown["data_policy"] == {
            "data_class": "confidential",
            "retention_days": 7.0,
            "training_allowed": False,
            "paid_only": True,
            "regions": ["de", "eu"],
            "providers": {"ignore": ["openai"]},
        }

    def test_expiry(self, run, store):
        before = time.time()
        run("create", "--expires", "90d")
        run("create", "--expires", "2999-01-02")
        first, second = store.keys()
        assert before + 90 * 86400 <= first.expires_at <= time.time() + 90 * 86400
        assert second.expires_at == 32472230400.0

    def test_account_and_project_are_made_only_when_asked(self, run, store):
        store.add_account(AccountRow("acme", "Acme", 0.0))
        assert "Close to it: acme. Add --create" in run("create", "--account", "acmee", code=1).stderr
        assert "There is no project of that id" in run("create", "--account", "acme", "--project", "web", code=1).stderr
        assert store.keys() == []
        run("create", "--account", "acmee", "--project", "web", "--create")
        assert [(row.account, row.project) for row in store.keys()] == [("acmee", "web")]
        run("create", "--account", "acmee", "--project", "web")

    def test_a_project_of_another_account(self, run, store):
        store.add_account(AccountRow("acme", "Acme", 0.0))
        store.add_project(ProjectRow("web", "acme", "Web", 0.0))
        assert "another account" in run("create", "--project", "web", "--create", code=1).stderr
        assert store.keys() == []

    @pytest.mark.parametrize(
        ("options", "told", "code"),
        [
            (["--data-class", "secret"], "`data_class` must be one of: public, internal, confidential, regulated", 1),
            (["--retention-days", "-1"], "`retention_days`", 1),
            (["--set", "regoins=eu"], "Did you mean `regions`?", 1),
            (["--set", "providers.only=nobody"], "`providers.only[0]` is not a provider", 1),
            (["--set", "paid_only"], "`paid_only` needs a value", 1),
            (["--expires", "soon"], "90d, 12h", 2),
            (["--expires", "2001-01-01"], "lies in the past", 2),
            (["--account", "a b", "--create"], "--account", 2),
            (["--account", "", "--create"], "--account", 2),
            (["--account", "..", "--create"], "--account", 2),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_stored(self, run, store, options, told, code):
        assert told in run("create", *options, code=code).stderr
        assert store.keys() == []
        assert [account.id for account in store.accounts()] == ["default"]


class TestList:
    def test_states_and_no_secret(self, run, store):
        secrets = [run("create", "--name", name).stdout.strip() for name in ("first", "second")]
        first, second = store.keys()
        run("revoke", first.id)
        text = run("list").stdout
        assert re.search(rf"{first.id} .* first .* revoked", text)
        assert re.search(rf"{second.id} .* second .* active", text)
        assert not any(secret in text or secret[14:] in text for secret in secrets)
        rows = json.loads(run("list", "--json").stdout)["keys"]
        assert [(row["id"], row["state"]) for row in rows] == [(first.id, "revoked"), (second.id, "active")]
        assert "sha256" not in rows[0]

    def test_one_account(self, run, store):
        run("create")
        run("create", "--account", "acme", "--create")
        assert [row["account"] for row in json.loads(run("list", "--account", "acme", "--json").stdout)["keys"]] == ["acme"]
        assert "no account" in run("list", "--account", "nobody", code=1).stderr


class TestRevoke:
    def test_revoked_once_and_again(self, run, store):
        run("create")
        (row,) = store.keys()
        assert f"{row.id} is revoked" in run("revoke", row.id).stdout
        revoked_at = store.key(row.id).revoked_at
        run("revoke", row.id)
        assert store.key(row.id).revoked_at == revoked_at

    def test_an_unknown_id_is_told_with_near_ones(self, run, store):
        run("create")
        (row,) = store.keys()
        assert f"Close to it: {row.id}" in run("revoke", row.id[:-1] + "?", code=1).stderr
        assert store.keys()[0].revoked_at is None


class Live:
    """A server's part of the channel: publishes snapshots of the store, on a thread of its own, as `anyapi serve` does on its loop."""

    def __init__(self, data_dir, failing=False):
        self.data_dir, self.failing = data_dir, failing
        self.snapshot = None
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()))

    async def serve(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        with SqliteStore(self.data_dir) as store:

            async def reload():
                if self.failing:
                    raise StorageError("broken")
                version = 1 if self.snapshot is None else self.snapshot.version + 1
                self.snapshot = build_snapshot(store, CONTEXT, DEFAULT_PRESETS, Settings(), version)
                return version

            channel = await serve_channel(self.data_dir / "control.sock", reload)
            self.ready.set()
            await self.stop.wait()
            channel.close()

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(30)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


class TestBesideAServer:
    def test_in_force_when_the_command_returns(self, run, store, data_dir):
        with Live(data_dir) as live:
            created = json.loads(run("create", "--retention-days", "0", "--json").stdout)
            assert created["confirmation"] == {"snapshot": 1, "problem": None}
            principal = live.snapshot.principals[digest(created["api_key"].encode())]
            assert (principal.key, principal.requirement.retention_days) == (created["id"], 0.0)
            assert "in force (snapshot 2)" in run("revoke", created["id"]).stdout
            assert live.snapshot.principals == {}

    def test_a_server_that_does_not_confirm_is_told_and_the_key_is_still_shown(self, run, store, data_dir):
        with Live(data_dir, failing=True):
            result = run("create", code=3)
            (row,) = store.keys()
            assert digest(result.stdout.strip().encode()) == row.sha256
            assert "Changed in the store, but the running server could not put it into force" in result.stderr
            assert json.loads(run("revoke", row.id, "--json", code=3).stdout)["confirmation"]["problem"]
            assert store.key(row.id).revoked_at is not None

    def test_commands_at_once_beside_a_server(self, store, data_dir, bare):
        """Four processes at the same time: each finds its own change in the snapshot that was confirmed to it, or a later one."""
        command = [sys.executable, "-c", "from anyapi.cli import main; main()", "keys", "create", "--json", "--data-dir", str(data_dir)]
        with Live(data_dir) as live:
            running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
            created = []
            for process in running:
                out, err = process.communicate(timeout=60)
                assert process.returncode == 0, err
                created.append(json.loads(out))
                assert live.snapshot.version >= created[-1]["confirmation"]["snapshot"]
                assert digest(created[-1]["api_key"].encode()) in live.snapshot.principals
            assert sorted(one["confirmation"]["snapshot"] for one in created) == [1, 2, 3, 4]
            assert {one["id"] for one in created} == {row.id for row in store.keys()}


class TestLimits:
    def test_a_key_with_limits(self, run, store):
        shown = json.loads(run("create", "--spend-cap", "2.5", "--per", "week", "--rpm", "60", "--json").stdout)
        (row,) = store.keys()
        assert (row.spend_cap, row.period, row.requests_per_minute, row.lineage) == (2.5, "week", 60, row.id)
        assert (shown["spend_cap"], shown["period"], shown["requests_per_minute"]) == (2.5, "week", 60)
        assert "$2.5 a week, 60 requests a minute" in run("list").stdout

    def test_what_is_not_named_stays(self, run, store):
        run("create", "--spend-cap", "2.5", "--per", "day")
        (row,) = store.keys()
        assert "its limits: $2.5 a day, 5 requests a minute" in run("limit", row.id, "--rpm", "5").stdout
        assert "its limits: $9 in all" in run("limit", row.id, "--spend-cap", "9", "--per", "total", "--rpm", "none").stdout
        run("limit", row.id, "--spend-cap", "none")
        assert (store.key(row.id).spend_cap, store.key(row.id).requests_per_minute) == (None, None)
        assert "give --spend-cap too" in run("limit", row.id, "--per", "week", code=2).stderr
        assert store.key(row.id).period == "total"

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--spend-cap", "-1"], "--spend-cap"),
            (["--spend-cap", "nan"], "--spend-cap"),
            (["--spend-cap", "much"], "--spend-cap"),
            (["--rpm", "0"], "--rpm"),
            (["--rpm", "1.5"], "--rpm"),
            (["--rpm", "100001"], "--rpm"),
            (["--per", "year"], "--per"),
            (["--per", "month"], "give --spend-cap too"),
            (["--per", "month", "--spend-cap", "none"], "give --spend-cap too"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_stored(self, run, store, options, told):
        assert told in run("create", *options, code=2).stderr
        assert store.keys() == []

    def test_what_was_spent(self, run, store, data_dir):
        run("create", "--spend-cap", "2")
        (row,) = store.keys()
        sink = UsageWriter(data_dir, time.time)
        sink.put(usage_row(1, key=row.id, cost=0.125))
        sink.close()
        assert "$0.1250" in run("list").stdout
        assert json.loads(run("list", "--json").stdout)["keys"][0]["spent"]["total"] == 0.125

    def test_disabled_and_enabled(self, run, store):
        run("create")
        (row,) = store.keys()
        assert f"{row.id} is disabled" in run("disable", row.id).stdout
        since = store.key(row.id).disabled_at
        run("disable", row.id)
        assert store.key(row.id).disabled_at == since
        assert f"{row.id} is active" in run("enable", row.id).stdout
        assert "There is no key of that id" in run("enable", "key_x", code=1).stderr


class TestRotate:
    def test_the_new_key_is_alone_on_standard_output(self, run, store):
        run("create", "--name", "app", "--rpm", "5", "--retention-days", "0")
        (old,) = store.keys()
        before = time.time()
        result = run("rotate", old.id, "--overlap", "2h")
        old, new = store.keys()
        assert digest(result.stdout.strip().encode()) == new.sha256
        assert before + 7200 <= old.expires_at <= time.time() + 7200
        assert (new.name, new.requests_per_minute, new.lineage, new.expires_at) == ("app", 5, old.id, None)
        assert store.settings(Layer.KEY, new.id).retention_days == 0.0
        assert f"{old.id} works until" in result.stderr

    def test_at_once(self, run, store):
        run("create")
        (old,) = store.keys()
        shown = json.loads(run("rotate", old.id, "--overlap", "0", "--json").stdout)
        assert shown["replaces"] == old.id
        assert store.key(old.id).state(time.time()) == "expired"
        assert "rotated before" in run("rotate", old.id, code=1).stderr

    def test_what_cannot_be(self, run, store):
        run("create")
        (old,) = store.keys()
        assert "--overlap" in run("rotate", old.id, "--overlap", "31d", code=2).stderr
        run("revoke", old.id)
        assert "make a new one" in run("rotate", old.id, code=1).stderr
        assert "There is no key of that id" in run("rotate", "key_x", code=1).stderr
        assert len(store.keys()) == 1
