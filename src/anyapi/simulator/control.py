"""Control requests of a simulated provider: `/healthz`, `/ledger`, `/ledger/bodies`, `/ledger/reset`, `/script`. Never in the ledger."""

import urllib.parse
from collections.abc import Awaitable, Callable

from anyapi.simulator.exchange import Exchange
from anyapi.simulator.faults import BadFault, read_script
from anyapi.simulator.ledger import Ledger
from anyapi.simulator.provider import RunningProvider
from anyapi.simulator.reply import Reply, frame, json_reply
from anyapi.simulator.request import Request


async def _healthz(provider: RunningProvider, request: Request) -> Reply:
    del request
    return json_reply({"status": "ok", "provider": provider.spec.id})


async def _ledger(provider: RunningProvider, request: Request) -> Reply:
    """Return the ledger; `?wait=SECONDS` first waits until nothing is in flight, `?entries=0` leaves the single requests out."""
    query = urllib.parse.parse_qs(request.query)
    if "wait" in query:
        problem = await _idle(provider.ledger, query["wait"][-1])
        if problem is not None:
            return problem
    totals_only = query.get("entries") == ["0"]
    return json_reply(provider.ledger.totals_as_json() if totals_only else provider.ledger.as_json())


async def _idle(ledger: Ledger, seconds: str) -> Reply | None:
    try:
        await ledger.idle(float(seconds))
    except ValueError:
        return json_reply({"error": "wait is a number of seconds."}, 400)
    except TimeoutError:
        return json_reply({"error": f"{ledger.in_flight} requests are still in flight."}, 504)
    return None


async def _bodies(provider: RunningProvider, request: Request) -> Reply:
    del request
    if not provider.record_bodies:
        return json_reply({"error": "Bodies are not recorded. Start the simulator with --record-bodies to keep them."}, 404)
    return json_reply(provider.ledger.bodies_as_json())


async def _reset(provider: RunningProvider, request: Request) -> Reply:
    del request
    provider.ledger.reset()
    return json_reply({"reset": True})


async def _show_script(provider: RunningProvider, request: Request) -> Reply:
    del request
    return json_reply({"left": provider.turns_left})


async def _script(provider: RunningProvider, request: Request) -> Reply:
    try:
        items = read_script(request.body)
    except BadFault as error:
        return json_reply({"error": str(error)}, 400)
    provider.script(items)
    return json_reply({"accepted": len(items)})


_ROUTES: dict[tuple[str, str], Callable[[RunningProvider, Request], Awaitable[Reply]]] = {
    ("GET", "/healthz"): _healthz,
    ("GET", "/ledger"): _ledger,
    ("GET", "/ledger/bodies"): _bodies,
    ("POST", "/ledger/reset"): _reset,
    ("GET", "/script"): _show_script,
    ("POST", "/script"): _script,
}


def is_control(request: Request) -> bool:
    """Say whether the request is for the simulator and not for the provider it plays."""
    return (request.method, request.path) in _ROUTES


async def answer_control(provider: RunningProvider, request: Request) -> Exchange:
    """Carry out a control request."""
    reply = await _ROUTES[request.method, request.path](provider, request)
    return Exchange(frame(reply, request.then))
