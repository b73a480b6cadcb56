"""The ranking of models as `GET /v1/rankings` gives it: public, the same for everybody. Knows releases, and nothing that was counted."""

from urllib.parse import parse_qs

import msgspec

from anyapi.domain.ranking import ModelShare, Rankings, Release, TopicRanking
from anyapi.errors import NotFound
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.error_envelope import echo_in_public
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.render import JSON


async def rankings(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /v1/rankings`: the newest release, or that of `?week=YYYY-MM-DD`. Needs no key. Raises `NotFound`."""
    week = parse_qs(call.query.decode("latin-1")).get("week", [None])[0]
    reply.send(200, JSON + echo_in_public(call), msgspec.json.encode(rankings_of(plane, week)))


def rankings_of(plane: DataPlane, week: str | None) -> Rankings:
    """The page of a week, or of the newest, as a plane knows it. Raises `NotFound`."""
    return shown(plane.snapshot.releases, week, sampling=plane.disclosure.sampled_share is not None)


def shown(releases: tuple[Release, ...], week: str | None, *, sampling: bool) -> Rankings:
    """The page of a week, or of the newest. Raises `NotFound` for a week without a release."""
    found = next((release for release in releases if week in {None, release.week}), None)
    weeks = tuple(release.week for release in releases)
    if found is None:
        if week is not None:
            raise NotFound("There is no ranking of that week. `weeks` of /v1/rankings lists those there are.")
        return Rankings(sampling, None, weeks, None, None, None, None, (), ())
    return Rankings(sampling, found.week, weeks, found.epsilon, found.delta, found.shown_from, found.share, _topics(found), found.measured)


def _topics(release: Release) -> tuple[TopicRanking, ...]:
    ranked = []
    for topic in sorted({cell.topic for cell in release.cells}):
        cells = sorted((cell for cell in release.cells if cell.topic == topic), key=lambda cell: (-cell.count, cell.model))
        whole = sum(cell.count for cell in cells)
        ranked.append(TopicRanking(topic, tuple(ModelShare(cell.model, cell.count, round(cell.count / whole, 4)) for cell in cells)))
    return tuple(ranked)
