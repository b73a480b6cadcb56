"""The audit log's configuration: `[audit]`, and the key that signs it where the environment holds that. Makes no file.

INVARIANT: no text made here holds a key or a part of one.
"""

from collections.abc import Mapping
from pathlib import Path

from anyapi.audit.notes import SigningKey
from anyapi.catalogue.reading import Problems, Table
from anyapi.config_values import Audit
from anyapi.crypto.log_keys import KEY_NAME, parse_key
from anyapi.domain.requirement import DataClass
from anyapi.errors import ConfigError

KEY, KEY_FILE = "ANYAPI_AUDIT_KEY", "ANYAPI_AUDIT_KEY_FILE"


def read_audit(table: Table | None, here: Path, env: Mapping[str, str]) -> Audit:
    """`[audit]`; `key_file` is relative to `here`, and what the environment names goes before it."""
    named = Path(env[KEY_FILE]) if env.get(KEY_FILE) else None
    if table is None:
        return Audit(named)
    own = table.file_path("key_file", here)
    unrecorded: set[str | None] = set()
    if not table.flag("record_public", default=True):
        unrecorded |= {DataClass.PUBLIC.value, None}
    if not table.flag("record_internal", default=True):
        unrecorded.add(DataClass.INTERNAL.value)
    table.done()
    return Audit(named or own, frozenset(unrecorded))


def key_file_of(audit: Audit, data_dir: Path) -> Path:
    """Where the key is, or is to be made."""
    return audit.key_file or data_dir / KEY_NAME


def read_log_key(env: Mapping[str, str], problems: Problems) -> SigningKey | None:
    """The key that the environment holds itself. Notes what is wrong."""
    if not env.get(KEY):
        return None
    if env.get(KEY_FILE):
        problems.note("environment", None, KEY, f"stands beside {KEY_FILE}; keep one of them")
        return None
    try:
        return parse_key(env[KEY], "environment")
    except ConfigError:
        problems.note("environment", None, KEY, "no usable key of the audit log: it has the form PRIVATE+KEY+name+id+base64")
        return None
