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
from anyapi.prove.outcomes_here import REFUSED
from anyapi.prove.running import Asked, classes, installation, models_of, new_key, served, stored_key, url_of
from anyapi.prove.target import Target
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


def test_models_stand_for_the_casts(tmp_path):
    catalogue = config(tmp_path, "127.0.0.1:8080").catalogue
    chat, vectors = models_of(catalogue, [])
    assert {chat, vectors} <= set(catalogue.models)
    assert models_of(catalogue, ["a/b"])[0] == "a/b"


def test_classes_are_those_that_end_here_and_of_the_models_that_are_named():
    here = {one.name: one for one in classes(vectors=True, models=())}
    assert len(here) > 80
    assert not [name for name in here if name.startswith(("slow", "large body"))], "these hang on the operator's own limits"
    assert here["no endpoint permitted"].wanted == REFUSED == ends(403, 404)
    more = [one.name for one in classes(vectors=False, models=("a/b",)) if one.name not in here]
    assert len(more) == 6
    assert all("a/b" in name for name in more)
    assert not [one for one in classes(vectors=False, models=()) if one.name.startswith("/v1/embeddings")]


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
        caller, place = installation(found, driver_for(gateway.home), gateway.key, Asked(url=gateway.url))
        assert place.pids == (gateway.pid,)
        assert place.logs == (gateway.home / "gateway.log",)
        assert "--log" in place.unreadable
        assert place.temporary
        assert gateway.key in caller.planted.secrets
        _, named = installation(found, driver_for(gateway.home), gateway.key, Asked(url=gateway.url, logs=(tmp_path / "log",)))
        assert named.unreadable == ""
        assert named.logs[0] == tmp_path / "log"
        assert (named.spans, named.spans_elsewhere) == ((), "")
        traced = msgspec.structs.replace(found, traces=Traces("http://127.0.0.1:4318/v1/traces"))
        _, unseen = installation(traced, driver_for(gateway.home), gateway.key, Asked(url=gateway.url))
        assert "--spans" in unseen.spans_elsewhere
        _, seen = installation(traced, driver_for(gateway.home), gateway.key, Asked(url=gateway.url, spans=(tmp_path / "spans",)))
        assert (seen.spans, seen.spans_elsewhere) == ((tmp_path / "spans",), "")


def test_the_model_that_is_asked_for_is_one_that_this_gateway_serves(tmp_path):
    """Else a gateway with a key of one provider alone could never be proven: a model that has no key ends every request the same way."""
    spec = provider(FIRST, ["zz/last"])
    with simulated(tmp_path / "home", [spec]) as (gateway, _):
        found = load_config(gateway.home / "anyapi.toml", {"HOME": str(tmp_path)}, NOW)
        assert models_of(found.catalogue, [])[0] != "zz/last"
        assert served(Target(gateway.url, gateway.key))[0] == "zz/last"
        _, place = installation(found, driver_for(gateway.home), gateway.key, Asked(url=gateway.url))
        assert place.model == "zz/last"
    assert served(Target(gateway.url, gateway.key)) == ()
