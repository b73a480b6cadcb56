"""Taking a catalogue into force: what it is held against, and what accounts that review first have to accept of it."""

import msgspec
import pytest
from tests.tools.catalogue_site import edited
from tests.unit.policy.samples import COMPILED, block, context, kept, provenance, provider

from anyapi.catalogue.canonical import encode, with_version
from anyapi.control.adopting import MOST_PASTS, adopt, base_of, held, installed_since, pasts
from anyapi.domain.snapshot import Past
from anyapi.errors import CatalogueError, StorageError
from anyapi.storage.review_rows import HoldRow, UpdateRow, UpdateSource

NOW = 1_795_000_000.0


def catalogue(days=None, more=(), **fields):
    """One provider that keeps content so many days; None keeps nothing."""
    record = provider("a", block(retention=kept() if days is None else kept("limited", days)), **fields)
    return with_version(context([record, *more]).catalogue)


def review_first(review, account="default"):
    review.change_review_settings(account, lambda before: msgspec.structs.replace(before, review_first=True), by="", at=NOW)


def install(review, found, **fields):
    values = {"person": "cli", "source": UpdateSource.FILE, "pinned": False, **fields}
    return review.install(UpdateRow(0, NOW, base=found.version, **values), encode(found))


def test_the_first_start_has_nothing_to_be_held_against(review):
    review_first(review)
    adopt(review, catalogue(30), catalogue(30), NOW, 180.0)
    assert held(review) == {}
    assert review.untold_updates() == []
    assert review.last_adopted().source is UpdateSource.START
    adopt(review, catalogue(30), catalogue(30), NOW + 1, 180.0)
    assert len(review.updates()) == 1


def test_only_accounts_that_review_first_have_to_accept_and_only_what_loosened(review):
    adopt(review, catalogue(30), catalogue(30), NOW, 180.0)
    adopt(review, catalogue(7), catalogue(7), NOW, 180.0)
    assert held(review) == {}
    review_first(review)
    adopt(review, catalogue(90), catalogue(90), NOW, 180.0)
    assert held(review) == {}
    adopt(review, catalogue(7), catalogue(7), NOW, 180.0)
    (past,) = held(review)["default"]
    assert (past.providers["a"].policy.retention.days, past.providers["a"].provenance.verified_at) == (90, COMPILED)
    assert [row.number for row in review.pending_holds()] == [4]
    assert "retention" in review.last_adopted().changes


def test_each_state_since_counts_until_it_is_accepted(review):
    review_first(review)
    for days in (30, 20, 10):
        adopt(review, catalogue(days), catalogue(days), NOW, 180.0)
    assert [past.providers["a"].policy.retention.days for past in held(review)["default"]] == [30, 20]
    review.accept("default", ["provider:a"], review.last_adopted().number, by="per_1", at=NOW)
    assert held(review) == {}


def checked(day, days=30):
    return catalogue(days, record=provenance(verified_at=COMPILED.replace(day=day)))


def test_a_check_that_is_repeated_every_day_waits_for_nobody(review):
    review_first(review)
    for day in range(24, 30):
        adopt(review, checked(day), checked(day), NOW, 180.0)
    assert held(review) == {}
    adopt(review, checked(30, 7), checked(30, 7), NOW, 180.0)
    (past,) = held(review)["default"]
    assert (past.providers["a"].policy.retention.days, past.providers["a"].provenance.verified_at) == (30, COMPILED.replace(day=29))


def test_a_record_that_had_expired_waits_when_it_comes_back_and_repeated_checks_add_nothing(review):
    review_first(review)
    for day in range(24, 30):
        adopt(review, checked(day), checked(day), NOW + 30 * 86400.0, 1.0)
    (past,) = held(review)["default"]
    assert past.providers["a"].provenance.verified_at == COMPILED.replace(day=24)


def test_a_catalogue_before_that_cannot_be_read_holds_everything(review):
    review_first(review)
    adopt(review, catalogue(30), catalogue(30), NOW, 180.0)
    review._write("spoil it", "UPDATE catalogues SET body = x'00'", ())
    with pytest.raises(StorageError):
        review.catalogue_body(catalogue(30).version)
    review._write("lose it", "DELETE FROM catalogues", ())
    adopt(review, catalogue(20), catalogue(20), NOW, 180.0)
    assert held(review)["default"] == (Past({"a": None}, {"a/one": None}),)


def test_what_was_installed_is_the_base_until_the_product_brings_a_newer_one(review):
    packaged = catalogue(30)
    newer, older = edited(packaged, 1), edited(packaged, -1)
    assert base_of(review, packaged) == packaged
    install(review, newer)
    assert base_of(review, packaged) == newer
    assert base_of(review, edited(packaged, 2)) == newer, "somebody chose it, and nobody took it yet"
    adopt(review, newer, newer, NOW, 180.0)
    assert base_of(review, edited(packaged, 2)) == edited(packaged, 2)
    install(review, older, pinned=True)
    adopt(review, older, older, NOW, 180.0)
    assert base_of(review, packaged) == older, "going back was meant"
    review._write("lose it", "DELETE FROM catalogues", ())
    assert base_of(review, packaged) == packaged


def test_a_running_process_takes_what_was_installed_since(review):
    packaged = catalogue(30)
    adopt(review, packaged, packaged, NOW, 180.0)
    assert installed_since(review, packaged.version, first=False) is None
    install(review, edited(packaged, 1))
    assert installed_since(review, packaged.version, first=True) == edited(packaged, 1)
    adopt(review, edited(packaged, 1), edited(packaged, 1), NOW, 180.0)
    assert installed_since(review, packaged.version, first=True) is None
    assert installed_since(review, packaged.version, first=False) == edited(packaged, 1)
    review._write("lose it", "DELETE FROM catalogues", ())
    with pytest.raises(CatalogueError, match="install it again"):
        installed_since(review, packaged.version, first=False)


def test_more_states_than_are_judged_deny_outright():
    rows = [HoldRow("acme", "provider:a", number, encode_days(number), NOW) for number in range(1, MOST_PASTS + 2)]
    assert len(pasts(rows[:-1])) == MOST_PASTS
    assert pasts(rows) == (Past({"a": None}, {}),)


def encode_days(days):
    return msgspec.json.encode(catalogue(days).providers["a"]).decode()


def test_a_state_is_whole():
    """Before the first update stood what was changed by the second only, too: an exception may make one record count by another's facts."""
    rows = [HoldRow("acme", "provider:a", 1, encode_days(30), NOW), HoldRow("acme", "endpoint:a/one", 2, None, NOW)]
    first, second = pasts(rows)
    assert (first.providers["a"].policy.retention.days, first.endpoints) == (30, {"a/one": None})
    assert second == Past({}, {"a/one": None})
    again = [*rows, HoldRow("acme", "provider:a", 3, encode_days(20), NOW)]
    assert [past.providers["a"].policy.retention.days for past in pasts(again)] == [30, 20, 20]
    assert [len(past.endpoints) for past in pasts(again)] == [1, 1, 0]
