"""The Helm chart: what it renders is what Kubernetes takes, every pod is shut in, and values that make no sense are refused."""

import functools
import json
import re
import tomllib

import jsonschema_rs
import pytest
import yaml
from tests.packaging.chart import (
    CHART,
    EVERYTHING,
    EVERYTHING_SINGLE,
    RELEASE,
    ROOT,
    SHAPES,
    SPLIT,
    TOML,
    container,
    helm,
    of_kind,
    pods,
    refusal,
    rendered,
    tools,
)

from anyapi import __version__
from anyapi.config_values import ServerLimits

UID = 65532
DRAIN = ServerLimits().drain_timeout


@pytest.fixture(scope="module", params=SHAPES, ids=lambda name: name.replace(" ", "-"))
def objects(request):
    return rendered(SHAPES[request.param])


@pytest.mark.parametrize("shape", SHAPES)
def test_helm_finds_nothing_to_say(shape):
    done = helm("lint", "--strict", CHART, values=SHAPES[shape])
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


# --- what Kubernetes takes


@functools.cache
def schema(version, name):
    """What checks an object of a kind; a field that Kubernetes does not know is an error."""
    folder = tools() / "schemas" / version
    own, parts = (
        json.loads((folder / f"{each}.json").read_text().replace("/api/_definitions.json#", "#")) for each in (name, "_definitions")
    )
    own.pop("$id", None)
    return jsonschema_rs.validator_for({**own, "$defs": parts["$defs"]})


def problems(thing, version):
    """What the schema of an object's kind says against it."""
    group, _, api = thing["apiVersion"].rpartition("/")
    name = "-".join(filter(None, (thing["kind"].lower(), group.removesuffix(".k8s.io"), api)))
    return [f"{name} {each.instance_path}: {each.message}" for each in schema(version, name).iter_errors(thing)]


def versions():
    return sorted(path.name for path in (tools() / "schemas").iterdir())


def test_every_object_is_one_of_kubernetes(objects):
    assert len(versions()) == 2
    assert [problem for version in versions() for each in objects for problem in problems(each, version)] == []


def test_a_field_that_kubernetes_does_not_know_is_found():
    (service,) = of_kind(rendered({}), "Service").values()
    service["spec"]["prots"] = []
    deep = next(iter(of_kind(rendered({}), "StatefulSet").values()))
    container(deep["spec"]["template"]["spec"])["securityContext"]["readonlyRootFilesystem"] = True
    for version in versions():
        assert "prots" in problems(service, version)[0]
        assert "readonlyRootFilesystem" in problems(deep, version)[0]


def test_the_oldest_version_is_the_one_that_the_chart_asks_for():
    said = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    assert said == f">={versions()[0].removeprefix('v')}-0"


def test_nothing_is_left_empty(objects):
    """A field without a value is taken by Kubernetes, and is nearly always a mistake of a template."""

    def empty(thing, path):
        if thing is None:
            yield path
        for name, each in thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ():
            yield from empty(each, f"{path}.{name}")

    assert [path for each in objects for path in empty(each, each["kind"])] == []


def test_no_two_objects_share_a_name(objects):
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))


def test_services_and_policies_select_pods_that_there_are(objects):
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in objects if each["kind"] in {"StatefulSet", "Deployment"}]
    ports = {port["containerPort"] for pod in pods(objects).values() for port in container(pod)["ports"]}
    for each in objects:
        if each["kind"] == "Service":
            selects = each["spec"]["selector"]
            assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
        elif each["kind"] in {"NetworkPolicy", "PodDisruptionBudget"}:
            selects = each["spec"].get("podSelector", each["spec"].get("selector"))["matchLabels"]
        else:
            continue
        assert sum(selects.items() <= pod.items() for pod in labels) == 1, each["metadata"]["name"]


# --- the shapes


