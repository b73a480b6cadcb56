"""Every field that is stored of sealed logs, with what it is for: a part of `privacy_fields`."""

LOG_RECIPIENTS: dict[str, str] = {
    "id": "names somebody whom an account has its prompt log sealed to",
    "account": "whose log it is",
    "recipient": "their public key (age); the key that opens the log is nowhere here",
    "name": "shown to people",
    "created_at": "when they were added",
}
LOG_RULES: dict[str, str] = {
    "account": "which account opted into a prompt log",
    "layer": "for all of it, a project or a key",
    "subject": "id of the account, project or key",
    "keeps": "what is kept: prompts, responses, both or nothing",
    "share": "of how many of the requests",
    "ttl_days": "for how many days",
    "changed_at": "when that was changed",
}
SEALED_LOGS: dict[str, str] = {
    "decision": "which request a kept entry is of",
    "account": "whose it is",
    "key": "which API key was used (its public id)",
    "project": "which project of the account",
    "at": "when the request came",
    "expires_at": "when the entry is deleted",
    "operation": "which API operation was called",
    "model": "catalogue id of the model, else `unknown`",
    "outcome": "how it ended",
    "keeps": "whether the prompt, the response or both are in it",
    "recipients": "public keys that it is sealed to: whoever holds one of the keys to them can open it, and nobody else",
    "bytes": "how long the sealed entry is",
}
SEALED_PIECES: dict[str, str] = {
    "account": "whose it is",
    "entry": "which entry it is a part of",
    "number": "which part",
    "padding": "zeros that keep ciphertext out of shared pages of the file",
    "piece": "the prompt and response, sealed with age to the account's own public keys before they were stored; unreadable here",
}
LOG_CLEARINGS: dict[str, str] = {
    "account": "which account had its prompt log deleted",
    "until": "up to when: nothing of before is added any more",
}
SEALED = (
    ("log_recipients", LOG_RECIPIENTS, "until removed"),
    ("log_rules", LOG_RULES, "until switched off: there is none unless the account opted in"),
    ("sealed_logs", SEALED_LOGS, "as long as the account chose, or until it deletes them; none unless the account opted in"),
    ("sealed_pieces", SEALED_PIECES, "as long as the entry they are parts of"),
    ("log_clearings", LOG_CLEARINGS, "until the account is deleted"),
)
