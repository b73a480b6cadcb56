"""The ranking of models as `GET /v1/rankings` gives it: public, the same for everybody. Knows releases, and nothing that was counted."""

from urllib.parse import parse_qs

import msgspec

from anyapi.domain.ranking import Measured, Release
from anyapi.errors import NotFound
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.render import JSON

HOW = (
    "A random share of requests is told apart by topic on this server, and the text is dropped at once. Of an account at most one "
    "request a week counts. Counts are of accounts, with discrete Laplace noise of scale 1 (OpenDP), and shown from the stated count on. "
    "Requests of the data classes confidential and regulated are never sampled, nor those of accounts that left the ranking."
)
APART = "Success and response times are those of all requests of the week, rounded, without noise; given only for models that are shown."


class ModelShare(msgspec.Struct, frozen=True):
    """One model in one topic: how many accounts (with noise), and their share of those that are shown in the topic."""

    model: str
    count: int
    share: float


class TopicRanking(msgspec.Struct, frozen=True):
    """The models of one topic, most used first."""

    topic: str
    models: tuple[ModelShare, ...]


class Rankings(msgspec.Struct, frozen=True):
    """One week's ranking, and which other weeks there are. Without a release so far `week` is None."""

    sampling: bool
    """Whether this gateway samples at present."""
    week: str | None
    weeks: tuple[str, ...]
    epsilon: float | None
    delta: float | None
    shown_from: int | None
    sampled_share: float | None
    topics: tuple[TopicRanking, ...]
    models: tuple[Measured, ...]
    how: str = HOW
    measured: str = APART


async def rankings(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /v1/rankings`: the newest release, or that of `?week=YYYY-MM-DD`. Needs no key. Raises `NotFound`."""
    week = parse_qs(call.query.decode("latin-1")).get("week", [None])[0]
    page = shown(plane.snapshot.releases, week, sampling=plane.outlets.sample is not None)
    reply.send(200, JSON, msgspec.json.encode(page))


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
    for topic in dict.fromkeys(sorted(cell.topic for cell in release.cells)):
        cells = sorted((cell for cell in release.cells if cell.topic == topic), key=lambda cell: (-cell.count, cell.model))
        whole = sum(cell.count for cell in cells)
        ranked.append(TopicRanking(topic, tuple(ModelShare(cell.model, cell.count, round(cell.count / whole, 4)) for cell in cells)))
    return tuple(ranked)
