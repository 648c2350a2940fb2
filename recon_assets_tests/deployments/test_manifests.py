"""deploy/kubernetes: our manifests by Kubernetes' schemas, and the chart's values as far as they say what a pod is.

What the chart makes of them, and whether ours fit it: test_chart.py.
"""

from collections.abc import Mapping
from typing import Any

import kubernetes_validate
import pytest
import yaml

from recon_assets.settings import Settings
from recon_assets_tests.deployments.chart import CODE, SWITCHES, VALUES, parts, pod_of, read_values
from recon_assets_tests.deployments.manifests import DEPLOY, named, resources
from recon_assets_tests.deployments.pods import is_restricted

VERSIONS = ("1.30", kubernetes_validate.latest_version())


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return read_values()


def deployments(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """PodSpecs by name: the chart's and ours."""
    found = named("Deployment") | named("Job")
    ours = {name: made["spec"]["template"]["spec"] for name, made in found.items()}
    return ours | {name: pod_of(part) for name, part in parts(values).items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_follows_kubernetes_schema(version: str, values: dict[str, Any]) -> None:
    for found in resources():
        kubernetes_validate.validate(found, version, strict=True)
    for name, pod in deployments(values).items():
        wrapped = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod}
        kubernetes_validate.validate(wrapped, version, strict=True)


def test_the_schema_refuses_a_misspelt_probe(values: dict[str, Any]) -> None:
    part = values["dagsterDaemon"] | {"livenessProbe": {"exec": {"comand": ["true"]}}}
    wrong = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "wrong"}, "spec": pod_of(part)}
    with pytest.raises(kubernetes_validate.ValidationError, match="comand"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_values_use_names_that_the_chart_has(values: dict[str, Any]) -> None:
    assert set(values) - SWITCHES == set(VALUES)
    for name, said in values.items():
        if name not in SWITCHES:
            assert set(said) <= VALUES[name], name
    assert set(parts(values)["code"]) <= CODE


def test_every_pod_may_run_where_the_standard_restricted_is_enforced(values: dict[str, Any]) -> None:
    assert named("Namespace")["recon"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {name: is_restricted(pod) for name, pod in deployments(values).items()} == {
        name: [] for name in ("proxy", "oauth2-proxy", "recon-migrate", "webserver", "daemon", "code")
    }
    unsafe = pod_of(values["dagsterDaemon"] | {"podSecurityContext": {}, "securityContext": {}})
    assert len(is_restricted(unsafe)) == 11, "two of the pod, and three of each container"


def test_every_container_has_limits_and_probes(values: dict[str, Any]) -> None:
    for name, pod in deployments(values).items():
        (container,) = pod["containers"]
        for each in [*pod.get("initContainers", []), container]:
            assert each["resources"]["limits"]["memory"], name
            assert each["resources"]["requests"]["cpu"], name
        assert "livenessProbe" in container or name in named("Job"), name
    for name, part in parts(values).items():
        assert part["livenessProbe"]["exec"]["command"] == ["python", "/app/health.py", name]


def test_webservers_and_daemon_are_given_dagsters_history_and_no_other_credential(values: dict[str, Any]) -> None:
    for name in ("webserver", "daemon"):
        part = parts(values)[name]
        assert "envSecrets" not in part
        secrets = [entry["valueFrom"]["secretKeyRef"] for entry in part["env"] if "valueFrom" in entry]
        assert secrets == [{"name": "recon-database", "key": "postgresql-password"}]
        plain = {entry["name"]: entry["value"] for entry in part["env"] if "value" in entry}
        assert plain == {
            "DAGSTER_HOME": "/etc/recon", "DB_NAME": "dagster", "DB_USER": "recon_dagster", "DAGSTER_DB_USER": "",
        }  # fmt: skip
    assert values["dagsterWebserver"]["enableReadOnly"] is True


def test_no_secret_stands_in_a_file(values: dict[str, Any]) -> None:
    assert not named("Secret")
    told = named("ConfigMap")["recon-environment"]["data"]
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert set(told) <= known | {"RECON_NAMESPACE"}, "a setting has another name"
    assert not [name for name in told if any(word in name for word in ("PASSWORD", "SECRET", "TOKEN"))]
    assert told["DB_SSLMODE"] == "verify-full"


def test_everything_that_is_named_is_there(values: dict[str, Any]) -> None:
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    generated = {made["name"]: made["files"] for made in kustomization["configMapGenerator"]}
    for files in generated.values():
        assert all((DEPLOY / name.split("=")[-1]).is_file() for name in files)
    by_hand = {"recon-ca"}  # docs/kubernetes.md
    there = set(named("ConfigMap")) | set(generated) | by_hand
    for name, pod in deployments(values).items():
        claims = (
            {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
            if ("volumes" in pod)
            else set()
        )
        maps = {volume["configMap"]["name"] for volume in pod.get("volumes", []) if "configMap" in volume}
        assert maps <= there, name
        assert claims <= set(named("PersistentVolumeClaim")), name


def test_only_who_needs_it_reaches_the_code_and_each_policy_finds_its_pods(values: dict[str, Any]) -> None:
    policies = named("NetworkPolicy")
    labels = {part["labels"]["recon"] for part in parts(values).values()} | {"run"}
    labels |= {found["spec"]["template"]["metadata"]["labels"]["recon"] for found in named("Deployment").values()}

    def selected(selector: Mapping[str, Any]) -> set[str]:
        chosen = {selector["matchLabels"]["recon"]} if "recon" in selector.get("matchLabels", {}) else set()
        for expression in selector.get("matchExpressions", []):
            chosen |= set(expression["values"]) if expression["key"] == "recon" else set()
        return chosen

    for name, policy in policies.items():
        assert selected(policy["spec"]["podSelector"]) <= labels, name
    assert policies["nothing-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    into = {
        target: {
            source
            for policy in policies.values()
            if target in selected(policy["spec"]["podSelector"])
            for rule in policy["spec"].get("ingress", [])
            for peer in rule.get("from", [])
            for source in selected(peer.get("podSelector", {}))
        }
        for target in labels
    }
    assert into == {
        "code": {"webserver", "daemon"}, "webserver": {"proxy"}, "sign-in": {"proxy"},
        "daemon": set(), "run": set(), "proxy": set(),
    }  # fmt: skip
    database = policies["all-to-database"]["spec"]
    assert selected(database["podSelector"]) == {"webserver", "daemon", "code", "run"}
    cluster = policies["dagster-to-cluster"]["spec"]["podSelector"]["matchExpressions"]
    assert cluster == [{"key": "component", "operator": "In", "values": ["dagster-webserver", "dagster-daemon"]}], (
        "not the auditors' webserver"
    )


def test_the_proxy_asks_the_names_and_ports_that_the_services_have() -> None:
    configuration = (DEPLOY / "proxy" / "nginx.conf").read_text() + (DEPLOY / "proxy" / "login-oidc.conf").read_text()
    for name in ("webserver", "auditors", "oauth2-proxy"):
        (port,) = named("Service")[name]["spec"]["ports"]
        assert f"{name}:{port['port']}" in configuration
