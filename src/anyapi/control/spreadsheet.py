"""Values for a spreadsheet: none of them may be taken for a formula."""

FORMULA = ("=", "+", "-", "@")


def cell(value: object) -> object:
    """A value for CSV: text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
