"""The fields of what may be shown to others: the audit log, and the ranking of models. A part of `privacy_fields`."""

RANKING_LEDGER: dict[str, str] = {
    "week": "the Monday of a week whose ranking of models was released",
    "epsilon": "what the release may tell of an account at most",
    "delta": "and with what probability more",
}
RANKING_RELEASES: dict[str, str] = {
    "week": "which week",
    "body": "how many accounts were counted for a model and topic, with noise and from 34 on; how models did over the whole gateway",
}
RANKING_OPT_OUTS: dict[str, str] = {"account": "which account takes no part in the ranking of models"}
AUDIT_ENTRIES: dict[str, str] = {
    "position": "its place in the audit log",
    "ref": "the decision, change or key that it is about, to find it by",
    "entry": "what was decided, done, changed or started, in the fields listed here; random ids for accounts, keys, apps and people",
}
AUDIT_TILES: dict[str, str] = {
    "level": "the height in the hash tree",
    "number": "the place at that height",
    "hashes": "256 hashes of entries, or of such hashes",
    "root": "the hash over them",
}
AUDIT_CHECKPOINTS: dict[str, str] = {
    "size": "how many entries it is signed for",
    "note": "the signed note",
}
AUDIT_NAMES: dict[str, str] = {
    "log_id": "a random id of the audit log",
    "kind": "account, key, project, app, person, credential or provisioning key",
    "account": "whose it is",
    "subject": "what it stands for",
}
AUDIT_PENDING: dict[str, str] = {
    "id": "names the change",
    "at": "when it was made",
    "kind": "what kind of change it was",
    "body": "ids, settings and roles; no name, no address and no secret",
}
PUBLIC = (
    ("ranking_ledger", RANKING_LEDGER, "kept: one line a week, so that no week is released twice; nothing about accounts"),
    ("ranking_releases", RANKING_RELEASES, "kept: public, and nothing about accounts"),
    ("ranking_opt_outs", RANKING_OPT_OUTS, "until the account takes part again, or is deleted"),
    ("audit_entries", AUDIT_ENTRIES, "kept: nothing of the audit log is ever altered or deleted"),
    ("audit_tiles", AUDIT_TILES, "kept; hashes of entries"),
    ("audit_checkpoints", AUDIT_CHECKPOINTS, "kept; what anybody may be shown of the log's state"),
    ("audit_names", AUDIT_NAMES, "until the account, or the person, is deleted: then the log's ids lead to nobody"),
    ("audit_pending", AUDIT_PENDING, "until it is entered into the audit log, about a second"),
)
"""With how long each is kept."""
