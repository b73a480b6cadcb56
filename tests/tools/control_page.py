"""A browser of the control plane for tests that need none: one cookie, one token, over a real socket."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request

PASSWORD = "correct horse battery staple"


class Page:
    """A browser of the control plane: one cookie, one token, over a real socket."""

    def __init__(self, url):
        self.url, self.cookie, self.csrf = url, "", ""

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "cookie": self.cookie, "x-csrf-token": self.csrf}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                self.cookie = (answer.headers.get("set-cookie") or self.cookie).partition(";")[0]
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


def first_person(gateway):
    """The page of whoever takes the first-run link of a running gateway: its operator, and owner of the account `default`."""
    url = gateway.control_url()
    command = [sys.executable, "-m", "anyapi", "people", "first-run", "--config", str(gateway.home / "anyapi.toml")]
    link = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    page = Page(url)
    form = {"token": re.search(r"/join#(\S+)", link)[1], "name": "Ada", "email": "ada@x.org", "password": PASSWORD}
    status, me = page.send("POST", "/api/links", form)
    assert status == 200
    page.csrf = me["csrf"]
    return page
