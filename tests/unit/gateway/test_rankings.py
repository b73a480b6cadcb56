"""`GET /v1/rankings`: public, the newest week or one that is named, and honest where there is none."""

import json

import msgspec
import pytest
from tests.unit.gateway.workbench import gateway
from tests.unit.upstream.provider import playing
from tests.unit.wire.peers import on_loop

from anyapi.domain.ranking import Cell, Measured, Release
from anyapi.errors import NotFound
from anyapi.gateway.rankings import shown


def release(week, *cells, measured=()):
    return Release(week, 1.0, 1e-6, 34, 0.001, cells, measured)


NEW = release(
    "2026-11-16", Cell("a/x", "law", 40), Cell("b/y", "law", 60), Cell("a/x", "health", 35), measured=(Measured("a/x", 0.98, 1.5, None),)
)
OLD = release("2026-11-09")


def test_models_stand_by_topic_with_their_shares():
    page = json.loads(msgspec.json.encode(shown((NEW, OLD), None, sampling=True)))
    assert page["week"] == "2026-11-16"
    assert page["weeks"] == ["2026-11-16", "2026-11-09"]
    assert [topic["topic"] for topic in page["topics"]] == ["health", "law"]
    assert page["topics"][1]["models"] == [{"model": "b/y", "count": 60, "share": 0.6}, {"model": "a/x", "count": 40, "share": 0.4}]
    assert page["models"] == [{"model": "a/x", "success": 0.98, "duration": 1.5, "first_token": None}]
    assert (page["epsilon"], page["delta"], page["shown_from"], page["sampled_share"]) == (1.0, 1e-6, 34, 0.001)


def test_another_week_can_be_asked_for():
    assert shown((NEW, OLD), "2026-11-09", sampling=True).topics == ()
    with pytest.raises(NotFound):
        shown((NEW, OLD), "2026-11-02", sampling=True)


def test_without_a_release_it_says_so():
    page = shown((), None, sampling=False)
    assert (page.sampling, page.week, page.weeks, page.topics, page.epsilon) == (False, None, (), (), None)


@on_loop
async def test_nobody_needs_a_key_for_it():
    async with gateway(playing()) as running:
        running.plane.publish(msgspec.structs.replace(running.plane.snapshot, releases=(NEW,)))
        for path in (b"/v1/rankings", b"/api/v1/rankings", b"/v1/rankings?week=2026-11-16"):
            response = await running.get(path, key=None)
            assert response.status == 200
            assert json.loads(response.body)["week"] == "2026-11-16"
            assert json.loads(response.body)["sampling"] is False
        assert (await running.get(b"/v1/rankings?week=1999-01-04", key=None)).status == 404
