"""An HTTP request as a simulated provider received it: whole, raw, not yet understood. Parses nothing."""

import urllib.parse

import msgspec

from anyapi.simulator.steps import How


class Request(msgspec.Struct):
    """An HTTP request that was received whole."""

    method: str
    path: str
    """As it was sent, percent signs and all: signatures are made over that."""
    query: str
    headers: list[tuple[str, str]]
    """Names in lower case, in their order."""
    body: bytes
    then: How = How.CLOSE
    """What the client expects of the connection after the answer."""

    def header(self) -> dict[str, str]:
        """Return the headers by lower-case name; the last of equal names wins."""
        return dict(self.headers)

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the query, decoded; the last of equal names wins."""
        return dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True)).get(name)

    def __repr__(self) -> str:
        """Never the content, nor the query, which may hold a key."""
        return f"<Request {self.method} {self.path}>"
