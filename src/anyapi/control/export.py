"""Taking along all that is held of an account: an archive is asked for, then fetched, while its progress can be looked at.

An archive that was asked for is a few numbers in this process's memory; it is made while it is sent (`archive.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from anyapi import __version__
from anyapi.control.archive import Subject, archive
from anyapi.control.history import note
from anyapi.control.layers import account_of
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Export, ExportState, Services
from anyapi.control.threads import in_thread
from anyapi.control.tokens import new_id
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission
from anyapi.errors import NotFound, RateLimited

MOST_AT_ONCE, MOST_KEPT = 2, 10
"""Archives that are made at once in all, and that are remembered of one account."""
ZIP = "application/zip"
WRITE = {"permission": Permission.WRITE_MEMBERS}


@post("/api/accounts/{account:str}/exports", opt=WRITE)
@in_thread
def ask_for_export(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]) -> Export:
    """Ask for an archive of all that is held of the account; fetch it from `.../exports/{id}/archive`."""
    account_of(services, account)
    note(services, signed_in, account, "account_exported", account)
    export = Export(new_id("exp"), account, services.clock(), sum(services.holdings.held(account).values()), 0, "", ExportState.WAITING)
    mine = [one.id for one in tuple(services.exports.values()) if one.account == account]
    for forgotten in mine[: max(0, len(mine) + 1 - MOST_KEPT)]:
        services.exports.pop(forgotten, None)
    services.exports[export.id] = export
    return export


@get("/api/accounts/{account:str}/exports/{export_id:str}", opt=WRITE, sync_to_thread=False)
def show_export(services: NamedDependency[Services], account: FromPath[AccountId], export_id: FromPath[str]) -> Export:
    """How far an archive is."""
    return _own(services, account, export_id)


@get("/api/accounts/{account:str}/exports/{export_id:str}/archive", opt=WRITE, media_type=ZIP)
@in_thread
def fetch_export(services: NamedDependency[Services], account: FromPath[AccountId], export_id: FromPath[str]) -> Stream:
    """The archive (ZIP), made while it is sent. At most two are made at once, of one account one: a slow reader keeps nobody out."""
    export = _own(services, account, export_id)
    running = [one.account for one in tuple(services.exports.values()) if one.state is ExportState.RUNNING]
    if len(running) >= MOST_AT_ONCE or account in running:
        raise RateLimited("Other archives are being made: try again in a moment.", retry_after=5.0)
    inventory, contact, now = services.inventory()["stored"], services.privacy.contact, services.clock()
    subject = Subject(account_of(services, account), inventory, contact, now, __version__)  # type: ignore[arg-type]

    def progress(record: str, done: int) -> None:
        export.record, export.done = record, done

    pieces = archive(services.holdings, subject, progress)  # raises now what would keep it from being whole
    headers = {"content-disposition": f'attachment; filename="anyapi-{account}.zip"'}
    return Stream(_sent(export, pieces), media_type=ZIP, headers=headers)


async def _sent(export: Export, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread when the one before it is on its way: a slow reader makes nothing pile up."""
    export.state, export.done = ExportState.RUNNING, 0
    try:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            if piece:
                yield piece
        export.state, export.done = ExportState.DONE, max(export.done, export.rows)
    finally:
        if export.state is ExportState.RUNNING:
            export.state = ExportState.FAILED


def _own(services: Services, account: AccountId, export_id: str) -> Export:
    export = services.exports.get(export_id)
    if export is None or export.account != account:
        raise NotFound("There is no such archive in this account: ask for another one.")
    return export
