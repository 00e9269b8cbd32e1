"""The Kubernetes manifests: built by kubectl, judged by Kubernetes' schemas, and by how their parts fit."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.config.images import PinnedImage

ROOT = Path(__file__).resolve().parents[3]
KUBERNETES = ROOT / "serving" / "tf_serving" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
# The oldest version that has everything the manifests use, and the newest that the schemas are there of.
VERSIONS = ("1.27", "1.37")
FROM_A_VOLUME = ("exact", "own-server", "scann")


def _can_build():
    """Whether there is a kubectl whose Kustomize knows `labels` with templates: 1.27 and later."""
    if shutil.which("kubectl") is None:
        return False
    said = subprocess.run(
        ["kubectl", "version", "--client"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Client Version: v1\.(\d+)", said)
    return found is not None and int(found[1]) >= 27


pytestmark = pytest.mark.skipif(not _can_build(), reason="there is no kubectl of version 1.27 or later")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Overlay to the file that Kustomize makes of it."""
    folder = tmp_path_factory.mktemp("built")
    for overlay in OVERLAYS:
        command = ["kubectl", "kustomize", KUBERNETES / "overlays" / overlay]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        (folder / f"{overlay}.yaml").write_text(done.stdout)
    return {overlay: folder / f"{overlay}.yaml" for overlay in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def objects(request, built):
    """The objects of an overlay, by kind: there is one of each."""
    return _objects(built[request.param])


def _objects(path):
    read = list(yaml.safe_load_all(path.read_text()))
    assert len({content["kind"] for content in read}) == len(read)
    return {content["kind"]: content for content in read}


def _container(objects):
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


def _validate(tools, version, *paths):
    command = [tools / "kubernetes-validate", "--strict", "--kubernetes-version", version, *paths]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_take_them(version, built, tools):
    done = _validate(tools, version, *built.values())
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("passed for resource") == sum(len(_objects(path)) for path in built.values())
    assert "WARN" not in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("runAsNonRoot: true", "runAsNonRoot: sometimes"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"),
        ("averageUtilization: 70", "averageUtilization: seventy"),
    ],
)
def test_a_faulty_manifest_would_be_found(right, wrong, built, tools, tmp_path):
    text = built["exact"].read_text()
    assert right in text
    (tmp_path / "wrong.yaml").write_text(text.replace(right, wrong))
    done = _validate(tools, VERSIONS[-1], tmp_path / "wrong.yaml")
    assert done.returncode
    assert "ERROR" in done.stdout


def test_everything_is_in_the_namespace_that_restricts_it(objects):
    namespace = objects.pop("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {content["metadata"]["namespace"] for content in objects.values()} == {
        namespace["metadata"]["name"]
    }


def test_the_pods_are_as_the_restricted_standard_wants_them(objects):
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    container = _container(objects)
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    (check,) = PinnedImage.__metadata__
    assert check.func(container["image"])
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert container["resources"]["limits"] == {"memory": container["resources"]["requests"]["memory"]}


def test_whoever_selects_pods_selects_these(objects):
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    assert objects["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert objects["Service"]["spec"]["selector"].items() <= labels
    assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    target = objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    deployment = objects["Deployment"]
    assert target == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]  # or each `apply` would undo the autoscaler
    # Two at least, so that the budget lets a node be emptied and somebody still answers.
    assert objects["HorizontalPodAutoscaler"]["spec"]["minReplicas"] >= 2
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_ports_have_the_names_that_are_used(objects):
    container = _container(objects)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    for port in objects["Service"]["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[kind]["httpGet"]["port"] in ports
    for rule in objects["NetworkPolicy"]["spec"]["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= set(ports)
    annotations = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["rest"])


def test_a_replica_goes_only_when_nobody_asks_it_any_more(objects):
    pod, container = objects["Deployment"]["spec"]["template"]["spec"], _container(objects)
    (program, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert int(seconds) < pod["terminationGracePeriodSeconds"]
    assert objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("overlay", FROM_A_VOLUME)
def test_the_bundle_is_mounted_whole_and_only_read(overlay, built):
    objects = _objects(built[overlay])
    container = _container(objects)
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["bundle"] == {"name": "bundle", "mountPath": "/bundle", "readOnly": True}
    volumes = {
        volume["name"]: volume for volume in objects["Deployment"]["spec"]["template"]["spec"]["volumes"]
    }
    assert set(volumes) == set(mounts)
    claim = volumes["bundle"]["persistentVolumeClaim"]
    assert claim == {"claimName": objects["PersistentVolumeClaim"]["metadata"]["name"], "readOnly": True}
    assert objects["NetworkPolicy"]["spec"]["egress"] == []


def test_from_a_bucket_there_is_no_volume_and_a_way_out(built):
    objects = _objects(built["gke"])
    assert "PersistentVolumeClaim" not in objects
    volumes = objects["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert [volume["name"] for volume in volumes] == ["tmp"]
    assert [mount["name"] for mount in _container(objects)["volumeMounts"]] == ["tmp"]
    assert not any("/bundle/serving" in a and "gs://" not in a for a in _container(objects)["args"])
    assert "iam.gke.io/gcp-service-account" in objects["ServiceAccount"]["metadata"]["annotations"]
    ports = {port["port"] for rule in objects["NetworkPolicy"]["spec"]["egress"] for port in rule["ports"]}
    assert {53, 443, 988} <= ports


def test_each_overlay_runs_its_own_server_and_index(built):
    images = {overlay: _container(_objects(path))["image"] for overlay, path in built.items()}
    assert images["exact"] == images["gke"] == "tensorflow/serving:2.16.1"
    assert images["scann"].startswith("recstack-tensorflow-serving-scann:2.16.1-")
    assert images["own-server"].startswith("recstack-server:")
    arguments = {overlay: " ".join(_container(_objects(path))["args"]) for overlay, path in built.items()}
    for overlay, variant in {"exact": "exact", "gke": "exact", "scann": "scann"}.items():
        assert f"/serving/{variant}.models.config" in arguments[overlay]
    # The others are those of the stock server.
    changed = arguments["exact"].replace("exact.models.config", "scann.models.config")
    assert changed == arguments["scann"]
    assert "command" not in _container(_objects(built["own-server"]))
