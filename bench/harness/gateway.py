"""AnyAPI as a target: its configuration, its database with keys, its start. Imports nothing of it: it is run as users run it."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .answers import wait_until_right
from .bodies import Scenario
from .configuration import MODEL, SECRET_NAME, TLS_MODEL, Provider, configured
from .figures import MANY_KEYS, UNRECORDED, UNSCRUBBED
from .machine import CannotRun, Cores
from .processes import Processes
from .targets import CREDENTIAL, Address, Target, free_port

ACCOUNTS = 1_000
KEYS = 10_000
COMMAND = Path(sys.executable).parent / "anyapi"
API_KEY = re.compile(r"anyapi_sk_[0-9A-Za-z]{36}")
POPULATE = Path(__file__).resolve().parent.parent / "populate.py"


class AnyApi:
    """Prepares databases once, then starts a gateway as often as asked, each time on a fresh copy."""

    def __init__(self, processes: Processes, cores: Cores, work: Path, provider: Provider) -> None:
        if not COMMAND.exists():
            raise CannotRun(f"{COMMAND} does not exist: run `make setup` first.")
        self._processes = processes
        self._cores = cores
        self._work = work
        self._provider = provider
        self._prepared: dict[bool, tuple[Path, tuple[str, ...]]] = {}
        self._starts = 0

    def prepare(self, *, many_keys: bool) -> None:
        """Makes the database with one key, or with KEYS keys of ACCOUNTS accounts. Raises CannotRun."""
        directory = self._work / ("many-keys" if many_keys else "one-key")
        if many_keys:
            command = [sys.executable, str(POPULATE), str(directory), str(ACCOUNTS), str(KEYS)]
        else:
            command = [str(COMMAND), "keys", "create", "--json", "--data-dir", str(directory)]
        keys = tuple(API_KEY.findall(self._run(command)))
        if not keys:
            raise CannotRun(f"`{' '.join(command)}` succeeded and printed no API key.")
        self._prepared[many_keys] = (directory, keys)

    def start(self, name: str) -> tuple[Target, float]:
        """Starts the variant `name`. Returns it and the seconds from exec to its first right answer."""
        pristine, keys = self._prepared[name == MANY_KEYS]
        self._starts += 1
        data_dir = self._work / f"data-{self._starts}"
        shutil.copytree(pristine, data_dir)
        port = free_port()
        configuration = self._work / f"{name}.toml"
        configuration.write_text(configured(port, data_dir, self._provider, scrub=name != UNSCRUBBED, record=name != UNRECORDED))
        address = Address(port, MODEL)
        began = time.perf_counter()
        process = self._processes.start(
            name, [str(COMMAND), "serve", "--config", str(configuration)], self._cores.gateway, self._environment()
        )
        ready = wait_until_right(address, keys[0], Scenario.JSON, process, self._processes.log(name))
        target = Target(name, process, keys, address, Address(port, TLS_MODEL), data_dir)
        return target, ready - began

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self._environment(), cwd=self._work
        )  # not where an anyapi.toml may lie
        if done.returncode != 0:
            raise CannotRun(f"`{' '.join(command)}` failed with status {done.returncode}:\n{done.stderr.strip()[-1500:]}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        """A bare environment: a provider's key that lies in the caller's would add to what is served."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {SECRET_NAME: CREDENTIAL, "SSL_CERT_FILE": str(self._provider.authority)}
