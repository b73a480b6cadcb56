"""A release of the ranking of models, and the page of one: public, without anything of an account. No count in it is exact."""

import msgspec

from anyapi.domain.ids import ModelId


class Cell(msgspec.Struct, frozen=True):
    """How many accounts were counted for a model and topic, with noise; shown from a stated count on."""

    model: ModelId
    topic: str
    count: int


class Measured(msgspec.Struct, frozen=True):
    """How a model that is shown did over the whole gateway in that week. Not covered by the noise, so it is coarse."""

    model: ModelId
    success: float
    """Share of requests that were answered, in hundredths."""
    duration: float | None
    """Upper bound in seconds of the bucket that holds the median of response times; None beyond the last."""
    first_token: float | None
    """The same of the time to the first token; None too where no answer had one."""


class Release(msgspec.Struct, frozen=True):
    """One week's. `week` is its Monday (UTC), `YYYY-MM-DD`."""

    week: str
    epsilon: float
    delta: float
    shown_from: int
    share: float
    """Of requests, that were sampled."""
    cells: tuple[Cell, ...] = ()
    """By model, then topic."""
    measured: tuple[Measured, ...] = ()
    """By model."""


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
