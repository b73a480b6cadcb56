"""The two nginx processes of a run: the mock provider and the plain proxy that is the yardstick. Writes their configurations."""

import os
from pathlib import Path

from . import bodies, routes
from .answers import wait_until_right
from .bodies import Scenario
from .machine import Cores
from .processes import Processes
from .targets import CREDENTIAL, Address, Target, free_port
from .tools import Tools

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
CLIENT_KEY = "bench-client-key-0001"
UPSTREAM_MODEL = "bench-{}"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """Starts nginx for one run, with everything it writes below `work`."""

    def __init__(self, tools: Tools, processes: Processes, cores: Cores, work: Path) -> None:
        self._tools = tools
        self._processes = processes
        self._cores = cores
        self._work = work
        self.http_port = free_port()
        self.tls_port = free_port()

    def start_mock(self) -> Target:
        """The mock provider, on the load's core. The certificates must have been made."""
        bodies.write_answers(self._work)
        (self._work / "message.json").write_bytes(routes.message())
        (self._work / "message_events.txt").write_bytes(b"".join(routes.message_events()))
        fill = {
            "MODULES": "\n".join(f"load_module {path};" for path in self._tools.nginx_modules),
            "PACED_PAUSE": str(bodies.PACED_PAUSE_S),
            "SLOW_PAUSE": str(bodies.SLOW_PAUSE_S),
        }
        return self._start("direct", "mock", self._cores.load, fill, (CREDENTIAL, self.http_port, self.tls_port))

    def start_proxy(self) -> Target:
        """The yardstick, on the gateway's core, in front of the mock."""
        port, tls_port = free_port(), free_port()
        fill = {"PROXY_PORT": str(port), "PROXY_TLS_PORT": str(tls_port), "CLIENT_KEY": CLIENT_KEY}
        return self._start("nginx", "proxy", self._cores.gateway, fill, (CLIENT_KEY, port, tls_port))

    def _start(self, name: str, template: str, core: int, fill: dict[str, str], at: tuple[str, int, int]) -> Target:
        key, port, tls_port = at
        configuration = self._work / f"{template}.conf"
        configuration.write_text(self._filled(template, fill))
        command = [self._tools.nginx, "-p", str(self._work), "-e", str(self._processes.log(template)), "-c", str(configuration)]
        process = self._processes.start(template, command, core)
        target = Target(name, process, (key,), Address(port, UPSTREAM_MODEL), Address(tls_port, UPSTREAM_MODEL))
        wait_until_right(target.plain, key, Scenario.JSON, process, self._processes.log(template))
        return target

    def _filled(self, template: str, fill: dict[str, str]) -> str:
        common = {
            "USER": "user root;" if os.geteuid() == 0 else "",  # root's workers would otherwise not be able to read our directory
            "WORK": str(self._work),
            "TEMPLATES": str(TEMPLATES),
            "TEMP_PATHS": " ".join(f'{name}_temp_path "{self._work}/nginx-{name}";' for name in TEMPORARY),
            "HTTP_PORT": str(self.http_port),
            "TLS_PORT": str(self.tls_port),
            "CREDENTIAL": CREDENTIAL,
        }
        text = (TEMPLATES / f"{template}.conf.in").read_text()
        for name, value in (common | fill).items():
            text = text.replace(f"@{name}@", value)
        return text
