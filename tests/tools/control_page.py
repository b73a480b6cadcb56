"""A browser of the control plane for tests that need none: one cookie, one token, over a real socket."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request

PASSWORD = "correct horse battery staple"


class Page:
    """A browser of the control plane: one cookie, one token, over a real socket. Follows no redirect."""

    def __init__(self, url):
        self.url, self.cookie, self.csrf = url, "", ""

    def exchange(self, method, path, body=None):
        """Status, headers and body of one answer, as they came."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "cookie": self.cookie, "x-csrf-token": self.csrf}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def send(self, method, path, body=None):
        """Status and JSON of one answer."""
        status, headers, text = self.exchange(method, path, body)
        self.cookie = (headers.get("set-cookie") or self.cookie).partition(";")[0]
        return status, json.loads(text)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def first_run_token(gateway):
    """A new one-time token for the first person of a running gateway."""
    command = [sys.executable, "-m", "anyapi", "people", "first-run", "--config", str(gateway.home / "anyapi.toml")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    return re.search(r"/join#(\S+)", printed)[1]


def first_person(gateway):
    """The page of whoever takes the first-run link of a running gateway: its operator, and owner of the account `default`."""
    return joined(gateway.control_url(), first_run_token(gateway))


def joined(url, token):
    """The page of Ada, who took the link with this one-time token."""
    page = Page(url)
    form = {"token": token, "name": "Ada", "email": "ada@x.org", "password": PASSWORD}
    status, me = page.send("POST", "/api/links", form)
    assert status == 200
    page.csrf = me["csrf"]
    return page