def test_one_pod_with_sqlite_has_a_volume_and_no_second():
    objects = rendered({})
    (one,) = of_kind(objects, "StatefulSet").values()
    assert one["spec"]["replicas"] == 1
    (claim,) = one["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] in {mount["name"] for mount in container(one["spec"]["template"]["spec"])["volumeMounts"]}
    assert not of_kind(objects, "Deployment")


def test_split_has_workers_and_one_control_plane_on_postgresql():
    objects = rendered(EVERYTHING)
    workers, control = of_kind(objects, "Deployment").values()
    assert (workers["spec"]["replicas"], control["spec"]["replicas"]) == (3, 1)
    assert container(workers["spec"]["template"]["spec"])["args"] == ["serve", "--no-control"]
    assert container(control["spec"]["template"]["spec"])["args"] == ["control"]
    for pod in pods(objects).values():
        (url,) = (each for each in container(pod)["env"] if each["name"] == "ANYAPI_DATABASE_URL")
        assert url["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "url"}
    (budget,) = of_kind(objects, "PodDisruptionBudget").values()
    assert budget["spec"]["selector"]["matchLabels"].items() <= workers["spec"]["template"]["metadata"]["labels"].items()
    assert workers["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert of_kind(rendered(SPLIT), "Deployment")[f"{RELEASE}-anyapi"]["spec"]["replicas"] == 2


def test_the_dashboard_is_on_the_network_with_a_certificate_alone():
    assert list(of_kind(rendered({}), "Service")) == [f"{RELEASE}-anyapi"]
    for values in (EVERYTHING, EVERYTHING_SINGLE):
        services = of_kind(rendered(values), "Service")
        assert [port["port"] for each in services.values() for port in each["spec"]["ports"]] == [8080, 8081, 9464]


# --- shut in


def test_every_container_is_shut_in(objects):
    assert pods(objects)
    for pod in pods(objects).values():
        assert pod["automountServiceAccountToken"] is False
        shared = pod["securityContext"]
        assert shared["runAsNonRoot"] is True
        assert (shared["runAsUser"], shared["runAsGroup"], shared["fsGroup"]) == (UID, UID, UID)
        assert shared["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & set(pod)
        for each in (*pod.get("initContainers", ()), *pod["containers"]):
            own = each["securityContext"]
            assert own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert not any("hostPort" in port for port in each.get("ports", ()))


def test_pods_get_no_swap(objects):
    """The kubelet gives none to a container that requests as much memory as it may use."""
    for pod in pods(objects).values():
        for each in (*pod.get("initContainers", ()), *pod["containers"]):
            assert each["resources"]["limits"]["memory"] == each["resources"]["requests"]["memory"]
    assert "swap" in refusal({"resources": {"limits": {"memory": "2Gi"}}})


def test_kubernetes_puts_no_variables_into_pods(objects):
    """For a Service called anyapi they would be ANYAPI_PORT and so on, which AnyAPI refuses."""
    assert all(pod["enableServiceLinks"] is False for pod in pods(objects).values())


def test_a_volume_that_is_mounted_again_is_left_as_it_is(objects):
    """Else the kubelet makes the audit log's key readable by the group, and AnyAPI refuses that."""
    assert all(pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch" for pod in pods(objects).values())


def test_pods_may_end_what_they_began(objects):
    for pod in pods(objects).values():
        waits = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] >= DRAIN + waits + 10
    for pod in pods(rendered(EVERYTHING)).values():
        assert pod["terminationGracePeriodSeconds"] == tomllib.loads(TOML)["server"]["limits"]["drain_timeout"] + 5 + 10


def test_only_who_is_named_may_connect():
    for name, policy in of_kind(rendered(EVERYTHING), "NetworkPolicy").items():
        spec = policy["spec"]
        assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
        assert all(rule["from"] for rule in spec["ingress"]), name
        wanted = {8081} if name.endswith("control") else {8080, 9464}
        assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == wanted
        assert {(port["protocol"], port["port"]) for rule in spec["egress"] for port in rule["ports"]} == {
            ("TCP", 443), ("UDP", 53), ("TCP", 53), ("TCP", 5432), ("TCP", 587),
        }  # fmt: skip
    (closed,) = of_kind(rendered({"networkPolicy": {"callers": []}}), "NetworkPolicy").values()
    assert closed["spec"]["ingress"] == []
    assert of_kind(rendered({"networkPolicy": {"enabled": False}}), "NetworkPolicy") == {}


def test_secrets_are_named_and_never_contained(objects):
    assert not of_kind(objects, "Secret")
    for pod in pods(objects).values():
        for variable in container(pod)["env"]:
            assert ("valueFrom" in variable) is (variable["name"] in {"ANYAPI_DATABASE_URL", "ANYAPI_PRIVACY_WEBHOOK_SECRET"})
        for volume in pod["volumes"]:
            assert volume.get("secret", {"defaultMode": 0o440})["defaultMode"] == 0o440


def test_a_change_of_the_configuration_starts_pods_anew():
    sums = {
        each["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for config in ("", "[usage]\nttl_days = 30\n")
        for each in of_kind(rendered({"config": config}), "StatefulSet").values()
    }
    assert len(sums) == 2


def test_the_handbooks_values_are_taken():
    shown = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/self-hosting.md").read_text(), re.MULTILINE | re.DOTALL)
    shapes = [yaml.safe_load(each) for each in shown]
    assert [each.get("shape", "single") for each in shapes] == ["single", "split"]
    for values in shapes:
        assert [problem for version in versions() for each in rendered(values) for problem in problems(each, version)] == []


# --- what makes no sense


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shape": "many"}, ["/shape", "'single'", "'split'"]),
        ({"shape": "split"}, ["/database/secretName", "/auditKey/secretName"]),
        ({"workers": 3}, ["/workers", "1"]),
        ({"database": {"secretName": "db"}}, ["/database/secretName"]),
        ({**SPLIT, "workers": 0}, ["/workers", "minimum"]),
        ({"replicas": 3}, ["replicas", "not allowed"]),
        ({"databaseUrl": "postgresql://a:b@c/d"}, ["databaseUrl", "not allowed"]),
        ({"rootKey": {"value": "x"}}, ["/rootKey", "value", "not allowed"]),
        ({"ingress": {"data": {"enabled": True}}}, ["/ingress/data/host"]),
        ({"ingress": {"control": {"enabled": True, "host": "a.example"}}}, ["/controlTls/secretName"]),
        ({"image": {"tag": "latest"}}, ["image.tag", "latest"]),
        ({"image": {"digest": "0000"}}, ["/image/digest"]),
        ({"persistence": {"size": "much"}}, ["/persistence/size"]),
        ({"resources": {"limits": {"memory": None}}}, ["/resources/limits", "memory"]),
        ({"preStopSeconds": "5"}, ["/preStopSeconds", "integer"]),
        ({"config": "[server"}, ["config is no TOML", "line 1"]),
        ({"config": '[server]\nlisten = "0.0.0.0:80"\n'}, ["server.listen is set by the chart"]),
        ({"config": '[control.tls]\ncertificate = "x"\n'}, ["control.tls is set by the chart"]),
        ({"config": '[storage]\ndata_dir = "x"\n'}, ["storage.data_dir is set by the chart"]),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_values_that_make_no_sense_are_refused(values, said):
    why = refusal(values)
    assert [word for word in said if word not in why] == [], why


def test_every_value_has_a_schema():
    """What helm takes and the chart does not know would be ignored: here it is refused, at every level that the chart reads."""
    described = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) | {"workers", "global"} == set(described["properties"])
    assert described["additionalProperties"] is False


# --- versions


def test_chart_and_image_are_of_this_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (
        chart["appVersion"] == chart["version"] == __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    )
    (pod,) = pods(rendered({})).values()
    assert container(pod)["image"] == f"anyapi:{__version__}"
    for pod in pods(rendered(EVERYTHING)).values():
        assert {each["image"] for each in (*pod["initContainers"], *pod["containers"])} == {f"images.example/anyapi@sha256:{'0' * 64}"}


def test_the_notes_tell_what_to_check():
    notes = helm("install", RELEASE, CHART, "--dry-run=client").stdout.partition("NOTES:")[2]
    for word in ("LimitedSwap", "NoSwap", "process.swap", "port-forward", "plain HTTP", "anyapi keys create"):
        assert word in notes
