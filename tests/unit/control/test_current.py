"""The catalogue of a process: what it started with, what was installed since, addresses as at the start."""

import msgspec
from tests.tools.catalogue_site import edited
from tests.unit.control.test_adopting import catalogue, install, review_first

from anyapi.control.current import Current
from anyapi.errors import ConfigError


def test_it_follows_what_is_installed_and_says_what_is_held(review):
    packaged = catalogue(30)
    review_first(review)
    current = Current(review, (packaged, packaged), lambda base: base, lambda: 5.0, 180.0)
    assert current.refresh().catalogue is packaged
    found = edited(catalogue(), 1)
    elsewhere = msgspec.structs.replace(found.providers["a"].api, base_url="https://other.test/v1")
    moved = edited(found, 1, a=msgspec.structs.replace(found.providers["a"], api=elsewhere))
    install(review, moved)
    taken = current.refresh()
    assert taken.catalogue.providers["a"].policy == found.providers["a"].policy
    assert taken.catalogue.providers["a"].api == packaged.providers["a"].api
    assert set(taken.held) == {"default"}
    assert current.refresh() == taken
    assert len(review.updates()) == 2


def test_workers_that_are_configured_apart_do_not_chase_each_other(review):
    packaged, found = catalogue(30), edited(catalogue(30), 1)
    others = edited(packaged, 0, a=msgspec.structs.replace(packaged.providers["a"], name="Another name"))
    assert others.version != packaged.version
    workers = [Current(review, (packaged, started), lambda base: base, lambda: 5.0, 180.0) for started in (packaged, others)]
    for _ in range(3):
        assert [worker.refresh().catalogue for worker in workers] == [packaged, others]
    assert [row.effective for row in review.updates()] == [others.version, packaged.version]
    install(review, found)
    for _ in range(2):
        assert {worker.refresh().catalogue.version for worker in workers} == {found.version}
    assert review.newest_update().effective == found.version
    assert len(review.updates()) == 3


def test_what_does_not_fit_leaves_everything_as_it_was_and_stops_nothing(review, capsys):
    packaged = catalogue(30)

    def refuse(base):
        raise ConfigError("does not fit")

    current = Current(review, (packaged, packaged), refuse, lambda: 5.0, 180.0)
    current.refresh()
    install(review, edited(packaged, 1))
    for _ in range(2):
        assert current.refresh().catalogue is packaged
    assert review.last_adopted().effective == packaged.version
    assert review.newest_update().effective is None
    assert capsys.readouterr().err.count("event=catalogue_unusable kind=ConfigError") == 2
