"""A real gateway with its dashboard, and Debian's Chromium to look at it. Every page that is opened is watched.

Nothing may be asked of anything but loopback, nothing may break the content security policy, no script may fail.
"""

import contextlib
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright
from tests.tools.gateway import running_gateway

import anyapi
from anyapi.simulator import DEFAULT_PROVIDERS, SimulationThread, demo_config_toml

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
BUILT = Path(anyapi.__file__).parent / "dashboard/index.html"
PASSWORD = "correct horse battery staple"
WATCH = "window.broken = []; addEventListener('securitypolicyviolation', (event) => broken.push(event.violatedDirective + ' ' + event.blockedURI));"


@dataclass
class Seen:
    """What happened in a browser that must not happen."""

    strangers: list = field(default_factory=list)
    failures: list = field(default_factory=list)


@dataclass
class Place:
    """A gateway and its dashboard, with the first person's address and password."""

    gateway: object
    url: str
    browser: object
    seen: Seen
    email: str = "ada@example.org"
    session: dict | None = None
    """The browser state of whoever joined last: gives another page their session without signing in."""

    def first_run_link(self) -> str:
        command = [sys.executable, "-m", "anyapi", "people", "first-run", "--config", str(self.gateway.home / "anyapi.toml")]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
        token = re.search(r"#(\S+)", printed)[1]
        return f"{self.url}/join#{token}"

    @contextlib.contextmanager
    def page(self, **options):
        """A page in a browser profile of its own; what it must not do is noted."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.add_init_script(WATCH)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.seen.failures.append(f"{page.url}: {error}"))
        page.on("console", lambda message: "Content Security" in message.text and self.seen.failures.append(message.text))
        try:
            yield page
            self.seen.failures += page.evaluate("window.broken")
        finally:
            context.close()

    def _request(self, request):
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname != "127.0.0.1":
            self.seen.strangers.append(request.url)

    def join(self, page, link, name, email):
        page.goto(link)
        page.get_by_label("Your name").fill(name)
        page.get_by_label("E-mail address").fill(email)
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name=re.compile("Begin|Join")).click()
        page.get_by_role("heading", name="Activity").wait_for()
        self.session = page.context.storage_state()

    def sign_in(self, page):
        page.goto(self.url)
        self.enter(page)

    def enter(self, page):
        page.get_by_label("E-mail address").fill(self.email)
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Activity").wait_for()


@pytest.fixture(scope="module")
def place(request, tmp_path_factory):
    """Before anybody is known. A module may name other `PROVIDERS`, and the `ENVIRONMENT` of the gateway."""
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    if not BUILT.exists():
        pytest.skip("the dashboard is not built: it needs npm, then `make setup`")
    providers, environment = getattr(request.module, "PROVIDERS", DEFAULT_PROVIDERS), getattr(request.module, "ENVIRONMENT", {})
    with SimulationThread(providers) as simulation, sync_playwright() as playwright:
        toml = '[control]\nlisten = "127.0.0.1:0"\n\n' + demo_config_toml(simulation.simulation.ports, providers)
        with running_gateway(tmp_path_factory.mktemp("dashboard") / "home", toml, environment=environment, control=True) as gateway:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            found = Place(gateway, gateway.control_url(), browser, Seen())
            yield found
            browser.close()
            assert found.seen == Seen()
