"""Installing: only what is newer, leads nowhere new and fits the operator's records, unless that is meant."""

import msgspec
import pytest
from tests.tools.catalogue_site import edited
from tests.unit.control.test_adopting import adopt, catalogue

from anyapi.catalogue.updating import UpdateRefused
from anyapi.control.installing import Origin, Permitted, install
from anyapi.errors import ConfigError
from anyapi.storage.review_rows import UpdateSource

ORIGIN = Origin("next.json", UpdateSource.FILE, "cli", 5.0)
PACKAGED = catalogue(30)


def try_it(review, new, over=lambda base: base, **permitted):
    return install(review, new, PACKAGED, ORIGIN, over, Permitted(**permitted))


def test_a_newer_one_once(review):
    done = try_it(review, edited(PACKAGED, 1))
    assert (done.update.number, done.update.person, done.update.pinned, done.before, done.moved) == (1, "cli", False, PACKAGED, ())
    assert try_it(review, edited(PACKAGED, 1)).update is None
    assert try_it(review, edited(PACKAGED, 1), older=True).update is None


def test_an_older_one_and_one_from_before_only_if_meant(review):
    older = edited(PACKAGED, -1)
    with pytest.raises(UpdateRefused, match=r"next.json: is of .*older"):
        try_it(review, older)
    assert try_it(review, older, older=True).update.pinned
    adopt(review, older, older, 6.0, 180.0)
    for days in (1, 2):
        try_it(review, edited(PACKAGED, days))
    with pytest.raises(UpdateRefused, match="older"):
        try_it(review, edited(PACKAGED, 1))
    same_day = edited(edited(PACKAGED, 2), 0, a=msgspec.structs.replace(PACKAGED.providers["a"], name="Other"))
    try_it(review, same_day)
    with pytest.raises(UpdateRefused, match="was in force before"):
        try_it(review, edited(PACKAGED, 2))


def test_what_leads_elsewhere_or_does_not_fit(review):
    record = PACKAGED.providers["a"]
    moved = edited(PACKAGED, 1, a=msgspec.structs.replace(record, api=msgspec.structs.replace(record.api, base_url="https://x.test/v1")))
    with pytest.raises(UpdateRefused, match="keys would go elsewhere"):
        try_it(review, moved)

    def refuse(base):
        raise ConfigError("does not fit")

    with pytest.raises(ConfigError):
        try_it(review, edited(PACKAGED, 1), refuse)
    assert review.updates() == []
    assert try_it(review, moved, addresses=True).moved == ("a",)
