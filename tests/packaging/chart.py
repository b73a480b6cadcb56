"""The chart of deploy/helm, rendered by helm itself, and its pods as processes of this machine."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART, DOCKER = ROOT / "deploy/helm/anyapi", ROOT / "deploy/docker"
RELEASE = "gateway"
INSIDE = ("/etc/anyapi", "/var/lib/anyapi", "/run/anyapi")
"""Where a pod has its files."""
TOML = """
[server.limits]
drain_timeout = 60

[privacy]
webhook_url = "https://privacy.example.com/requests"

[[credentials]]
id = "openai-eu"
provider = "openai"
key_file = "/run/anyapi/credentials/openai"
tier = "paid"

[[agreements]]
id = "zdr"
provider = "openai"
attested_by = "Ada Example"
document = "order form 117"
valid_from = 2026-01-01
valid_until = 2099-01-01
credentials = ["openai-eu"]
retention = { kind = "zero", days = 0 }
"""
SPLIT = {"shape": "split", "database": {"secretName": "db"}, "auditKey": {"secretName": "audit"}}
EVERYTHING = {
    **SPLIT,
    "workers": 3,
    "config": TOML,
    "image": {"repository": "images.example/anyapi", "digest": f"sha256:{'0' * 64}", "pullSecrets": ["pull"]},
    "credentials": {"secretName": "providers"},
    "rootKey": {"secretName": "root"},
    "secretEnvironment": {"ANYAPI_PRIVACY_WEBHOOK_SECRET": {"secretName": "hook", "key": "secret"}},
    "tls": {"secretName": "callers"},
    "controlTls": {"secretName": "dashboard"},
    "metrics": {"enabled": True},
    "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    "ingress": {
        name: {"enabled": True, "className": "c", "annotations": {"a": "b"}, "host": f"{name}.example.com", "tlsSecretName": "t"}
        for name in ("data", "control")
    },
    "networkPolicy": {
        "scrapers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "databasePeers": [{"ipBlock": {"cidr": "10.1.0.0/16"}}],
        "extraEgress": [{"ports": [{"protocol": "TCP", "port": 587}]}],
    },
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
EVERYTHING_SINGLE = {name: value for name, value in EVERYTHING.items() if name not in {"database", "workers", "shape"}} | {
    "persistence": {"size": "1Gi", "storageClassName": "fast", "annotations": {"a": "b"}}
}
SHAPES = {"default": {}, "split": SPLIT, "everything": EVERYTHING, "everything in one pod": EVERYTHING_SINGLE}


@functools.cache
def tools():
    """The directory with `helm` and `schemas`. Skips the test, saying why, where it cannot be had."""
    environment = {**os.environ, "UV": str(Path(sys.executable).with_name("uv"))}
    command = ["bash", ROOT / "scripts/install_helm.sh"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if ran.returncode == 3:
        pytest.skip(f"SKIPPED LOUDLY: {ran.stderr.strip().splitlines()[-1]}")
    assert ran.returncode == 0, ran.stderr
    return Path(ran.stdout.strip())


def helm(*arguments, values=None):
    """What helm ends with. It reads nothing of the person who runs the tests."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "HELM_NO_PLUGINS": "1"}
    return subprocess.run(
        [tools() / "helm", *arguments, "--values", "-"],
        input=yaml.safe_dump(values or {}),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def rendered(values):
    """The objects of a release."""
    done = helm("template", RELEASE, CHART, values=values)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def refusal(values):
    """Why helm renders nothing."""
    done = helm("template", RELEASE, CHART, values=values)
    assert done.returncode != 0, "it is rendered"
    return done.stderr


def pods(objects):
    """The pod of each object that makes pods, by the object's name."""
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in objects if each["kind"] in {"StatefulSet", "Deployment"}}


def container(pod):
    (only,) = pod["containers"]
    return only


def of_kind(objects, kind):
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


class Here:
    """A pod's file system under a directory of this machine, and its ports moved to free ones of loopback."""

    def __init__(self, directory, objects, name, ports):
        self.directory, self.ports = directory, ports
        self.pod = pods(objects)[name]
        self.container = container(self.pod)
        (config,) = of_kind(objects, "ConfigMap").values()
        for path in INSIDE:
            self.at(path).mkdir(parents=True, exist_ok=True)
        self.at("/etc/anyapi/anyapi.toml").write_text(self.moved(config["data"]["anyapi.toml"]))

    def at(self, path):
        return self.directory / path.lstrip("/")

    def moved(self, text):
        """A text of the pod with paths and ports of this machine."""
        for path in INSIDE:
            text = text.replace(path, str(self.at(path)))
        for inside, port in self.ports.items():
            for host in ("0.0.0.0", "[::]", "127.0.0.1"):
                text = text.replace(f"{host}:{inside}", f"127.0.0.1:{port}")
        return text

    def put(self, volume, files):
        """Files of a Secret where the pod mounts it, readable as the kubelet makes them: by owner and group."""
        (secret,) = (each["secret"] for each in self.pod["volumes"] if each["name"] == volume)
        names = {item["key"]: item["path"] for item in secret.get("items", [])}
        every = [mount for one in (*self.pod.get("initContainers", ()), self.container) for mount in one["volumeMounts"]]
        (place,) = {mount["mountPath"] for mount in every if mount["name"] == volume}
        for key, content in files.items():
            path = self.at(place) / names.get(key, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(secret["defaultMode"])

    def environment(self, secrets=None):
        """What the container's variables say; those that come of a Secret are in `secrets`."""
        stated = {each["name"]: each.get("value") or secrets[each["name"]] for each in self.container["env"]}
        bare = {name: value for name, value in os.environ.items() if not name.startswith("ANYAPI_")}
        return {**bare, "PYTHONPATH": os.pathsep.join(sys.path), **{name: self.moved(value) for name, value in stated.items()}}

    def command(self):
        return [sys.executable, "-m", "anyapi", *self.container["args"]]

    def prepare(self):
        """Run what the pod runs before."""
        for each in self.pod.get("initContainers", ()):
            for mount in each["volumeMounts"]:
                self.at(mount["mountPath"]).mkdir(parents=True, exist_ok=True)
            subprocess.run([self.program(word) for word in each["command"]], check=True)

    def program(self, word):
        """A word of a command inside the image, for this machine."""
        if word == "/opt/anyapi/bin/python":
            return sys.executable
        return str(DOCKER / word.removeprefix("/opt/anyapi/")) if word.startswith("/opt/anyapi/") else self.moved(word)
