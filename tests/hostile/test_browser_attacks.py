"""T25, in Chromium: names that are scripts, foreign pages that frame or forge, a session planted before sign-in, guessing.

One gateway with its dashboard; the foreign page is served from `localhost` (another site than `127.0.0.1`) and from another port of
`127.0.0.1` (the same site to a cookie, another origin).
"""

import contextlib
import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from tests.conftest import LONG
from tests.dashboard.conftest import PASSWORD, Place, Seen, chromium
from tests.tools.gateway import simulated
from tests.tools.http_server import answering

from anyapi.control.passwords import hashed
from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Role
from anyapi.storage.people_rows import MemberRow, PersonRow
from anyapi.storage.rows import AccountRow, KeyRow, ProjectRow
from anyapi.storage.sql_people import SqlPeople

RUN = "window.ran=(window.ran||0)+1"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<SCRIPT>{RUN}</SCRIPT>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f"'\"><script>{RUN}</script>",
    f"<script src=data:text/javascript,{quote(RUN)}></script>",
    "<script src=//localhost:1/x.js></script>",
    f"<img src=x onerror={RUN}>",
    f'<img src=x onerror="{RUN}">',
    f"<img/src=x/onerror={RUN}>",
    f"<IMG SRC=x ONERROR='{RUN}'>",
    f'"><img src=x onerror={RUN}>',
    f"'><img src=x onerror={RUN}>",
    f"`><img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<math><mtext></mtext><script>{RUN}</script></math>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<marquee onstart={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN.replace('window.', '')}</script>'></iframe>",
    f'<iframe src="javascript:parent.{RUN}"></iframe>',
    '<object data="data:text/html,<script>parent.ran=1</script>"></object>',
    f'<a href="javascript:{RUN}">click</a>',
    f"javascript:{RUN}",
    f'" onmouseover="{RUN}',
    f"' autofocus onfocus='{RUN}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"<style>@import 'javascript:{RUN}';</style>",
    "<link rel=stylesheet href=//localhost:1/x.css>",
    "<meta http-equiv=refresh content='0;url=//localhost:1/'>",
    "<base href=//localhost:1/>",
    f"<template><script>{RUN}</script></template>",
    f"\u202e<img src=x onerror={RUN}>",
    "__proto__",
]
assert len(PAYLOADS) >= 40


