"""What the drivers of Python clients share. A driver runs in its client's own environment and prints one JSON of what the client gave.

It is told where to go (a URL for each wire format, a key, names of models, headers) and which cases to run; it knows nothing of the
gateway, so that the same program can be run straight at a provider. From the import of this module on the process can reach loopback only,
and whatever else it tried to reach is part of the JSON.
"""

import asyncio
import contextlib
import dataclasses
import enum
import inspect
import io
import ipaddress
import json
import sys
import traceback
from dataclasses import dataclass

from pydantic import BaseModel

REACHED: list[str] = []
ERRORS = ("limited", "overloaded", "broken", "picky")
"""Faults that a provider answers with. There is a model for each, and one more for its streams: an endpoint that failed may be resting."""
QUESTION = "Hello"
TOOL_QUESTION = "What is the weather in Paris? use the tool"
IMAGE_QUESTION = "What is this?"


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return host in {"localhost", b"localhost", "", None}


def _refuse_network(event, arguments):
    host = None
    if event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    if host is not None and not _is_loopback(host):
        REACHED.append(str(host))
        raise OSError(f"a client tried to reach {host}: tests use loopback only")


sys.addaudithook(_refuse_network)


class Weather(BaseModel):
    """A structured output."""

    city: str
    degrees: float
    windy: bool


def weather(city: str, days: int) -> str:
    """Weather of a city."""
    return f"Sunny in {city} for {days} days"


@dataclass(frozen=True)
class Place:
    """Where a client is sent."""

    openai: str
    anthropic: str
    key: str
    models: dict[str, str]
    headers: dict[str, str]


class Driver:
    """One client with one wire format. A method is a case: it takes the name of a model and gives something that `plain` can read.

    `whole` and `stream` are also what the cases of errors are made of; they must let the client's exceptions through.
    """

    flavour = ""

    def __init__(self, place: Place) -> None:
        self.place = place

    def model(self, name: str = "usual") -> str:
        """The name of a model, such as `limited` or `slow`, of this wire format."""
        return self.place.models[f"{self.flavour}-{name}"]

    def of(self, place: Place) -> "Driver":
        """The same with another key or URL."""
        return type(self)(place)


def plain(value: object) -> object:
    """Any object of a client as JSON. Objects without a form of their own are named by their type only."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return {"a": type(value).__name__, **plain(value.model_dump())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value) if not field.name.startswith("_")}
        return {"a": type(value).__name__, **fields}
    return f"<{type(value).__name__}>"


def failure(error: BaseException) -> dict[str, object]:
    """What an application can tell of an exception: its classes, its status, and whether the provider's own words are in it."""
    names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ not in {"builtins", "typing"}]
    causes, cause = [], error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__
    status = next((each.status_code for each in causes if isinstance(getattr(each, "status_code", None), int)), None)
    text = " ".join(f"{each} {getattr(each, 'body', '')}" for each in causes)
    return {"error": names, "status": status, "words of the provider": "simulat" in text.lower()}


async def _settled(value: object) -> object:
    return await value if inspect.isawaitable(value) else value


async def _attempt(case, model: str) -> object:
    """What a case gives, or how it fails."""
    try:
        return {"no error": plain(await _settled(case(model)))}
    except Exception as error:
        return failure(error)


async def _run_case(driver: Driver, case: str) -> object:
    if case in ERRORS:
        return {
            "whole": await _attempt(driver.whole, driver.model(case)),
            "stream": await _attempt(driver.stream, driver.model(f"{case}-stream")),
        }
    if case in {"broken off", "error event"}:
        return await _attempt(driver.stream, driver.model(case.replace(" ", "-")))
    if case == "wrong key":
        wrong = driver.of(dataclasses.replace(driver.place, key="anyapi_sk_wrong"))
        return {"whole": await _attempt(wrong.whole, driver.model()), "stream": await _attempt(wrong.stream, driver.model())}
    method = getattr(driver, case.replace(" ", "_"))
    name = {"cancel": "slow", "embeddings": "vectors"}.get(case, "usual")
    return plain(await _settled(method(driver.model(name))))


async def _run_page(code: str) -> object:
    """Run the lines of a page as a reader would, and give what they print."""
    printed = io.StringIO()
    compiled = compile(code, "page", "exec", flags=0x2000)  # PyCF_ALLOW_TOP_LEVEL_AWAIT
    with contextlib.redirect_stdout(printed):
        await _settled(eval(compiled, {"__name__": "page"}))
    return printed.getvalue()


async def _guarded(work) -> object:
    try:
        return await work
    except Exception:
        return {"raised": traceback.format_exc()[-4000:]}


async def _run(job: dict[str, object], drivers: list[type[Driver]]) -> dict[str, object]:
    runs = []
    for part in job["runs"]:
        place, cases = Place(**part["place"]), {}
        for kind in drivers:
            driver = kind(place)
            for case in part["cases"].get(kind.flavour, ()):
                cases[f"{kind.flavour} {case}"] = await _guarded(_run_case(driver, case))
        runs.append(cases)
    pages = [await _guarded(_run_page(code)) for code in job["pages"]]
    return {"runs": runs, "pages": pages}


def main(*drivers: type[Driver]) -> None:
    """Read the job from standard input, run it, print the JSON as the last line."""
    job = json.load(sys.stdin)
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        result = asyncio.run(_run(job, list(drivers)))
    print(json.dumps({**result, "reached": REACHED}), file=out, flush=True)
