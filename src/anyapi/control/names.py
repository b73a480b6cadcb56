"""Names that people give to things, as others will read them: one line that shows what it is. And the ids that they choose."""

import re

from anyapi.errors import BadRequest

LONGEST_NAME, LONGEST_ID = 100, 64
ID_FORM = f"1 to {LONGEST_ID} characters of A-Z a-z 0-9 . _ -, and not points alone"
"""What an id of an account or a project has."""
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Ends of lines, what a terminal obeys, and what has the letters behind it read in another order than they stand in."""


def check_name(name: str, longest: int = LONGEST_NAME, field: str = "name") -> None:
    """Raise `BadRequest` for a name that is too long, or would show as another than it is."""
    if len(name) > longest:
        raise BadRequest(f"A name has at most {longest} characters.", field)
    if UNSEEN.search(name):
        raise BadRequest("A name is one line, without control characters and without marks that turn the direction of writing.", field)


def is_id(text: str) -> bool:
    """Whether it has the form of an id. Browsers take `.` and `..` out of an address."""
    allowed = text.isascii() and all(each.isalnum() or each in "._-" for each in text)
    return allowed and text.strip(".") != "" and len(text) <= LONGEST_ID


def plain(text: str) -> str:
    """What people named something, without what a terminal would obey: each such character as its escape."""
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
