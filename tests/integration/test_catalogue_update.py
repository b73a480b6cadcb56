"""Updates of the catalogue of a running gateway: from a signed address, from a file, and what review first does to them."""

import datetime as dt
import json
import re
import subprocess
import sys
import time

import msgspec
import pytest
from tests.integration.lab import until
from tests.tools.catalogue_site import Keys, Site, edited
from tests.tools.control_page import first_person
from tests.tools.gateway import running_gateway

from anyapi.catalogue.canonical import encode
from anyapi.cli.catalogue_update import TELL_SECONDS
from anyapi.config import check_config_file
from anyapi.domain.catalogue import Provider
from anyapi.domain.data_policy import Retention, RetentionKind, ZeroRetention
from anyapi.simulator import DEFAULT_PROVIDERS, SimulationThread, demo_config_toml

CHAT = "anthropic/claude-3.5-sonnet"
ZERO = {"retention_days": 0, "providers": {"only": ["sim-30d"]}}


class World:
    """A gateway whose providers are in the installed catalogue, and a site that offers the next one."""

    def __init__(self, directory, simulation, site):
        self.home, self.site = directory / "home", site
        self.keys, self.strangers = Keys(directory), Keys(directory, "stranger")
        whole = demo_config_toml(simulation.simulation.ports, DEFAULT_PROVIDERS)
        (directory / "whole.toml").write_text(whole)
        self.first = edited(check_config_file(directory / "whole.toml", dt.datetime.now(dt.UTC)), 1)
        network, _, rest = whole.partition("[providers.")
        credentials = rest[rest.index("[[credentials]]") :]
        updates = f'[catalogue]\nupdate_url = "{site.url}/catalogue.json"\npublic_keys = ["{self.keys.public}"]\n\n'
        self.toml = updates + network + credentials

    def command(self, *arguments, status=0):
        command = [sys.executable, "-m", "anyapi", "catalogue", *arguments, "--config", str(self.home / "anyapi.toml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    def file(self, catalogue, name="next.json"):
        path = self.home / name
        path.write_bytes(encode(catalogue))
        return str(path)

    def provider(self, catalogue, **changes) -> Provider:
        record = catalogue.providers["sim-30d"]
        policy = msgspec.structs.replace(record.policy, **changes)
        return msgspec.structs.replace(record, policy=policy)

    def zero(self, catalogue, days=1):
        """The next catalogue: the provider that kept content for 30 days keeps nothing."""
        nothing = Retention(RetentionKind.ZERO, 0.0)
        return edited(catalogue, days, sim_30d=self.provider(catalogue, retention=nothing, zero_retention=ZeroRetention.DEFAULT))


@pytest.fixture
def world(tmp_path):
    site = Site()
    with SimulationThread() as simulation:
        yield World(tmp_path, simulation, site)
    site.close()


def prepared(world, *, control=True):
    """The gateway's home, with the first catalogue installed before the gateway was ever started."""
    world.home.mkdir(mode=0o700)
    (world.home / "anyapi.toml").write_text(f'[storage]\ndata_dir = "{world.home}"\n' + world.toml.partition("[[credentials]]")[0])
    assert "no server is running" in world.command("update", world.file(world.first), "--allow-addresses")
    return running_gateway(world.home, world.toml, control=control)


def chat(gateway, policy=None):
    return gateway.chat(data_policy=ZERO if policy is None else policy)


def refused(page, words, **wanted):
    """The operator asks the dashboard for an update, and is told why there is none."""
    status, answer = page.send("POST", "/api/gateway/catalogue", wanted)
    assert status == 400, answer
    assert words in answer["error"]["message"]


@pytest.mark.long
def test_from_a_signed_address_to_a_served_request_and_back_only_if_meant(world):
    with prepared(world) as gateway:
        page = first_person(gateway)
        assert chat(gateway).status == 403, "the provider keeps content for 30 days"
        second = world.zero(world.first)

        world.site.offer(second, world.strangers)
        refused(page, "signature is not by a key")
        world.site.offer(second, world.keys)
        data = world.site.files["/catalogue.json"]
        world.site.files["/catalogue.json"] = data.replace(b'"never"', b'"opt_out"', 1)
        refused(page, "signature is not by a key")
        world.site.files["/catalogue.json"], signature = data, world.site.files.pop("/catalogue.json.sig")
        refused(page, "status 404")
        world.site.fault = "redirect"
        refused(page, "redirects are not followed")
        assert "/elsewhere" not in world.site.asked
        world.site.fault, world.site.files["/catalogue.json.sig"] = "", signature
        assert chat(gateway).status == 403, "nothing of this changed anything"

        said = world.command("update")
        assert re.search(r"in force \(snapshot \d+\)", said), said
        assert "1 accounts told" in said
        served = chat(gateway)
        assert (served.status, served.headers["x-anyapi-provider"]) == (200, "sim-30d")

        world.site.offer(world.first, world.keys)
        refused(page, "older than the one in force")
        assert chat(gateway).status == 200
        assert page.send("POST", "/api/gateway/catalogue", {"allow_older": True})[0] == 200
        assert chat(gateway).status == 403

        elsewhere = msgspec.structs.replace(second.providers["sim-30d"].api, base_url="http://127.0.0.1:9/v1")
        moved = edited(second, 2, sim_30d=msgspec.structs.replace(second.providers["sim-30d"], api=elsewhere))
        world.site.offer(moved, world.keys)
        refused(page, "keys would go elsewhere")
        status, done = page.send("POST", "/api/gateway/catalogue", {"allow_addresses": True})
        assert (status, done["moved"]) == (200, ["sim-30d"])
        assert chat(gateway).headers["x-anyapi-provider"] == "sim-30d", "reached as before until the next start"

        page.send("POST", "/api/gateway/catalogue", {"file": encode(world.zero(world.first, 9)).decode(), "allow_addresses": True})
        gateway.stop()
        gateway.start()
        assert chat(gateway).status == 200, "what was installed is there after a restart"
        assert gateway.request("GET", "/v1/privacy").json()["catalogue_version"] == world.zero(world.first, 9).version


def test_where_there_is_no_control_plane_nobody_is_waited_for_who_would_tell_accounts(world):
    with prepared(world, control=False) as gateway:
        began = time.monotonic()
        said = world.command("update", world.file(world.zero(world.first)))
        assert time.monotonic() - began < TELL_SECONDS / 2
        assert "told by the control plane, as soon as it runs" in said
        assert chat(gateway).status == 200


def test_review_first_holds_back_what_an_update_loosened_until_a_person_accepts_it(world):
    with prepared(world) as gateway:
        page = first_person(gateway)
        wishes = {"review_first": True, "remind_days": 90}
        assert page.send("PUT", "/api/accounts/default/review/settings", wishes)[0] == 200
        second = world.zero(world.first)
        status, done = page.send("POST", "/api/gateway/catalogue", {"file": encode(second).decode()})
        assert (status, done["version"]) == (200, second.version), done

        refused = chat(gateway)
        assert refused.status == 403
        (endpoint,) = [one for one in refused.json()["error"]["metadata"]["endpoints"] if one["endpoint"].startswith("sim-30d/")]
        assert [reason["code"] for reason in endpoint["reasons"]] == ["review_pending"]
        assert chat(gateway, {"providers": {"only": ["sim-30d"]}, "retention_days": 30}).status == 200, "as before: 30 days were permitted"
        assert "review_pending" in json.dumps(gateway.request("POST", "/v1/explain", {"model": CHAT, "data_policy": ZERO}).json())

        review = page.send("GET", "/api/accounts/default/review")[1]
        (waiting,) = review["waiting"]
        assert waiting["subject"] == "provider:sim-30d"
        assert any(line == "It keeps nothing; before, it kept content for 30 days." for line in waiting["changes"])

        def told():
            return page.send("GET", "/api/accounts/default/notifications")[1]

        until(lambda: told()["unseen"] >= 1, "a notification")
        (newest, *_) = [row for row in told()["rows"] if row["kind"] == "catalogue"][::-1]
        assert "provider:sim-30d" in newest["detail"]["to_accept"]
        assert newest["headline"].endswith("1 change waits for you")
        last = told()["rows"][0]["at"]
        assert page.send("POST", "/api/accounts/default/notifications/seen", {"until": last})[1]["unseen"] == 0

        third = edited(second, 1, sim_zero=world.first.providers["sim-zero"])
        page.send("POST", "/api/gateway/catalogue", {"file": encode(third).decode()})
        stale = page.send("POST", "/api/accounts/default/review/accept", {"update": review["update"], "subjects": ["provider:sim-30d"]})
        assert stale[0] == 400
        assert "since you looked" in stale[1]["error"]["message"]
        assert chat(gateway).status == 403

        now = page.send("GET", "/api/accounts/default/review")[1]["update"]
        status, accepted = page.send("POST", "/api/accounts/default/review/accept", {"update": now, "subjects": ["provider:sim-30d"]})
        assert (status, accepted["accepted"]) == (200, 1)
        assert chat(gateway).status == 200, "in force when the call returns"
        after = page.send("GET", "/api/accounts/default/review")[1]
        assert after["waiting"] == []
        assert [(row["subject"], row["by_name"]) for row in after["accepted"]] == [("provider:sim-30d", "Ada")]


@pytest.mark.long
def test_what_is_in_force_after_a_start_is_held_against_before(world):
    """An operator's edit of the file is an update too, and so is a newer product."""
    with prepared(world) as gateway:
        page = first_person(gateway)
        assert page.send("PUT", "/api/accounts/default/review/settings", {"review_first": True})[0] == 200
        gateway.stop()
        file = gateway.home / "anyapi.toml"
        file.write_text(file.read_text() + '\n[providers.sim-zero]\nregions = ["de"]\n')
        gateway.start()
        german = {"regions": ["de"]}
        assert chat(gateway, german).status == 403
        assert "1 accepted for default; in force" in world.command("accept", "provider:sim-zero", "--account", "default")
        assert chat(gateway, german).headers["x-anyapi-provider"] == "sim-zero"
