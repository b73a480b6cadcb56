"""A PostgreSQL server of the test run's own: Debian's binaries, an unprivileged user, a port and a directory of its own.

One for all tests of a run, also when several processes run them: whoever needs it first starts `python -m tests.tools.postgres`, which
ends it when the run is over, however that ends. A test that stops or halts a server starts one of its own.
"""

import atexit
import contextlib
import fcntl
import functools
import itertools
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings

import psycopg
import pytest

MISSING = "PostgreSQL is not installed (apt-get install postgresql, as root): nothing is tested on it"
RUN = "ANYAPI_TEST_POSTGRES"
"""Environment variable: the run's directory, and the process that runs it."""
_OPTIONS = (
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=32MB",
    "max_connections=200",
    "autovacuum=off",
    "listen_addresses=127.0.0.1",
)
_NUMBERS = itertools.count()
_STARTED = []
"""Kept: who forgets a running process is warned of it."""


def binaries():
    """The newest installed server's directory of programs, or None."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _user():
    """Whom the server runs as: it refuses to run as root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("there is no unprivileged user to run PostgreSQL as")


def free_port():
    """A port that nobody has, and that no connection is given (Linux takes those from 32768 on) until somebody listens there."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def end_others(raw):
    """End every other connection to the database, and wait until it is gone."""
    raw.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _cpu(pid, kinds):
    """Seconds of CPU of a process: its own, the system's for it and, as kinds 3 and 4, both of its children that have ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11 : 11 + kinds])) / os.sysconf("SC_CLK_TCK")


class Address:
    """Where a server listens."""

    def __init__(self, port):
        self.port = port

    def url(self, database):
        return f"postgresql://anyapi:not-asked@127.0.0.1:{self.port}/{database}"

    def as_superuser(self, database="postgres"):
        """A connection that goes past every wall."""
        return psycopg.connect(f"postgresql://root@127.0.0.1:{self.port}/{database}", autocommit=True)


class PostgresServer(Address):
    """A server in a new directory."""

    def __init__(self):
        super().__init__(free_port())
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="anyapi-postgres-"))
        self._as = _user()
        if self._as:
            os.chown(self.home, self._as["user"], self._as["group"])
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self._run("initdb", "--auth=trust", "--username=root", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D", self.home / "data")
        self.start()
        with contextlib.closing(self.as_superuser()) as raw:
            raw.execute("CREATE ROLE anyapi LOGIN NOSUPERUSER NOBYPASSRLS")

    def start(self):
        options = [part for option in (*_OPTIONS, f"port={self.port}", f"unix_socket_directories={self.home}") for part in ("-c", option)]
        command = [binaries() / "postgres", "-D", self.home / "data", *options]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self._environment, cwd=self.home, start_new_session=True, **self._as
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.as_superuser().close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.home / "log").read_text()) from None
                time.sleep(0.02)

    def stop(self, how=signal.SIGINT):
        """Stop it: SIGINT ends connections and writes a checkpoint, SIGQUIT does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(30)

    def halt(self):
        """Halt every process of it: nothing is refused, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self):
        self._signal(signal.SIGCONT)

    def spent(self):
        """Seconds of CPU that its processes have used so far, those that have ended among them."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return _cpu(pid, 4) + sum(_cpu(child, 2) for child in children)

    def _signal(self, number):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False).stdout.split()
        for pid in (self.process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def close(self):
        self.go_on()
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program, *arguments):
        done = subprocess.run(
            [binaries() / program, *arguments],
            env=self._environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)


class Run(Address):
    """The server of this test run, seen from one of its processes."""

    def __init__(self, port):
        super().__init__(port)
        self._spare = []
        self._admin = self.as_superuser()
        atexit.register(self._admin.close)

    @contextlib.contextmanager
    def database(self):
        """The URL of a database as a release leaves it: one for this process, emptied after each use, since making one takes 0.1 s."""
        with contextlib.ExitStack() as stack:
            name = self._spare.pop() if self._spare else self._new("anyapi_current")
            yield self.url(name)
            raw = stack.enter_context(contextlib.closing(self.as_superuser(name)))
            end_others(raw)
            raw.execute("SET session_replication_role = replica")  # past triggers and foreign keys
            tables = raw.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            ).fetchall()
            raw.execute(
                "; ".join("UPDATE published SET version = 1" if table == "published" else f"DELETE FROM {table}" for (table,) in tables)
            )
            self._spare.append(name)

    @contextlib.contextmanager
    def empty_database(self, encoding="UTF8"):
        """The URL of a database with nothing in it."""
        name = self._new(f"template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
        yield self.url(name)
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _new(self, template):
        name = f"t{os.getpid()}_{next(_NUMBERS)}"
        self._admin.execute(f"CREATE DATABASE {name} OWNER anyapi TEMPLATE {template}")
        return name


def require():
    """Skip the test, loudly, where there is no server to start."""
    if binaries() is None:
        warnings.warn(pytest.PytestWarning(MISSING), stacklevel=1)
        pytest.skip(MISSING)


@functools.cache
def run():
    """The server of this test run, started if nobody has. Skips where there is none."""
    require()
    home, _, parent = os.environ[RUN].rpartition(":")
    home = pathlib.Path(home)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        port = home / "port"
        if not port.exists():
            with (home / "supervisor.log").open("wb") as log:
                command = [sys.executable, "-m", "tests.tools.postgres", str(home), parent]
                _STARTED.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
            deadline = time.monotonic() + 90
            while not port.exists():
                if time.monotonic() > deadline:
                    raise RuntimeError((home / "supervisor.log").read_text())
                time.sleep(0.02)
        return Run(int(port.read_text()))


def supervise(home, parent):
    """Start a server with a database to copy, say where, and end it with the test run."""
    from anyapi.crypto.secret import Secret
    from anyapi.storage.postgres_driver import PostgresDriver

    with contextlib.closing(PostgresServer()) as server:
        with contextlib.closing(server.as_superuser()) as raw:
            raw.execute("CREATE DATABASE anyapi_current OWNER anyapi")
        PostgresDriver(Secret(server.url("anyapi_current"))).prepare()
        (home / "port.new").write_text(str(server.port))
        (home / "port.new").rename(home / "port")
        while pathlib.Path(f"/proc/{parent}").exists() and home.exists():
            time.sleep(0.2)


if __name__ == "__main__":
    supervise(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
