"""A real gateway with its dashboard, and Debian's Chromium to look at it. Every page that is opened is watched.

Nothing may be asked of anything but loopback, nothing may break the content security policy, no script may fail.
"""

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright
from tests.tools.control_page import PASSWORD, first_run_token
from tests.tools.gateway import running_gateway

import anyapi
from anyapi.simulator import DEFAULT_PROVIDERS, SimulationThread, demo_config_toml

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
BUILT = Path(anyapi.__file__).parent / "dashboard/index.html"
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
        return f"{self.url}/join#{first_run_token(self.gateway)}"

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
        address = page.get_by_label("E-mail address")
        if address.is_editable():  # that of an invitation stands there already
            address.fill(email)
        assert address.input_value() == email
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name=re.compile("Begin|Join")).click()
        page.get_by_role("heading", name="Activity").wait_for()
        self.session = page.context.storage_state()

    def invite(self, page, email, role):
        """Make a link for somebody else; `page` is an owner's."""
        page.goto(f"{self.url}/a/default/members")
        page.get_by_role("button", name="Invite somebody").click()
        page.get_by_role("dialog").get_by_label("E-mail address").fill(email)
        page.get_by_role("dialog").get_by_role("combobox", name="Role").click()
        page.get_by_role("option", name=re.compile(f"^{role}")).click()
        page.get_by_role("button", name="Make the link").click()
        return page.get_by_label("the link", exact=True).inner_text().strip()

    def sign_in(self, page, email=None):
        """As the first person, or as who has this address."""
        page.goto(self.url)
        self.enter(page, email)

    def enter(self, page, email=None):
        page.get_by_label("E-mail address").fill(email or self.email)
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Activity").wait_for()


@contextlib.contextmanager
def chromium():
    """Debian's browser, once the dashboard is built. Skips the test where either is not there."""
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    if not BUILT.exists():
        pytest.skip("the dashboard is not built: it needs npm, then `make setup`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(request, tmp_path_factory):
    """Before anybody is known. A module may name other `PROVIDERS`, and the `ENVIRONMENT` of the gateway."""
    providers, environment = getattr(request.module, "PROVIDERS", DEFAULT_PROVIDERS), getattr(request.module, "ENVIRONMENT", {})
    with chromium() as browser, SimulationThread(providers) as simulation:
        toml = demo_config_toml(simulation.simulation.ports, providers)
        with running_gateway(tmp_path_factory.mktemp("dashboard") / "home", toml, environment=environment, control=True) as gateway:
            found = Place(gateway, gateway.control_url(), browser, Seen())
            yield found
            assert found.seen == Seen()


@pytest.fixture(scope="module")
def owned(place):
    """The first person has joined."""
    with place.page() as page:
        place.join(page, place.first_run_link(), "Ada Lovelace", place.email)
    return place
