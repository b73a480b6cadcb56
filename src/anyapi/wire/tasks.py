"""Running one coroutine a request without a task: it is resumed right where its answer arrives, not a turn of the loop later.

A task costs a weak set, a context and two scheduled callbacks for each wait. Here a coroutine waits for a `Waiter`, and `Waiter.set`
goes on with it at once. Futures of asyncio can be awaited too. What needs a current task (`asyncio.timeout`) does not work inside; wrap
such work in a task of its own. Measured in docs/adr/0007.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


class Waiter(Generic[T]):
    """A value that arrives once, for one coroutine run by a `Runner`."""

    __slots__ = ("_value", "done", "resume")

    def __init__(self) -> None:
        """Nothing has arrived."""
        self.done = False
        self.resume: Runner | None = None
        """What to step when the value is there. Not a method of it, which would be one more thing to hold."""

    def set(self, value: T) -> None:
        """Give the value and go on with the coroutine that waits for it, now. A second value is ignored."""
        if self.done:
            return
        self.done = True
        self._value = value
        resume = self.resume
        if resume is not None:
            self.resume = None
            resume.step()

    def __await__(self) -> "Generator[Waiter[T], None, T]":
        """Wait for the value."""
        if not self.done:
            yield self
        return self._value


def there(value: T) -> Waiter[T]:
    """A value that is there already, for who expects one that is awaited."""
    waiter: Waiter[T] = Waiter()
    waiter.set(value)
    return waiter


Awaited: TypeAlias = "Waiter[object] | asyncio.Future[object]"
"""What a driven coroutine may wait for."""
Driven: TypeAlias = Coroutine[Awaited, None, None]


class Runner:
    """Who runs one coroutine at a time. To be derived from: one object more for each request would be one more to hold."""

    __slots__ = ("_coroutine",)

    def __init__(self) -> None:
        """Nothing runs."""
        self._coroutine: Driven | None = None

    def run(self, coroutine: Driven) -> None:
        """Run a coroutine up to its first wait, and go on whenever what it waits for is there."""
        self._coroutine = coroutine
        self.step()

    def step(self, _future: object = None) -> None:
        """Go on: what is waited for is there."""
        if self._coroutine is None:
            return
        try:
            waiting = self._coroutine.send(None)
        except StopIteration:
            self._coroutine = None
            self.ended(None)
        except Exception as error:  # noqa: BLE001 the edge: whatever failed, the connection has to hear of it
            self._coroutine = None
            self.ended(error)
        else:
            if isinstance(waiting, Waiter):
                waiting.resume = self
            else:
                waiting._asyncio_future_blocking = False  # noqa: SLF001 what a task does with a future that it waits for
                waiting.add_done_callback(self.step)

    def ended(self, error: Exception | None) -> None:
        """Hear, once, of the end or the error of what was run; another may be run then."""
        raise NotImplementedError


class _Telling(Runner):
    __slots__ = ("_told",)

    def __init__(self, told: Callable[[Exception | None], None]) -> None:
        super().__init__()
        self._told = told

    def ended(self, error: Exception | None) -> None:
        self._told(error)


def drive(coroutine: Driven, ended: Callable[[Exception | None], None]) -> None:
    """Run a coroutine beside everything else. `ended` hears once of its end or error."""
    _Telling(ended).run(coroutine)
