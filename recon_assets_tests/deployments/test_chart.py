"""What Dagster's chart makes of our values fits what kustomize brings: chart.py says where the chart's side is from."""

import importlib.util
from typing import Any

import pytest
import yaml

from recon_assets.settings import Settings
from recon_assets_tests.deployments.chart import PODS, SERVICES, account_of, labels, merged, parts, pod_of, read_values
from recon_assets_tests.deployments.manifests import DEPLOY, named, resources, selects

HANDLERS = {"exec", "httpGet", "tcpSocket", "grpc"}
RUN = {"recon": "run"}  # of a run's pod: deploy/kubernetes/dagster.yaml


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return read_values()


@pytest.fixture(scope="module")
def pods(values: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Labels of every pod in the namespace."""
    ours = {
        found["metadata"]["name"]: found["spec"]["template"]["metadata"]["labels"]
        for found in resources()
        if found["kind"] in {"Deployment", "Job"}
    }
    return labels(values) | ours | {"run": RUN}


def test_a_probe_asks_in_one_way_only(values: dict[str, Any]) -> None:
    """Kubernetes refuses a Deployment whose probe has two, and the chart brings one of its own for the webservers."""
    for name, part in parts(values).items():
        (container,) = pod_of(part)["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert set(container.get(probe, {"exec": {}})) & HANDLERS == {"exec"}, (name, probe)
    ours = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())["dagsterWebserver"]["readinessProbe"]
    forgotten = merged({"httpGet": {"port": 80}}, {name: said for name, said in ours.items() if said is not None})
    assert set(forgotten) & HANDLERS == {"exec", "httpGet"}


def test_the_chart_gives_no_right_and_each_pod_the_account_that_is_meant_for_it(values: dict[str, Any]) -> None:
    """The chart has no account for one code location: a name there is passed over. One under `global` is of all."""
    user_code = values["dagster-user-deployments"]
    assert (values["rbacEnabled"], user_code["rbacEnabled"]) == (False, False)
    assert (values["serviceAccount"]["create"], user_code["serviceAccount"]["create"]) == (False, False)
    accounts = {name: account_of(name, values) for name in parts(values)}
    assert accounts == {"webserver": "recon-dagster", "daemon": "recon-dagster", "code": "recon-runs"}
    assert set(accounts.values()) == set(named("ServiceAccount"))
    (binding,) = named("RoleBinding").values()
    assert [subject["name"] for subject in binding["subjects"]] == ["recon-dagster"]
    assert account_of("code", values | {"global": {"serviceAccountName": "recon-dagster"}}) == "recon-dagster"


def test_every_service_and_budget_finds_the_pods_that_it_is_for(pods: dict[str, dict[str, str]]) -> None:
    found = {
        kind: {
            name: sorted(pod for pod, has in pods.items() if selects(selector(made), has))
            for name, made in named(kind).items()
        }
        for kind, selector in (
            ("Service", lambda made: {"matchLabels": made["spec"]["selector"]}),
            ("PodDisruptionBudget", lambda made: made["spec"]["selector"]),
        )
    }
    assert found == {
        "Service": {
            "webserver": ["recon-webserver"], "auditors": ["recon-webserver-read-only"],
            "proxy": ["proxy"], "oauth2-proxy": ["oauth2-proxy"],
        },
        "PodDisruptionBudget": {
            "recon-webserver": ["recon-webserver"], "recon-auditors": ["recon-webserver-read-only"],
            "recon-proxy": ["proxy"],
        },
    }  # fmt: skip


def test_every_policy_finds_the_pods_that_it_is_for(pods: dict[str, dict[str, str]]) -> None:
    webservers = ["recon-webserver", "recon-webserver-read-only"]
    daemon, code = "recon-dagster-daemon", "recon-dagster-user-deployments-recon-code"
    found = {
        name: sorted(pod for pod, has in pods.items() if selects(policy["spec"]["podSelector"], has))
        for name, policy in named("NetworkPolicy").items()
    }
    assert found == {
        "nothing-else": sorted(pods),
        "names": sorted(pods),
        "people-to-proxy": ["proxy"],
        "proxy-to-sign-in": ["oauth2-proxy"],
        "proxy-to-webserver": webservers,
        "dagster-to-code": sorted([daemon, *webservers]),
        "code-from-dagster": [code],
        "dagster-to-cluster": [daemon, "recon-webserver"],
        "all-to-database": sorted([daemon, code, *webservers, "recon-migrate", "run"]),
        "work-to-feeds": sorted([code, "recon-migrate", "run"]),
    }


def test_webservers_and_daemon_ask_the_code_where_it_is(values: dict[str, Any]) -> None:
    """The Service of a code location has its name, and the workspace names the location as reports link to it."""
    code = parts(values)["code"]
    (server,) = values["dagsterWebserver"]["workspace"]["servers"]
    assert server == {"host": code["name"], "port": code["port"], "name": "recon_assets"}
    assert code["dagsterApiGrpcArgs"][-2:] == ["--location-name", server["name"]]
    (rule,) = named("NetworkPolicy")["code-from-dagster"]["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": code["port"]}]
    for name in ("webserver", "auditors"):
        (port,) = named("Service")[name]["spec"]["ports"]
        assert port["targetPort"] == values["dagsterWebserver"]["service"]["port"]


def test_what_kubernetes_says_of_services_is_not_taken_for_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sets variables for each Service of the namespace in every pod, and the chart cannot switch that off."""
    services = [*SERVICES, *named("Service")]
    prefixes = tuple(f"{name.upper().replace('-', '_')}_{kind}" for name in services for kind in ("PORT", "SERVICE_"))
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert not [name for name in settings if name.startswith(prefixes)]

    found = importlib.util.spec_from_file_location("health", DEPLOY / "container" / "health.py")
    assert found is not None and found.loader is not None
    health = importlib.util.module_from_spec(found)
    found.loader.exec_module(health)
    for name in ("RECON_CODE_PORT", "RECON_WEBSERVER_PORT"):
        assert name.startswith(prefixes)
        monkeypatch.setenv(name, "tcp://10.96.0.7:4000")
        assert health.port_of(name, 3000) == 3000
        monkeypatch.setenv(name, "4001")
        assert health.port_of(name, 3000) == 4001
        monkeypatch.delenv(name)
        assert health.port_of(name, 3000) == 3000


def test_pods_of_ours_are_told_nothing_of_services() -> None:
    run = yaml.safe_load((DEPLOY / "kubernetes" / "dagster.yaml").read_text())["run_launcher"]["config"][
        "run_k8s_config"
    ]
    specs = [run["pod_spec_config"]]
    specs += [found["spec"]["template"]["spec"] for found in resources() if found["kind"] in {"Deployment", "Job"}]
    assert [spec["enableServiceLinks"] for spec in specs] == [False] * 4


def test_names_of_the_chart_are_none_of_ours() -> None:
    deployments, services = set(named("Deployment")), set(named("Service"))
    assert not deployments & set(PODS)
    assert not services & set(SERVICES)
    configuration = {"recon-dagster-instance", "recon-dagster-workspace-yaml", "recon-dagster-pipeline-env"}
    assert not configuration & set(named("ConfigMap"))
