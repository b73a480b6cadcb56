"""A release of the ranking of models: public, without anything of an account. Made once a week; nothing in it is exact."""

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
