"""Several real gateways on one PostgreSQL, each with a directory and a port of its own, and a way to cut one off from the database."""

import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time

from tests.tools.gateway import Gateway, add_key

from anyapi.crypto.secret import Secret
from anyapi.simulator import SimulationThread, demo_config_toml
from anyapi.storage.drivers import driver_for
from anyapi.storage.sql_store import SqlStore


class Cluster:
    """The gateways, their database's URL and the store beside them."""

    def __init__(self, directory, url, simulation, lease):
        self.directory, self.url, self.simulation, self.lease = directory, url, simulation, lease
        self.driver = driver_for(directory, Secret(url))
        self.store = SqlStore(self.driver)
        self.key, self.key_id = self.make_key()
        self.workers = []

    def make_key(self, account="default"):
        return add_key(self.store, account)

    def gateway(self, url=None, *, control=False, listen="127.0.0.1:0"):
        """A gateway that is not started; `url` is another way to the same database."""
        home = self.directory / f"worker {len(self.workers)}"
        home.mkdir(mode=0o700, parents=True)
        plane = f'[control]\nenabled = {str(control).lower()}\nlisten = "127.0.0.1:0"\n\n[server]\nlisten = "{listen}"\nlease = {self.lease}\n\n'
        head = f"{plane}[storage]\ndata_dir = {json.dumps(str(home))}\n\n"
        (home / "anyapi.toml").write_text(head + demo_config_toml(self.simulation.simulation.ports))
        self.workers.append(
            Gateway(
                home,
                self.key,
                environment={"ANYAPI_DATABASE_URL": url or self.url, "ANYAPI_AUDIT_KEY_FILE": str(self.directory / "audit.key")},
            )
        )
        return self.workers[-1]

    def start(self, url=None, **options):
        worker = self.gateway(url, **options)
        worker.start()
        return worker

    def command(self, *arguments):
        """A command on this machine, as JSON."""
        worker = self.workers[0]
        command = [sys.executable, "-m", "anyapi", *arguments, "--json", "--config", str(worker.home / "anyapi.toml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=worker_environment(worker), check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def close(self):
        for worker in self.workers:
            if worker.process is not None:
                worker.process.kill()
                worker.process.wait()
                worker.process.stdout.close()
        self.store.close()


def worker_environment(worker):
    return {**os.environ, **worker.environment}


@contextlib.contextmanager
def cluster(directory, url, lease=10):
    with SimulationThread() as simulation, contextlib.closing(Cluster(directory, url, simulation, lease)) as opened:
        yield opened


class Wire:
    """A TCP proxy that can stop carrying: to both sides it looks as if the network had swallowed the other."""

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut = False
        self._pairs = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self):
        self._closing = True
        self._thread.join()
        for one in (self._listener, *self._pairs):
            one.close()
        self._selector.close()

    def _run(self):
        while not self._closing:
            for key, _ in self._selector.select(0.05):
                if self.cut:
                    time.sleep(0.02)
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    self._carry(key.fileobj)

    def _accept(self):
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            near.close()
            return
        self._pairs |= {near: far, far: near}
        for one in (near, far):
            self._selector.register(one, selectors.EVENT_READ)

    def _carry(self, one):
        if one not in self._pairs:
            return  # its other end closed in the same turn
        try:
            data = one.recv(65536)
            if data:
                self._pairs[one].sendall(data)
                return
        except OSError:
            pass
        for end in (one, self._pairs[one]):
            self._selector.unregister(end)
            del self._pairs[end]
            end.close()
