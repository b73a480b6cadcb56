"""`anyapi credentials`, on a real store, without a server and beside one."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner

from anyapi.cli import main
from anyapi.control.channel import serve_channel
from anyapi.crypto.envelope import unseal
from anyapi.crypto.root_keys import RootKeys, key_id
from anyapi.crypto.sealed import Binding, CannotOpen, Sealed
from anyapi.domain.snapshot import Tier
from anyapi.storage.rows import AccountRow, Declared
from anyapi.storage.sqlite import SqliteStore

SECRET = "sk-live-0123456789abcdef"
ROOT, NEXT = bytes(range(32)), bytes(range(60, 92))
AGREEMENT = """
[[agreements]]
id = "{name}"
provider = "{provider}"
attested_by = "Ada"
document = "order form"
valid_from = 2026-01-01
valid_until = 2027-01-01
retention = {{ kind = "zero", days = 0 }}
"""


@pytest.fixture
def store(data_dir):
    with SqliteStore(data_dir) as opened:
        yield opened


@pytest.fixture
def run(data_dir, monkeypatch):
    monkeypatch.setenv("ANYAPI_ROOT_KEY", ROOT.hex())

    def run_it(*args, code=0, secret=SECRET + "\n"):
        result = CliRunner().invoke(main, ["credentials", *args, "--data-dir", str(data_dir)], input=secret)
        assert result.exit_code == code, result.output
        assert SECRET not in result.output, "a secret is never shown"
        return result

    return run_it


def agreement(folder, name="zdr", provider="openai", more=""):
    path = folder / f"{name}.toml"
    path.write_text(AGREEMENT.format(name=name, provider=provider) + more)
    return str(path)


def opened(row, *keys):
    return unseal(Sealed(row.key_id, row.wrapped, row.ciphertext), Binding(row.account, row.provider, row.id, row.version), RootKeys(keys))


class TestAdd:
    def test_the_secret_is_sealed_and_in_no_file(self, run, store, data_dir):
        result = run("add", "--provider", "openai", "--tier", "paid", "--name", "laptop")
        (row,) = store.credentials()
        assert (row.account, row.provider, row.tier, row.name, row.version) == ("default", "openai", Tier.PAID, "laptop", 1)
        assert row.id.startswith("own:")
        assert (row.declared, row.key_id) == (Declared(), key_id(ROOT))
        assert opened(row, ROOT).reveal() == SECRET
        assert f"{row.id} is kept for account default at OpenAI, tier paid; no server is running" in result.stdout
        kept = b"".join(path.read_bytes() for path in data_dir.iterdir())
        for part in (SECRET, SECRET[5:20], ROOT.hex()):
            assert part.encode() not in kept
        assert ROOT not in kept

    def test_json_and_what_is_declared(self, run, store, bare):
        store.add_account(AccountRow("acme", "Acme", 0.0))
        options = "--region eu --caller-region de --account-state safety-retention --term addendum --variable resource=acme-eu"
        shown = json.loads(
            run(
                "add", "--account", "acme", "--provider", "azure", *options.split(), "--agreement", agreement(bare, "a", "azure"), "--json"
            ).stdout
        )
        (row,) = store.credentials("acme")
        assert (row.tier, row.declared.region, row.declared.caller_region) == (Tier.UNDECLARED, "eu", "de")
        assert (row.declared.account_states, row.declared.terms) == ({"safety-retention"}, {"addendum"})
        assert row.declared.variables == {"resource": "acme-eu"}
        assert [one.id for one in row.declared.agreements] == ["a"]
        assert (shown["id"], shown["account"], shown["state"], shown["root_key"]) == (row.id, "acme", "active", key_id(ROOT))
        assert shown["confirmation"] == {"snapshot": None, "problem": None}
        assert not {"wrapped", "ciphertext", "key"} & shown.keys()

    @pytest.mark.parametrize("secret", ["", "brief\n", "changeme\n", "sk live 0123456789\n", "sk-one-0123456\nsk-two-0123456\n"])
    def test_what_is_no_key_is_refused(self, run, store, secret):
        result = run("add", "--provider", "openai", code=1, secret=secret)
        assert "on standard input" in result.stderr
        assert not secret.strip() or secret.strip() not in result.output
        assert store.credentials() == []

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ("--provider openay", "Close to it: openai"),
            ("--provider openai --account nobody", "anyapi keys create"),
            ("--provider ollama", "takes no key"),
            ("--provider azure", "its address needs resource"),
            ("--provider openai --variable resource=x", "has no variable resource"),
        ],
    )
    def test_what_is_wrong_is_told_before_the_secret_is_read(self, run, store, options, why):
        assert why in run("add", *options.split(), code=1, secret="").stderr
        assert store.credentials() == []

    @pytest.mark.parametrize(
        "options",
        ["--tier gold", "--region EU", "--variable resource", "--variable resource=evil.example/", "--term A!", "--caller-region x"],
    )
    def test_forms(self, run, store, options):
        run("add", "--provider", "azure", *options.split(), code=2)
        assert store.credentials() == []

    def test_agreements_about_something_else_are_refused(self, run, store, bare):
        assert "is with anthropic" in run("add", "--provider", "openai", "--agreement", agreement(bare, "a", "anthropic"), code=1).stderr
        for more in ('credentials = ["x"]\n', 'accounts = ["acme"]\n'):
            path = agreement(bare, "b", more=more)
            assert "covers this key alone" in run("add", "--provider", "openai", "--agreement", path, code=1).stderr
        assert store.credentials() == []

    def test_without_a_root_key_nothing_is_kept(self, run, store, monkeypatch):
        monkeypatch.delenv("ANYAPI_ROOT_KEY")
        assert "openssl rand -base64 32" in run("add", "--provider", "openai", code=1).stderr
        assert store.credentials() == []

    def test_there_is_no_option_that_takes_the_secret(self):
        from anyapi.cli.credentials import add

        assert not {option for parameter in add.params for option in parameter.opts} & {"--key", "--secret", "--token", "--api-key"}
        assert all(parameter.param_type_name == "option" for parameter in add.params)

    def test_at_a_terminal_it_is_asked_for_and_not_echoed(self, data_dir, store):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", "from anyapi.cli import main; main()", "credentials", "add", "--provider", "openai"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "ANYAPI_ROOT_KEY": ROOT.hex()},
            start_new_session=True,
        )
        os.close(theirs)
        seen = b""
        while b"Key of OpenAI" not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, f"{SECRET}\n".encode())
        try:
            while part := os.read(ours, 1024):
                seen += part
        except OSError:
            pass  # the other end is gone
        assert process.wait(60) == 0, seen
        os.close(ours)
        assert SECRET.encode() not in seen
        assert opened(store.credentials()[0], ROOT).reveal() == SECRET


class TestList:
    def test_ids_states_and_root_keys_and_no_secret(self, run, store, monkeypatch, bare):
        run("add", "--provider", "openai", "--agreement", agreement(bare))
        run("add", "--provider", "anthropic", "--tier", "free")
        first, second = store.credentials()
        run("revoke", second.id)
        monkeypatch.delenv("ANYAPI_ROOT_KEY")  # listing opens nothing
        text = run("list").stdout
        assert all(word in text for word in (first.id, "undeclared", key_id(ROOT), "zdr", "active", second.id, "free", "revoked 20"))
        shown = json.loads(run("list", "--json").stdout)["credentials"]
        assert [(one["id"], one["state"]) for one in shown] == [(first.id, "active"), (second.id, "revoked")]

    def test_one_account(self, run, store):
        store.add_account(AccountRow("acme", "Acme", 0.0))
        run("add", "--provider", "openai")
        run("add", "--provider", "openai", "--account", "acme")
        assert [one["account"] for one in json.loads(run("list", "--account", "acme", "--json").stdout)["credentials"]] == ["acme"]
        assert "no account" in run("list", "--account", "nobody", code=1).stderr


class TestRevoke:
    def test_revoked_once_and_again_without_a_root_key(self, run, store, monkeypatch):
        run("add", "--provider", "openai")
        (row,) = store.credentials()
        monkeypatch.delenv("ANYAPI_ROOT_KEY")
        assert f"{row.id} is revoked since" in run("revoke", row.id).stdout
        revoked = store.credential(row.id)
        assert (revoked.wrapped, revoked.ciphertext) == (b"", b"")
        assert json.loads(run("revoke", row.id, "--json").stdout)["disabled_at"] == revoked.disabled_at

    def test_an_unknown_id_is_told_with_near_ones(self, run, store):
        run("add", "--provider", "openai")
        (row,) = store.credentials()
        for command in ("revoke", "agree"):
            assert f"Close to it: {row.id}" in run(command, row.id[:-1] + "?", code=1).stderr
        assert store.credential(row.id).disabled_at is None


class TestAgree:
    def test_replaced_and_withdrawn(self, run, store, bare):
        run("add", "--provider", "openai", "--agreement", agreement(bare, "old"))
        (row,) = store.credentials()
        assert "stands on: new" in run("agree", row.id, agreement(bare, "new")).stdout
        assert [one.id for one in store.credential(row.id).declared.agreements] == ["new"]
        assert "is with anthropic" in run("agree", row.id, agreement(bare, "x", "anthropic"), code=1).stderr
        assert "no agreement" in run("agree", row.id).stdout
        after = store.credential(row.id)
        assert (after.declared.agreements, after.version, opened(after, ROOT).reveal()) == ((), 1, SECRET)
        run("revoke", row.id)
        assert "revoked" in run("agree", row.id, code=1).stderr


class TestRotate:
    def test_everything_is_sealed_anew_under_the_first_key(self, run, store, monkeypatch):
        for provider in ("openai", "anthropic", "mistral"):
            run("add", "--provider", provider)
        before = store.credentials()
        run("revoke", before[2].id)
        assert "0 sealed anew" in run("rotate").stdout
        monkeypatch.setenv("ANYAPI_ROOT_KEY", f"{NEXT.hex()} {ROOT.hex()}")
        assert f"2 sealed anew under root key {key_id(NEXT)}, 0 already were" in run("rotate").stdout
        for old, row in list(zip(before, store.credentials(), strict=True))[:2]:
            assert (row.key_id, row.version, opened(row, NEXT).reveal()) == (key_id(NEXT), 2, SECRET)
            assert row.ciphertext != old.ciphertext
            with pytest.raises(CannotOpen):
                opened(row, ROOT)
            with pytest.raises(CannotOpen):  # the old seal under the new version
                unseal(Sealed(old.key_id, old.wrapped, old.ciphertext), Binding(row.account, row.provider, row.id, 2), RootKeys([ROOT]))
        shown = json.loads(run("rotate", "--json").stdout)
        assert (shown["root_key"], shown["sealed"], shown["already"], shown["failed"]) == (key_id(NEXT), [], 2, [])

    def test_what_does_not_open_is_told_and_the_rest_is_done(self, run, store, monkeypatch):
        run("add", "--provider", "openai")
        monkeypatch.setenv("ANYAPI_ROOT_KEY", NEXT.hex())
        run("add", "--provider", "anthropic")
        third = bytes(range(100, 132))
        monkeypatch.setenv("ANYAPI_ROOT_KEY", f"{third.hex()} {NEXT.hex()}")
        result = run("rotate", code=1)
        assert "1 sealed anew" in result.stdout
        assert f"is sealed under the root key {key_id(ROOT)}, which is not here" in result.stderr
        assert [row.key_id for row in store.credentials()] == [key_id(ROOT), key_id(third)]


class Live:
    """A server's part of the channel, on a thread of its own; what it cannot use is as the test says."""

    def __init__(self, data_dir, unusable=None):
        self.data_dir, self.unusable, self.reloads = data_dir, unusable or dict, 0
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()))

    async def serve(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()

        async def reload():
            self.reloads += 1
            return self.reloads

        channel = await serve_channel(self.data_dir / "control.sock", reload, self.unusable)
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
    def test_every_change_is_acknowledged(self, run, store, data_dir, monkeypatch, bare):
        with Live(data_dir):
            assert json.loads(run("add", "--provider", "openai", "--json").stdout)["confirmation"] == {"snapshot": 1, "problem": None}
            (row,) = store.credentials()
            assert "in force (snapshot 2)" in run("agree", row.id, agreement(bare)).stdout
            monkeypatch.setenv("ANYAPI_ROOT_KEY", f"{NEXT.hex()} {ROOT.hex()}")
            assert "in force (snapshot 3)" in run("rotate").stdout
            assert "in force (snapshot 4)" in run("revoke", row.id).stdout

    def test_a_server_with_other_root_keys_is_told(self, run, store, data_dir):
        def unusable():
            with SqliteStore(data_dir) as theirs:
                return {row.id: "no_root_key" for row in theirs.credentials()}

        with Live(data_dir, unusable):
            result = run("add", "--provider", "openai", code=3)
            assert "not confirmed" in result.stdout
            assert "cannot use it (it has other root keys: give it the one that this command used)" in result.stderr
            assert "in force" in run("revoke", store.credentials()[0].id).stdout, "a revoked one need not be usable"
