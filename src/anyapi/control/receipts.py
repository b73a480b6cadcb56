"""Receipts in the dashboard: what was decided and done for one request, with the proof that it stands in the audit log."""

import re

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId, DecisionId
from anyapi.domain.people import Permission
from anyapi.domain.receipt import NoReceipt
from anyapi.errors import NotFound, NotRecorded

DECISION = re.compile(r"dec_[0-9a-f]{26}")
JSON = "application/json"


@get("/api/accounts/{account:str}/receipts/{decision:str}", opt={"permission": Permission.READ}, media_type=JSON)
@in_thread
def receipt(services: NamedDependency[Services], account: FromPath[AccountId], decision: FromPath[DecisionId]) -> Response[bytes]:
    """The receipt of a request, the same bytes as the data plane's `/v1/receipts`: keep them as they are to verify them."""
    found = services.receipts(account, decision) if DECISION.fullmatch(decision) else NoReceipt.UNKNOWN
    if found is NoReceipt.NOT_RECORDED:
        raise NotRecorded("The operator leaves requests of this class out of the audit log: there is no receipt.")
    if isinstance(found, NoReceipt):
        raise NotFound("There is no such decision of this account in the audit log.")
    return Response(found, media_type=JSON, headers={"content-disposition": f'attachment; filename="receipt-{decision}.json"'})
