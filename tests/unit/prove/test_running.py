"""A gateway that runs already: where it is by its configuration, which models stand for the cast's, which classes it can show."""

import datetime as dt
import os

import msgspec
import pytest
from tests.conformance.samples import NOON
from tests.integration.lab import FIRST, provider
from tests.tools.gateway import simulated

from anyapi.config import load_config
from anyapi.config_values import Traces
from anyapi.domain.ids import AccountId
from anyapi.prove.caller import ends
from anyapi.prove.running import Asked, classes, installation, new_key, stored_key, url_of
from anyapi.storage.drivers import driver_for
from anyapi.storage.sqlite import SqliteStore

NOW = dt.datetime.fromtimestamp(NOON, dt.UTC)


def config(tmp_path, listen):
    return load_config(None, {"HOME": str(tmp_path), "ANYAPI_LISTEN": listen}, NOW)


@pytest.mark.parametrize(
    ("listen", "url"),
    [("127.0.0.1:8080", "http://127.0.0.1:8080"), ("0.0.0.0:81", "http://127.0.0.1:81"), ("unix:/run/a.sock", "unix:/run/a.sock")],
)
def test_where_it_answers(tmp_path, listen, url):
    assert url_of(config(tmp_path, listen)) == url


def test_classes_are_those_that_end_here_and_of_the_models_that_are_named():
    here = {one.name: one for one in classes((), ())}
    assert len(here) > 80
    assert here["no endpoint permitted"].wanted == ends(403), "a refusal by policy, and no other, is what it shows"
    left = [one.name for one in classes({"no endpoint permitted", "slow head"}, ("a/b",))]
    assert not {"no endpoint permitted", "slow head"} & set(left)
    more = [name for name in left if name not in here]
    assert len(more) == 6
    assert all("a/b" in name for name in more)


def test_a_key_for_this_alone_is_revoked_afterwards(tmp_path):
    with SqliteStore(tmp_path) as store:
        secret, row = new_key(AccountId("default"))
        with stored_key(store, row):
            assert store.key(row.id).revoked_at is None
        assert store.key(row.id).revoked_at is not None
    assert secret.startswith(row.prefix)
    assert row.expires_at > row.created_at


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED LOUDLY: needs root to look into other processes: this is NOT checked")
def test_a_running_gateway_is_looked_up(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        found = load_config(gateway.home / "anyapi.toml", {"HOME": str(tmp_path)}, NOW)
        caller, place, _ = installation(found, driver_for(gateway.home), gateway.key, Asked(url=gateway.url))
        assert place.pids == (gateway.pid,)
        assert place.logs == (gateway.home / "gateway.log",)
        assert "--log" in place.unreadable
        assert place.temporary
        assert gateway.key in caller.planted.secrets
        _, named, _ = installation(found, driver_for(gateway.home), gateway.key, Asked(url=gateway.url, logs=(tmp_path / "log",)))
        assert named.unreadable == ""
        assert named.logs[0] == tmp_path / "log"
        assert (named.spans, named.spans_elsewhere) == ((), "")
        traced = msgspec.structs.replace(found, traces=Traces("http://127.0.0.1:4318/v1/traces"))
        _, unseen, _ = installation(traced, driver_for(gateway.home), gateway.key, Asked(url=gateway.url))
        assert "--spans" in unseen.spans_elsewhere
        _, seen, _ = installation(traced, driver_for(gateway.home), gateway.key, Asked(url=gateway.url, spans=(tmp_path / "spans",)))
        assert (seen.spans, seen.spans_elsewhere) == ((tmp_path / "spans",), "")


def test_the_model_that_is_asked_for_is_one_that_this_gateway_serves(tmp_path):
    """Else a gateway with a key of one provider alone could never be proven: a model that has no key ends every request the same way."""
    spec = provider(FIRST, ["zz/last"])
    with simulated(tmp_path / "home", [spec]) as (gateway, _):
        found = load_config(gateway.home / "anyapi.toml", {"HOME": str(tmp_path)}, NOW)
        assert next(iter(found.catalogue.models)) != "zz/last"
        _, place, chosen = installation(found, driver_for(gateway.home), gateway.key, Asked(url=gateway.url))
        assert (place.model, chosen.named["acme/good"]) == ("zz/last", "zz/last")
