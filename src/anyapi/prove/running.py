"""A gateway that runs on this machine, as something to prove: where it is, which processes it has, where they write.

What it cannot have there it leaves out, and says so: nobody can make a real provider fail on demand.
"""

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from anyapi.config import Config, Listen
from anyapi.config_values import Metrics
from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId, KeyId
from anyapi.prove import dialects
from anyapi.prove.caller import Caller, Ended, Outcome, ends
from anyapi.prove.eligible import Chosen, choose
from anyapi.prove.outcomes_here import ended_here
from anyapi.prove.planted import Mark, Planted
from anyapi.prove.serving_processes import listening, outputs, temporary, working
from anyapi.prove.sinks import Installation
from anyapi.prove.target import Target
from anyapi.storage.driver import Driver
from anyapi.storage.rows import KeyRow
from anyapi.storage.sql_store import SqlStore

KEY_SECONDS = 3600.0
"""How long the API key that is made for this is good, if nothing ends it before."""
ELSEWHERE = "they go to the collector that the configuration names: have it write a file, and name that with --spans"


class Asked(msgspec.Struct, frozen=True):
    """What was said on the command line."""

    url: str | None = None
    models: tuple[str, ...] = ()
    """Real ones, that requests may be sent to; none: nothing is sent to a provider."""
    logs: tuple[Path, ...] = ()
    spans: tuple[Path, ...] = ()
    """Files that the collector of traces writes."""
    postgres_data: Path | None = None
    """Where PostgreSQL's own files are, if it runs on this machine."""
    account: str = ""
    """Whose API key is made for it."""


def url_of(config: Config) -> str:
    """Where a gateway of this configuration answers, seen from its own machine."""
    where = config.server.listen
    if where.socket is not None:
        return f"unix:{where.socket}"
    return f"{'https' if config.server.tls is not None else 'http'}://{_here(where)}"


def _here(where: Listen) -> str:
    """Host and port, seen from the machine that listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(str(where.host), str(where.host))
    return f"{host}:{where.port}"


def new_key(account: AccountId) -> tuple[str, KeyRow]:
    """An API key for this alone: the secret, and the row to store."""
    parts, now = generate(), time.time()
    return parts.secret, KeyRow(
        id=parts.id,
        prefix=parts.prefix,
        sha256=parts.sha256,
        account=account,
        created_at=now,
        name="anyapi prove",
        expires_at=now + KEY_SECONDS,
    )


def installation(config: Config, driver: Driver, secret: str, asked: Asked) -> tuple[Caller, Installation, Chosen]:
    """Who asks the gateway, where it writes, and what it is asked. Raises `ConfigError` if it does not say what it can be asked."""
    target, planted = Target(asked.url or url_of(config), secret), Planted()
    chosen = choose(target, config.catalogue, asked.models)
    planted.secrets.append(secret)
    pids = listening(target.port, target.path)
    unreadable = ""
    logs = list(asked.logs)
    for pid in pids:
        files, elsewhere = outputs(pid)
        logs += files
        if elsewhere and not asked.logs:
            unreadable = f"the output of process {pid} goes to a pipe or the journal: name the files that it ends in with --log"
    caller = Caller(target, None, planted, {name.encode(): here.encode() for name, here in chosen.named.items()})
    place = Installation(
        target=target,
        driver=driver,
        data_dir=config.data_dir,
        model=chosen.named["acme/good"],
        pids=pids,
        logs=tuple(dict.fromkeys(logs)),
        temporary=tuple(dict.fromkeys(path for pid in pids for path in temporary(pid))),
        working=tuple(dict.fromkeys(path for pid in pids if (path := working(pid)) is not None)),
        since=time.time(),
        unreadable=unreadable,
        server_files=asked.postgres_data,
        metrics=_metrics_of(config.metrics),
        spans=asked.spans,
        spans_elsewhere=_unseen(config, asked),
    )
    return caller, place, chosen


def _unseen(config: Config, asked: Asked) -> str:
    """Why spans cannot be searched, where there are some and nobody said where."""
    return "" if asked.spans or config.traces.endpoint is None else ELSEWHERE


def _metrics_of(metrics: Metrics) -> Target | None:
    """Of the first worker: the others tell of nothing else."""
    return None if metrics.listen is None else Target(f"http://{_here(metrics.listen)}", "")


def classes(untried: Collection[str], models: Sequence[str]) -> Iterator[Outcome]:
    """Those that a gateway ends itself, in every format, less those not tried; with `models`, also answers of each, whole and streamed."""
    yield from (outcome for outcome in ended_here() if outcome.name not in untried)
    for model in models:
        yield from _answered(model)


def _answered(model: str) -> Iterator[Outcome]:
    for path in dialects.OVER_WIRES:
        for stream in (False, True):
            yield _one(path, model, stream=stream)


def _one(path: str, model: str, *, stream: bool) -> Outcome:
    """Plain words alone: a real provider refuses fields that it does not know."""

    def ask(caller: Caller, mark: Mark) -> Ended:
        said = f"Say yes. {mark('prompt')}"
        turns: dict[str, object] = {"input": said} if path == dialects.RESPONSES else {"messages": [{"role": "user", "content": said}]}
        limit = {"max_output_tokens": 16} if path == dialects.RESPONSES else {"max_tokens": 16}
        return caller.post(mark, msgspec.json.encode({"model": model, "stream": stream, **limit, **turns}), path)

    return Outcome(f"{path}: answer of {model}{', streamed' if stream else ''}", ends(200), ask)


@contextlib.contextmanager
def stored_key(store: SqlStore, row: KeyRow) -> Iterator[KeyId]:
    """Have the key in the store within the block, and revoked after it."""
    store.add_key(row)
    try:
        yield row.id
    finally:
        store.revoke_key(row.id, time.time())
