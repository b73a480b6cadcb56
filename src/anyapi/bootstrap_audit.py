"""Puts the audit log together: its key, its writer, what it says of a start. Imports nothing heavy."""

import contextlib
import time

import msgspec

from anyapi import __version__
from anyapi.audit.entries import announced_key
from anyapi.audit.notes import PublicKey, signer_of
from anyapi.config import Config
from anyapi.config_audit import key_file_of
from anyapi.crypto.log_keys import LogKeys, make_key
from anyapi.crypto.secret import Secret
from anyapi.domain.snapshot import Agreement
from anyapi.errors import ConfigError
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.driver import Driver
from anyapi.storage.drivers import workers_alive
from anyapi.storage.events import Report

_text = msgspec.json.Encoder(order="deterministic").encode


def open_audit(config: Config, stack: contextlib.ExitStack, report: Report, driver: Driver) -> AuditWriter:
    """Open the log for writing, and make its key at the first start. Raises `ConfigError` for a key that is none."""
    file = key_file_of(config.audit, config.data_dir)
    if config.audit_key is None:
        if driver.shared and not file.exists():
            _refuse_another_key(driver)
        make_key(file)
    keys = LogKeys(file, config.audit_key)
    ours = keys().public
    if config.database_url is not None:
        _refuse_a_key_beside_others(driver, config.database_url, ours)
    writer = AuditWriter(driver, keys, time.time, unrecorded=config.audit.unrecorded, report=report)
    stack.callback(writer.close)
    return writer


def _refuse_another_key(driver: Driver) -> None:
    """One log has one key: of workers that each made their own, none could check what the others signed."""
    with AuditReader(driver) as reader:
        if reader.key_entries():
            raise ConfigError(
                "the audit log of this database is signed with a key that is not here. Give every worker the same: copy `audit.key` "
                "from the data directory of the first one, or set ANYAPI_AUDIT_KEY or ANYAPI_AUDIT_KEY_FILE"
            )


def _refuse_a_key_beside_others(driver: Driver, url: Secret, ours: PublicKey) -> None:
    """Where workers run that sign with another key, ours would make checkpoints and receipts that nobody can verify by theirs.

    With nobody else running, another key may take over: it is announced in the log.
    """
    with AuditReader(driver) as reader:
        newest, announced = reader.newest(), reader.key_entries()[-1:]
    known = {announced_key(entry).fingerprint for entry in announced}
    if newest is None or ours.fingerprint in known or signer_of(newest[1], [ours]) is not None:
        return
    if workers_alive(url):
        raise ConfigError(
            "the running workers of this database sign the audit log with another key than the one that is here. Give every worker the "
            "same file, or the same ANYAPI_AUDIT_KEY. To put another key in its place: `anyapi audit rotate`, where the old one is; "
            "if that is lost, end all workers first"
        )


class Entered:
    """The log as a sink that forgets accounts (`forgetting.Sink`)."""

    def __init__(self, writer: AuditWriter) -> None:
        """`writer` enters what waits."""
        self._writer = writer
        self.forget = writer.forget

    def flush(self) -> None:
        """Return when nothing that names an account waits in a file that is about to be rewritten. PostgreSQL rewrites none.

        There what waits is entered a moment later, because a worker that waits for it may lose its lease.
        """
        if not self._writer.driver.shared:
            self._writer.flush()


def started(config: Config) -> dict[str, str | int]:
    """What a start puts in force: catalogue, the operator's floor, classes and agreements. No secret, no name of a person."""
    return {
        "agreements": _text([_bare(each) for each in config.agreements]).decode(),
        "catalogue": config.catalogue.version,
        "classes": _text(config.presets).decode(),
        "credentials": _text([[each.id, each.provider, each.tier.value] for each in config.credentials]).decode(),
        "floor": _text(config.policy).decode(),
        "not_recorded": _text(sorted(each or "none" for each in config.audit.unrecorded)).decode(),
        "version": __version__,
    }


def _bare(agreement: Agreement) -> Agreement:
    """Who signed which document is for the operator to know: the log cannot forget it."""
    return msgspec.structs.replace(agreement, attested_by="", document="")
