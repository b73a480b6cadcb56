"""A gateway that runs on this machine, as something to prove: where it is, which processes it has, where they write.

What it cannot have there it leaves out, and says so: nobody can make a real provider fail on demand.
"""

import contextlib
import http.client
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from anyapi.config import Config, Listen
from anyapi.config_values import Metrics
from anyapi.crypto.api_keys import generate
from anyapi.domain.catalogue import Catalogue, Operation
from anyapi.domain.ids import AccountId, KeyId
from anyapi.prove import dialects
from anyapi.prove.caller import Caller, Ended, Outcome, ends
from anyapi.prove.outcomes_here import REFUSED, ended_here
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
LIMITS = ("slow ", "large body")
"""How classes begin whose end depends on limits that the operator may have set otherwise."""


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


def installation(config: Config, driver: Driver, secret: str, asked: Asked) -> tuple[Caller, Installation]:
    """Who asks the gateway, and where it writes."""
    target, planted = Target(asked.url or url_of(config), secret), Planted()
    planted.secrets.append(secret)
    pids = listening(target.port, target.path)
    unreadable = ""
    logs = list(asked.logs)
    for pid in pids:
        files, elsewhere = outputs(pid)
        logs += files
        if elsewhere and not asked.logs:
            unreadable = f"the output of process {pid} goes to a pipe or the journal: name the files that it ends in with --log"
    model, vectors = models_of(config.catalogue, asked.models, served(target))
    named = {b"acme/good": model, b"acme/wire-openai": model, b"acme/wire-anthropic": model, b"acme/vectors": vectors or model}
    caller = Caller(target, None, planted, {name: known.encode() for name, known in named.items()})
    place = Installation(
        target=target,
        driver=driver,
        data_dir=config.data_dir,
        model=model,
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
    return caller, place


def _unseen(config: Config, asked: Asked) -> str:
    """Why spans cannot be searched, where there are some and nobody said where."""
    return "" if asked.spans or config.traces.endpoint is None else ELSEWHERE


def _metrics_of(metrics: Metrics) -> Target | None:
    """Of the first worker: the others tell of nothing else."""
    return None if metrics.listen is None else Target(f"http://{_here(metrics.listen)}", "")


def served(target: Target) -> Sequence[str]:
    """The models that a gateway can send to somebody; none where it does not say."""
    try:
        answer = msgspec.json.decode(target.request("GET", "/v1/models?eligible=1").body, type=_Served)
    except (OSError, http.client.HTTPException, ValueError):
        return ()
    return [each.id for each in answer.data]


class _Model(msgspec.Struct):
    id: str


class _Served(msgspec.Struct):
    """Of the list of models what is needed here."""

    data: list[_Model] = []


def models_of(catalogue: Catalogue, wanted: Sequence[str], first: Sequence[str] = ()) -> tuple[str, str | None]:
    """A model for chats, the first that is wanted, and one for vectors, if the catalogue has one; one of `first` where one of them will.

    Of a model that no provider's key is there for, a gateway says no more than that: it does not come to the other ways to end a request.
    """
    chats = [
        name for name, model in catalogue.models.items() if any(Operation.CHAT_COMPLETIONS in one.operations for one in model.endpoints)
    ]
    vectors = [name for name, model in catalogue.models.items() if any(Operation.EMBEDDINGS in one.operations for one in model.endpoints)]
    chats, vectors = (sorted(names, key=lambda name: name not in first) for names in (chats, vectors))
    return (wanted[0] if wanted else chats[0]), (vectors[0] if vectors else None)


def classes(*, vectors: bool, models: Sequence[str]) -> Iterator[Outcome]:
    """Those that a gateway ends itself, in every format; with `models`, also answers of each, whole and streamed."""
    for outcome in ended_here():
        if not outcome.name.startswith(LIMITS) and (vectors or not outcome.name.startswith(dialects.EMBEDDINGS)):
            yield outcome._replace(wanted=REFUSED) if outcome.name.endswith("no endpoint permitted") else outcome
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
