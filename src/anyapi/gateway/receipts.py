"""`GET /v1/receipts/{decision}`: what was decided and done for one request, with the proof that it stands in the audit log."""

import asyncio
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from anyapi.domain.ids import AccountId, DecisionId
from anyapi.domain.receipt import NoReceipt
from anyapi.errors import NotFound, NotRecorded, Overloaded, RateLimited, StorageError
from anyapi.gateway.authenticate import authenticate
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.error_envelope import echo_in_private
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.render import JSON

_DECISION = re.compile(rb"/receipts/(dec_[0-9a-f]{26})\Z")
MOST_WAITING, RETRY_SECONDS = 8, 1.0
"""Receipts of one account that are made or wait to be: one after the other, for all accounts, and with several workers on one database each
may wait for the log. Nobody is to keep the others waiting for long."""
_thread = ThreadPoolExecutor(1, thread_name_prefix="receipts")
_waiting: Counter[AccountId] = Counter()


async def receipt(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer with the receipt of a decision of the key's own account; another account's is a 404 like one that never was.

    Raises `NotFound`, `NotRecorded`, or `Overloaded` where the log cannot be read.
    """
    principal = authenticate(call.credential, plane.principals, plane.clock)
    plane.ask(principal, call, ChatRequest())  # nothing is asked, but a misspelt header is refused as everywhere
    named = _DECISION.search(call.path)
    if named is None:
        raise NotFound("A decision's id is `dec_` and 26 hex digits: the answer's X-AnyAPI-Decision.")
    decision, account = DecisionId(named[1].decode()), principal.account
    if _waiting[account] >= MOST_WAITING:
        raise RateLimited(
            f"{MOST_WAITING} receipts of this account are being made. Ask for this one when they are there.", None, RETRY_SECONDS
        )
    _waiting[account] += 1
    try:
        found = await asyncio.get_running_loop().run_in_executor(_thread, plane.outlets.receipts, account, decision)
    except StorageError:
        raise Overloaded("The audit log cannot be read now. Try again; if it lasts, tell the operator.") from None
    finally:
        _waiting[account] -= 1
        if not _waiting[account]:
            del _waiting[account]
    if found is NoReceipt.UNKNOWN:
        raise NotFound("There is no such decision of this account.")
    if isinstance(found, NoReceipt):
        raise NotRecorded("The operator leaves requests of this class out of the audit log: there is no receipt.")
    reply.send(200, JSON + echo_in_private(call), found)
