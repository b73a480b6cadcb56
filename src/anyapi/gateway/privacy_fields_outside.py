"""The fields of what is written outside the database: the log of events, and the file that counts requests. A part of `privacy_fields`."""

LOG: dict[str, str] = {
    "event": "what happened to the process: a fixed list of words",
    "listen": "the address at which it answers",
    "version": "which state of keys and settings is in force",
    "scrubbing": "whether memory is wiped",
    "keys": "how many API keys there are",
    "kind": "of a fault, its type",
    "code": "why something failed or was refused, a word of ours or of the database",
    "count": "how many rows or credentials it is about",
    "writer": "which part writes rows no more, or again",
    "seconds": "a time span",
    "connections": "how many connections are open at the end",
    "endpoint": "whose promise an answer contradicted",
    "credential": "with which provider credential (its name)",
    "host": "which host that answer named, or where spans go",
    "decision": "the decision of that answer; no other request is ever named",
    "week": "which ranking of models was released",
}
ACCEPTED: dict[str, str] = {
    "accepted": "how many requests the process has accepted",
    "last_at": "when the newest usage row was made",
    "written": "how many rows were written",
    "announced": "how many are just being written",
    "announced_first": "the decision of the first of these",
}
OUTSIDE = (
    ("log", LOG, "lines on standard error, with their time: as long as the operator keeps these"),
    ("accepted", ACCEPTED, "a file in the data directory while the process runs (`*.accepted`); after a kill until the next start"),
)
