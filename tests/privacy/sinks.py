"""A gateway with a room of its own (data, working directory, temporary directory, home), and a search of everything it could have written to.

Sinks: the data directory with the database, its -wal and -shm; standard output and error; the working directory with core files in it; the
temporary directories, also those of the machine; the home; arguments and environments of all processes; what the status pages, the
model list and the command line answer; what a collector of traces is sent.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.tools.gateway import METRICS, Gateway, make_key
from tests.tools.google_account import key_file

from anyapi.prove import search
from anyapi.prove.collector import collecting
from anyapi.simulator import ProviderSpec, SimulationOptions, SimulationThread, WireName, demo_config_toml
from anyapi.storage.connection import database_path
from anyapi.storage.schema import prepare

PLUGIN = Path(__file__).parent / "plugin"
SHARED_FOLDERS = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # what a careless library would use
OF_TESTS = ("pytest-", "anyapi-postgres-", "anyapi-run-")
"""How the folders of tests begin in there, those of other tests' databases among them."""
COMMANDS = (
    "usage",
    "usage --json",
    "usage --by host",
    "usage --by evidence --json",
    "evidence list --all",
    "evidence list --all --json",
    "keys list",
    "keys list --json",
    "credentials list",
    "credentials list --json",
    "settings show",
    "settings show --json",
)
ALL_COMMANDS = """import sys
from anyapi.cli import main
for command in sys.argv[2:]:
    main([*command.split(), "--config", sys.argv[1]], standalone_mode=False)
    print("\\f", flush=True)
"""
"""In one process, since starting it takes longer than any of them."""
START = 30.0


class Room:
    """Where one gateway lives during a test. `parts` are the directories that are searched."""

    def __init__(self, folder: Path) -> None:
        """Make the directories; the simulators and the test itself write nothing into them."""
        self.folder = folder
        self.data, self.work, self.temporary, self.home = (folder / name for name in ("data", "work", "temporary", "home"))
        self.armed = folder / "armed"
        """Not searched: here the test tells the plugin what to do."""
        self.credentials = folder / "credentials"
        """Not searched: here the operator keeps the providers' keys."""
        self.output = folder / "output"
        """Standard output of every start, one file."""
        self.spans = folder / "spans"
        """What its collector of traces was sent."""
        self.made = time.time()
        for part in (self.work, self.temporary, self.home, self.armed, self.credentials):
            part.mkdir(parents=True)
        self.output.touch()

    def environment(self, faults: Sequence[str] = ()) -> dict[str, str]:
        """Variables for the gateway; `faults` as the plugin reads them."""
        own = {"HOME": str(self.home), "TMPDIR": str(self.temporary), "XDG_CACHE_HOME": str(self.home / "cache")}
        if faults:
            path = os.pathsep.join([str(PLUGIN), *filter(None, [os.environ.get("PYTHONPATH")])])
            own |= {"PYTHONPATH": path, "ANYAPI_TEST_FAULTS": " ".join(faults)}
            own |= {"ANYAPI_TEST_ARMED": str(self.armed)}
        return own

    def arm(self, fault: str, mark: str = "") -> Path:
        """Let a fault act from now on, on the request of this mark, until the file that is given back is gone."""
        path = self.armed / fault.replace(":", ".").replace("=", ".")
        path.write_text(mark)
        return path

    def fired(self, fault: str) -> str | None:
        """What the plugin says of a fault: `content`, `nothing`, or None if it did not act."""
        path = self.armed / f"{fault}.fired"
        return path.read_text() if path.exists() else None


