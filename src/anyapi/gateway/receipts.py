"""`GET /v1/receipts/{decision}`: what was decided and done for one request, with the proof that it stands in the audit log."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from anyapi.domain.ids import DecisionId
from anyapi.domain.receipt import NoReceipt
from anyapi.errors import NotFound, NotRecorded, Overloaded, StorageError
from anyapi.gateway.authenticate import authenticate
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.error_envelope import echo
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.render import JSON

_DECISION = re.compile(rb"/receipts/(dec_[0-9a-f]{26})\Z")
_thread = ThreadPoolExecutor(1, thread_name_prefix="receipts")


async def receipt(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer with the receipt of a decision of the key's own account; another account's is a 404 like one that never was.

    Raises `NotFound`, `NotRecorded`, or `Overloaded` where the log cannot be read.
    """
    principal = authenticate(call.credential, plane.principals, plane.clock)
    plane.ask(principal, call, ChatRequest())  # nothing is asked, but a misspelt header is refused as everywhere
    named = _DECISION.search(call.path)
    if named is None:
        raise NotFound("A decision's id is `dec_` and 26 hex digits: the answer's X-AnyAPI-Decision.")
    decision = DecisionId(named[1].decode())
    try:
        found = await asyncio.get_running_loop().run_in_executor(_thread, plane.outlets.receipts, principal.account, decision)
    except StorageError:
        raise Overloaded("The audit log cannot be read now. Try again; if it lasts, tell the operator.") from None
    if found is NoReceipt.UNKNOWN:
        raise NotFound("There is no such decision of this account.")
    if isinstance(found, NoReceipt):
        raise NotRecorded("The operator leaves requests of this class out of the audit log: there is no receipt.")
    reply.send(200, JSON + echo(call), found)
