"""The contract of the ranking, MUST by MUST, against every implementation."""

import pytest
from tests.conformance.samples import NOON
from tests.conformance.stores import entered

from anyapi.domain.ranking import Cell, Measured, Release
from anyapi.errors import StorageError
from anyapi.storage.rows import AccountRow


@pytest.fixture
def ranking(acme):
    with acme.ranking() as opened:
        yield opened


def release(week="2026-11-16", **fields):
    cells = (Cell("a/one", "law", 40), Cell("b/two", "health", 77))
    measured = (Measured("a/one", 0.98, 1.5, None), Measured("b/two", 1.0, 0.3, 0.2))
    return Release(
        **{"week": week, "epsilon": 1.0, "delta": 1e-6, "shown_from": 34, "share": 0.5, "cells": cells, "measured": measured, **fields}
    )


def test_everybody_takes_part_until_they_do_not(ranking):
    assert ranking.takes_part("acme")
    assert ranking.left_out() == frozenset()
    for _ in range(2):
        ranking.take_part("acme", part=False)
        assert not ranking.takes_part("acme")
        assert ranking.takes_part("default")
        assert ranking.left_out() == {"acme"}
    for _ in range(2):
        ranking.take_part("acme", part=True)
        assert ranking.takes_part("acme")
    with pytest.raises(StorageError):
        ranking.take_part("nowhere", part=False)


def test_who_leaves_and_comes_back_stands_in_the_audit_log_once(acme, ranking):
    for part in (False, False, True, True):
        ranking.take_part("acme", part=part)
    expected = [{"kind": "ranking", "account": "acme", "takes_part": part} for part in (0, 1)]
    assert entered(acme.driver, "ranking") == expected


def test_an_account_that_is_being_deleted_takes_no_part(acme, ranking):
    with acme.holdings() as holdings:
        holdings.begin_closing("acme", NOON)
    assert ranking.left_out() == {"acme"}


def test_a_week_is_released_once(ranking):
    with pytest.raises(StorageError):
        ranking.add_release(release())  # the ledger does not know of it
    assert ranking.spend("2026-11-16", 1.0, 1e-6) is True
    assert ranking.spend("2026-11-16", 1.0, 1e-6) is False
    assert ranking.spend("2026-11-16", 0.0, 0.0) is False
    ranking.add_release(release())
    with pytest.raises(StorageError):
        ranking.add_release(release(cells=()))
    assert ranking.releases() == (release(),)


def test_of_two_processes_one_may_release(acme, ranking):
    with acme.ranking() as other:
        assert sorted([ranking.spend("2026-11-16", 1.0, 1e-6), other.spend("2026-11-16", 1.0, 1e-6)]) == [False, True]


def test_the_newest_come_first(ranking):
    for week in ("2026-11-09", "2026-11-23", "2026-11-16"):
        assert ranking.spend(week, 1.0, 1e-6)
        ranking.add_release(release(week))
    assert [found.week for found in ranking.releases()] == ["2026-11-23", "2026-11-16", "2026-11-09"]
    assert [found.week for found in ranking.releases(1)] == ["2026-11-23"]


@pytest.mark.parametrize("statement", ["DELETE FROM ranking_ledger", "UPDATE ranking_ledger SET epsilon = 0"])
def test_the_ledger_cannot_be_changed(acme, ranking, statement):
    assert ranking.spend("2026-11-16", 1.0, 1e-6)
    connection = acme.driver.connect(everybody=True)
    with pytest.raises(StorageError), acme.driver.translated("change the ledger"), acme.driver.unit(connection, writes=True):
        connection.execute(statement)
    connection.close()
    assert ranking.spend("2026-11-16", 1.0, 1e-6) is False


def test_no_table_of_what_was_counted_names_an_account_or_a_time(acme, ranking):
    assert ranking.spend("2026-11-16", 1.0, 1e-6)
    ranking.add_release(release())
    connection = acme.driver.connect(everybody=True)
    for table, columns in (("ranking_ledger", ["week", "epsilon", "delta"]), ("ranking_releases", ["week", "body"])):
        assert [column[0] for column in connection.execute(f"SELECT * FROM {table}").description] == columns
    connection.close()
    with acme.store(NOON) as store:
        assert AccountRow("acme", "Acme", NOON).id in {row.id for row in store.accounts()}