class RoomGateway(Gateway):
    """A gateway whose working directory and output belong to a room."""

    room: Room

    def start(self) -> None:
        """Start (again), with core dumps allowed by its parent, and wait until it answers."""
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        before = self.room.output.stat().st_size
        try:
            with (self.home / "gateway.log").open("ab") as log, self.room.output.open("ab") as output:
                self.process = subprocess.Popen(
                    self.command(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    cwd=self.room.work,
                    env={**os.environ, **self.environment},
                )
        finally:
            resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
        self.port = int(self._first_line(before).rsplit(":", 1)[1])

    def command(self) -> list[str]:
        """The command line of the gateway."""
        return [sys.executable, "-m", "anyapi", "serve", "--config", str(self.home / "anyapi.toml")]

    def _first_line(self, before: int) -> str:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            with self.room.output.open("rb") as output:
                output.seek(before)
                line, end, _ = output.read().partition(b"\n")
            if end:
                return line.decode().strip()
            time.sleep(0.01)
        raise AssertionError(f"the gateway did not start\n{self.log()[-2000:]}")

    def stop(self, number: int = signal.SIGTERM, patience: float = 40.0) -> int:
        """End it and give its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        status = self.process.wait(patience)
        self.process = None
        return status


@contextlib.contextmanager
def gateway_in(
    room: Room, toml: str, environment: dict[str, str] | None = None, server: str = "", kind: type[RoomGateway] = RoomGateway
) -> Iterator[RoomGateway]:
    """A running gateway in a room; `toml` is its configuration without `[server]` and `[storage]`."""
    room.data.mkdir(mode=0o700, exist_ok=True)
    prepare(database_path(room.data))
    key, _ = make_key(room.data)
    head = f'[server]\nlisten = "127.0.0.1:0"\n{server}\n[control]\nlisten = "127.0.0.1:0"\n\n[storage]\ndata_dir = {json.dumps(str(room.data))}\n\n'
    (room.data / "anyapi.toml").write_text(head + toml)
    gateway = kind(room.data, key, environment=environment or room.environment())
    gateway.room = room
    gateway.start()
    try:
        yield gateway
    finally:
        if gateway.process is not None:
            gateway.process.kill()
            gateway.process.wait()


@contextlib.contextmanager
def simulated_in(
    room: Room,
    providers: Sequence[ProviderSpec],
    environment: dict[str, str] | None = None,
    server: str = "",
    extra: str = "",
    kind: type[RoomGateway] = RoomGateway,
    options: SimulationOptions | None = None,
) -> Iterator[tuple[RoomGateway, SimulationThread]]:
    """A gateway in a room, in front of simulated providers, whose credentials it reads from files outside the room's searched parts."""
    with collecting(room.spans) as spans, SimulationThread(providers, options or SimulationOptions()) as simulation:
        for spec in providers:
            if spec.api_key:
                (room.credentials / spec.id).write_text(held(spec, simulation))
        toml = demo_config_toml(simulation.simulation.ports, providers, keys=room.credentials)
        with gateway_in(room, toml + extra + METRICS + spans.toml, environment, server, kind) as gateway:
            yield gateway, simulation


def held(spec: ProviderSpec, simulation: SimulationThread) -> str:
    """What the operator holds of a provider's key: of a Google service account the file, which says where tokens are had."""
    if spec.wire is not WireName.VERTEX:
        return spec.api_key or ""
    tokens = next(each for each in simulation.simulation.providers.values() if each.spec.wire is WireName.GOOGLE_TOKENS)
    return key_file(f"{tokens.origin}/token")


class Search(search.Search):
    """A search of what belongs to a room."""

    def own_files(self, room: Room) -> None:
        """All that lies in the room: what a gateway can write to without being told another place."""
        for sink, folder in (("data", room.data), ("work", room.work), ("temporary", room.temporary), ("home", room.home)):
            self.folder(sink, folder)
        self.file("standard output", room.output)
        self.file("traces", room.spans)

    def files(self, room: Room) -> None:
        """The same, and new files in the machine's temporary directories."""
        self.own_files(room)
        for folder in SHARED_FOLDERS:
            self.new_files("shared temporary files", folder, room.made, search.Skipped([room.folder], OF_TESTS))

    def commands(self, gateway: Gateway) -> None:
        """What the command line shows of the store."""
        arguments = [sys.executable, "-c", ALL_COMMANDS, str(gateway.home / "anyapi.toml"), *COMMANDS]
        ran = subprocess.run(arguments, capture_output=True, env={**os.environ, **gateway.environment}, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr
        for command, said in zip(COMMANDS, ran.stdout.removesuffix(b"\f\n").split(b"\f\n"), strict=True):
            self.text(f"anyapi {command}", said + ran.stderr)

    def running(self, gateway: Gateway) -> None:
        """All that can be looked at only while the gateway runs."""
        self.processes()
        self.pages(gateway)
        self.text("metrics", gateway.metrics())