def models_toml() -> str:
    """An operator's catalogue with a model for each payload: its name, and what is said of its source."""
    rows = []
    for number, text in enumerate(PAYLOADS):
        told = json.dumps(text, ensure_ascii=False)
        endpoint = f'{{ provider = "sim-zero", model = "xss-{number}", source = {told}, price = {{ input = 1.0, output = 1.0 }}, context_length = 1000 }}'
        rows.append(f'[[models]]\nid = "xss/m{number}"\nname = {told}\nendpoints = [{endpoint}]\n')
    return "\n".join(rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """People, accounts, projects and models whose names are payloads."""
    with chromium() as browser:
        with simulated(tmp_path_factory.mktemp("attacks") / "home", extra=f"\n{models_toml()}", control=True) as (gateway, _):
            found = Place(gateway, gateway.control_url(), browser, Seen())
            secret = hashed(PASSWORD)
            with SqlPeople(gateway.home) as people, gateway.store() as store:
                for number, text in enumerate(PAYLOADS):
                    people.add_person(PersonRow(f"per_{number}", f"p{number}@x.org", text, None, False, time.time()))
                    people.put_member(MemberRow("default", f"per_{number}", Role.MEMBER, time.time()))
                    store.add_account(AccountRow(f"a{number}", text, time.time()))
                    parts = generate()
                    store.add_key(KeyRow(parts.id, parts.prefix, parts.sha256, AccountId("default"), time.time(), name=text))
                    store.add_project(ProjectRow(f"p{number}", "default", text, time.time()))
                for email, name in (
                    (found.email, f"<img src=x onerror={RUN}>"),
                    ("eve@example.org", "Eve"),
                    ("mallory@example.org", "Mallory"),
                ):
                    people.add_person(PersonRow(f"per_{name[:3]}", email, name, secret, email == found.email, time.time()))
                    people.put_member(MemberRow("default", f"per_{name[:3]}", Role.OWNER, time.time()))
            yield found
    assert found.seen == Seen()


def call(page, method, path, body=None):
    """What the page itself would send; gives status and JSON."""
    return page.evaluate(
        """async ([method, path, body]) => {
            const me = (await (await fetch('/api/session')).json()).signed_in;
            const headers = {'x-csrf-token': me ? me.csrf : '', 'content-type': 'application/json'};
            const answer = await fetch(path, {method, headers, body: body === null ? null : JSON.stringify(body)});
            return [answer.status, await answer.json()];
        }""",
        [method, path, body],
    )


PAGES = (
    "keys",
    "members",
    "models",
    "privacy",
    "models/xss/m0",
    "models/xss/m10",
    "explain?model=xss%2Fm11",
    "activity",
    "stored",
    "me",
    "providers/sim-zero",
)


def test_names_that_are_scripts_are_shown_and_do_not_run(place):
    with place.page() as page:
        page.on("dialog", lambda dialog: (place.seen.failures.append("a dialog opened"), dialog.dismiss()))
        place.sign_in(page)
        for text in PAYLOADS[::8]:
            status, _ = call(page, "POST", "/api/accounts/default/members", {"email": f"{text[:60]}@x.org", "role": "auditor"})
            assert status < 500
        shown = set()
        for path in PAGES if LONG else PAGES[:3]:
            page.goto(f"{place.url}/a/default/{path}")
            page.get_by_role("heading", level=1).wait_for()
            expect(page.locator("[aria-label=Loading], [aria-busy=true]")).to_have_count(0)
            text = page.locator("body").inner_text()
            shown |= {each for each in PAYLOADS if each[:60].strip() in text}
            assert page.evaluate("window.ran") is None, path
            assert page.evaluate("window.broken") == [], path
            assert len(page.frames) == 1, path
        assert len(shown) >= len(PAYLOADS) - 2, f"not shown anywhere: {set(PAYLOADS) - shown}"


def test_a_payload_in_the_address_is_text(place):
    with place.page() as page:
        place.sign_in(page)
        kinds = ("/a/{}/keys", "/a/default/models/{}", "/a/default/providers/{}", "/a/default/explain?model={}")
        all_of_them = [kind.format(quote(text, safe="")) for text in PAYLOADS for kind in kinds]
        tried = [*all_of_them, "/a/default/models/%ff", "/a/default/models/100%25"] if LONG else all_of_them[::90]
        for path in (*tried, f"/join#{PAYLOADS[0]}", "/a/%/keys"):
            page.goto(place.url + path)
            page.get_by_role("heading", level=1).first.wait_for()
            assert page.evaluate("window.ran") is None, path
            assert page.evaluate("window.broken") == [], path


def test_an_inline_script_would_not_run_even_if_it_came_in(place):
    """The second wall, and the control of the tests above: the same payload put into the page breaks the policy and runs nothing."""
    context = place.browser.new_context()
    page = context.new_page()
    page.goto(place.url)
    page.get_by_role("button", name="Sign in").wait_for()
    page.evaluate(
        "void (window.hit = new Promise((done) => addEventListener('securitypolicyviolation', (event) => done(event.violatedDirective))))"
    )
    page.evaluate(f"document.body.insertAdjacentHTML('beforeend', `<img src=x onerror=\"{RUN}\">`)")
    assert page.evaluate("window.hit").startswith("script-src")
    assert page.evaluate("window.ran") is None
    context.close()


# --- foreign pages


HOSTS = ["127.0.0.1", pytest.param("localhost", marks=pytest.mark.long)]
"""The same site to a cookie, which is the harder one, and another site."""


def foreign(html):
    """A page of somebody else's; gives its port."""
    return answering(html.encode(), kind="text/html; charset=utf-8")


@pytest.mark.parametrize("host", HOSTS)
def test_nobody_frames_a_page(place, host):
    frames = "".join(
        f'<iframe src="{place.url}{path}"></iframe>' for path in ("/", "/a/default/keys", "/join", "/api/session", "/api/nowhere")
    )
    with foreign(f"<!doctype html>{frames}") as port:
        context = place.browser.new_context()
        page = context.new_page()
        place.sign_in(page)
        page.goto(f"http://{host}:{port}/")
        page.wait_for_load_state("networkidle")
        assert len(page.frames) == 6
        for frame in page.frames[1:]:
            assert frame.url.startswith("chrome-error://"), frame.url
        context.close()


FORGED = """<!doctype html><title>waiting</title><body><script>
const url = %(url)s, key = %(key)s;
const bodies = {project: '{"id":"forged","name":"forged"}', login: '{"email":"mallory@example.org","password":%(password)s}'};
const targets = [
  ['POST', '/api/accounts/default/projects', bodies.project], ['POST', '/api/accounts/default/keys', '{"name":"forged"}'],
  ['DELETE', '/api/accounts/default/keys/' + key, null], ['PUT', '/api/accounts/default/settings/account/default', '{"data_policy":{"retention_days":0}}'],
  ['POST', '/api/accounts/default/members', '{"email":"mallory@example.org","role":"owner"}'],
  ['DELETE', '/api/session', null], ['DELETE', '/api/session?everywhere=true', null], ['POST', '/api/session', bodies.login],
];
async function go() {
  for (const [method, path, body] of targets)
    for (const mode of ['no-cors', 'cors'])
      for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded']) {
        const headers = {'content-type': type};
        if (mode === 'cors') headers['x-csrf-token'] = '';
        try { await fetch(url + path, {method, mode, credentials: 'include', headers, body}); } catch (error) {}
      }
  for (const [number, [method, path, body]] of targets.entries()) {
    await new Promise((done) => { const image = new Image(); image.onload = image.onerror = done; image.src = url + path; });
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];
    for (const type of %(all_forms)s ? types : [types[number %% types.length]]) {
      const form = document.createElement('form');
      const sink = document.createElement('iframe');
      sink.name = 'sink' + Math.random();
      document.body.append(sink);
      Object.assign(form, {action: url + path, method: 'post', enctype: type, target: sink.name});
      const field = document.createElement('input');
      const text = body ?? '{}';
      field.name = text.slice(0, -1) + ',"x":"';
      field.value = '"}';
      form.append(field);
      document.body.append(form);
      form.submit();
      await new Promise((done) => setTimeout(done, 30));
    }
    navigator.sendBeacon(url + path, new Blob([body ?? ''], {type: 'text/plain'}));
  }
  const me = await fetch(url + '/api/session', {credentials: 'include'}).then((answer) => answer.text(), (error) => 'refused');
  document.title = 'done ' + me;
}
go();
</script>"""


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_changes_nothing_and_reads_nothing(place, host):
    with place.page() as page:
        place.sign_in(page)
        key = call(page, "POST", "/api/accounts/default/keys", {"name": "kept"})[1]["key"]["id"]
    html = FORGED % {"url": json.dumps(place.url), "key": json.dumps(key), "password": json.dumps(PASSWORD), "all_forms": json.dumps(LONG)}
    with foreign(html) as port:
        for who in (place.email, None):
            context = place.browser.new_context()
            page = context.new_page()
            page.goto(place.url)
            if who is not None:
                place.enter(page)
                before = state(page)
            page.goto(f"http://{host}:{port}/")
            page.wait_for_function("document.title.startsWith('done')")
            assert page.title() == "done refused", "it could read who is signed in"
            page.goto(place.url)
            signed_in = page.evaluate("fetch('/api/session').then((answer) => answer.json())")["signed_in"]
            if who is None:
                assert signed_in is None, "a foreign page signed the visitor in as somebody else"
            else:
                assert signed_in["email"] == who
                assert state(page) == before
            context.close()


def state(page):
    """What the forged calls would have changed."""
    parts = ("projects", "keys", "members", "settings/account/default")
    return [call(page, "GET", f"/api/accounts/default/{part}")[1] for part in parts]


# --- sessions


def test_a_session_that_was_planted_before_is_not_the_one_after(place):
    context = place.browser.new_context()
    planted = "p" * 43
    context.add_cookies([{"name": "anyapi-session", "value": planted, "url": place.url, "httpOnly": True, "sameSite": "Lax"}])
    page = context.new_page()
    place.sign_in(page)
    (cookie,) = context.cookies(place.url)
    assert cookie["value"] != planted
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert page.evaluate("document.cookie") == "", "no script can read it"
    assert page.evaluate("[localStorage.length, sessionStorage.length].concat(Object.keys(localStorage))") in (
        [0, 0],
        [1, 0, "mantine-color-scheme-value"],
    )
    other = place.browser.new_context()
    other.add_cookies([{"name": "anyapi-session", "value": planted, "url": place.url}])
    stolen = other.new_page()
    stolen.goto(place.url)
    stolen.get_by_role("button", name="Sign in").wait_for()
    context.close()
    other.close()


def test_signing_out_everywhere_ends_a_stolen_cookie_at_once(place):
    context, thief = place.browser.new_context(), place.browser.new_context()
    page = context.new_page()
    place.sign_in(page)
    thief.add_cookies(context.cookies(place.url))
    stolen = thief.new_page()
    stolen.goto(f"{place.url}/a/default/keys")
    stolen.get_by_role("heading", name="API keys").wait_for()
    assert call(page, "DELETE", "/api/session?everywhere=true")[0] == 200
    assert stolen.evaluate("fetch('/api/accounts').then((answer) => answer.status)") == 401
    stolen.reload()
    stolen.get_by_role("button", name="Sign in").wait_for()
    context.close()
    thief.close()


# --- guessing


def attempt(place, email, password="not the password", path="/api/session", **headers):
    connection = http.client.HTTPConnection(place.url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request(
            "POST", path, json.dumps({"email": email, "password": password}), {"content-type": "application/json", **headers}
        )
        return connection.getresponse().status


def test_a_minute_has_ten_tries_at_most_also_at_once(place):
    """One person's password from many addresses, forty at a time: at most ten are judged, whatever the timing."""
    began = time.monotonic()
    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda number: attempt(place, "eve@example.org", **{"x-forwarded-for": f"10.0.0.{number}"}), range(40)))
    judged = answers.count(401)
    while time.monotonic() - began < 4:
        status = attempt(place, "eve@example.org", **{"x-forwarded-for": "10.1.0.1"})
        judged += status == 401
        assert status in {401, 429}
        time.sleep(0.2)
    assert set(answers) == {401, 429}
    assert 1 <= judged <= 10, f"{judged} of the tries were judged"
