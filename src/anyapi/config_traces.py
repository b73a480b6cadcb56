"""Reads `[traces]`: where spans go, which share of requests has some, and the headers that the collector wants. Asks nobody anything.

INVARIANT: no text made here holds a header's value or a part of one.
"""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import Form
from anyapi.config_secrets import Unreadable, from_file
from anyapi.config_values import Traces, is_loopback
from anyapi.crypto.secret import Secret

ENDPOINT, HEADERS = "ANYAPI_TRACES_ENDPOINT", "ANYAPI_TRACES_HEADERS"
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*"
_URL = Form(
    re.compile(rf"https?://({_HOST})(:[1-9][0-9]{{0,4}})?(/[A-Za-z0-9._~-]+)+/?"),
    "an http or https URL with its path, such as http://127.0.0.1:4318/v1/traces, without user name, query or fragment",
)
_LINE = re.compile(r"([A-Za-z0-9-]{1,64}): ?([\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?)")
_OURS = re.compile(r"accept-encoding|connection|content-.*|expect|host|te|trailer|transfer-encoding|upgrade|user-agent", re.IGNORECASE)
"""Headers that belong to the request itself."""
_MOST_HEADERS = 16
_FORMS = "must be lines of `Name: value`, each name once, at most 16, none of them about the request itself (Host, Content-Type, ...)"


def read_traces(table: Table | None, here: Path, env: Mapping[str, str], problems: Problems) -> Traces:
    """`[traces]`; a path is relative to the directory `here`; the endpoint of the environment goes before the file's. No header is read."""
    found = Traces()
    if table is not None:
        sample = table.number("sample", 0.0, 1.0)
        found = Traces(
            table.optional_text("endpoint", _URL), found.sample if sample is None else sample, table.file_path("headers_file", here)
        )
        if found.endpoint is not None and not _port_fits(found.endpoint):
            table.note("endpoint", "has a port above 65535")
        if table.has("headers"):
            table.note("headers", f"must not stand in this file: name a file in headers_file, or set {HEADERS}")
            table.raw("headers")
        table.done()
    given = env.get(ENDPOINT) or None
    if given is None:
        return found
    if not _URL.fits(given) or not _port_fits(given):
        problems.note("environment", None, ENDPOINT, f"must be {_URL.description}")
        return found
    return msgspec.structs.replace(found, endpoint=given)


def with_headers(traces: Traces, env: Mapping[str, str], problems: Problems) -> Traces:
    """The same with the headers, where there are some to look up."""
    given, file = env.get(HEADERS) or None, traces.headers_file
    if given is None and file is None:
        return traces
    try:
        headers = headers_in(given or from_file(file or Path()))
        wrong = _wrong_with(traces.endpoint, headers)
    except Unreadable as error:
        headers, wrong = None, str(error)
    if wrong is None:
        return msgspec.structs.replace(traces, headers=headers)
    if given is not None:
        problems.note("environment", None, HEADERS, wrong)
    else:
        problems.note(str(file), None, None, f"headers for the collector (`traces.headers_file`): {wrong}")
    return traces


def installed() -> bool:
    """Whether the extra for traces is there. Imports none of it: the parents are no more than names."""
    try:
        return all(importlib.util.find_spec(name) is not None for name in ("opentelemetry.proto", "google.protobuf"))
    except ModuleNotFoundError:
        return False


def _wrong_with(endpoint: str | None, headers: Mapping[str, Secret] | None) -> str | None:
    """Why these headers cannot be sent there."""
    if endpoint is None:
        return "there is no traces.endpoint, so nothing would be sent anywhere"
    if headers is None:
        return _FORMS
    if endpoint.startswith("http://") and not is_loopback(_host_of(endpoint)):
        return "would cross the network readable: with headers, traces.endpoint must be https, or on this machine"
    return None


def headers_in(text: str) -> dict[str, Secret] | None:
    """The headers of a text; None where it does not hold headers and nothing else."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_LINE.fullmatch(line) for line in lines]
    headers = {each[1].lower(): Secret(each[2]) for each in found if each is not None and not _OURS.fullmatch(each[1])}
    return headers if 0 < len(headers) == len(lines) <= _MOST_HEADERS else None


def _host_of(endpoint: str) -> str:
    return re.sub(r":[0-9]+$", "", endpoint.split("/")[2]).strip("[]")


def _port_fits(endpoint: str) -> bool:
    port = re.search(r":([0-9]+)$", endpoint.split("/")[2])
    return port is None or int(port[1]) < 65536
