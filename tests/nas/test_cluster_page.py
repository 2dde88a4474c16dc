"""The manifest of docs/cluster.md has no key that KubeRay doesn't know, and all that it needs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.pages import PAGES, examples

# The fields of ray.io/v1 (KubeRay's ray-operator/apis/ray/v1/raycluster_types.go); those with * must be there.
CLUSTER = (
    "headGroupSpec* workerGroupSpecs rayVersion enableInTreeAutoscaling autoscalerOptions authOptions "
    "headServiceAnnotations suspend gcsFaultToleranceOptions managedBy networkIsolation"
)
HEAD = "serviceType headService enableIngress rayStartParams template*"
WORKERS = (
    "groupName* replicas minReplicas* maxReplicas* numOfHosts idleTimeoutSeconds rayStartParams template* scaleStrategy"
)
AUTH = "mode* secretName enableK8sTokenAuth"


def faults(part: dict[str, Any], fields: str) -> set[str]:
    known = {field.rstrip("*") for field in fields.split()}
    needed = {field.rstrip("*") for field in fields.split() if field.endswith("*")}
    return (part.keys() - known) | (needed - part.keys())


@pytest.fixture
def manifest() -> dict[str, Any]:
    page = next(page for page in PAGES if page.name == "cluster.md")
    [text] = [example.text for example in examples(page) if example.file == "raycluster.yaml"]
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def test_the_manifest_has_the_fields_of_a_ray_cluster(manifest: dict[str, Any]) -> None:
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayCluster")
    spec = manifest["spec"]
    assert faults(spec, CLUSTER) == set()
    assert faults(spec["authOptions"], AUTH) == set()
    assert spec["authOptions"]["mode"] == "token"
    assert faults(spec["headGroupSpec"], HEAD) == set()
    for group in spec["workerGroupSpecs"]:
        assert faults(group, WORKERS) == set()
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for part in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in part["rayStartParams"].values())
        pod = part["template"]["spec"]
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_a_key_that_is_none_would_be_seen() -> None:
    assert faults({"template": {}, "rayParams": {}}, HEAD) == {"rayParams"}
    assert faults({"secretName": "x"}, AUTH) == {"mode"}
