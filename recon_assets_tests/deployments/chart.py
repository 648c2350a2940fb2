"""Dagster's own Helm chart, as far as our values and manifests hang on it: the chart itself is not here.

Names, labels, accounts and defaults are what `helm template recon CHART --namespace recon --values
deploy/kubernetes/values.yaml` gave: helm 4.1.4, and of helm/dagster of github.com/dagster-io/dagster what could be had,
file by file. deployment-user is of 16df21f; _deployment-webserver, configmap-workspace and the subchart's helpers of
068394f (pull requests of summer 2026); values and helpers of 01a3313; deployment-daemon of 1db41b9 (a fork), less its
secret of Celery. So it is near the archive of 1.13.27, and is not it.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from recon_assets_tests.deployments.manifests import DEPLOY

POD = {
    "image", "env", "envConfigMaps", "labels", "podSecurityContext", "securityContext", "resources",
    "volumes", "volumeMounts", "startupProbe", "readinessProbe", "livenessProbe",
}  # fmt: skip
SERVICE_POD = POD | {"initContainerResources"}
VALUES: Mapping[str, set[str]] = {
    "global": {"dagsterHome", "postgresqlSecretName"},
    "serviceAccount": {"create", "name"},
    "postgresql": {"enabled", "postgresqlHost", "postgresqlUsername", "postgresqlDatabase", "image", "service"},
    "dagsterWebserver": SERVICE_POD | {"replicaCount", "nameOverride", "service", "enableReadOnly", "workspace"},
    "dagsterDaemon": SERVICE_POD | {"enabled", "runCoordinator", "runMonitoring", "runRetries"},
    "dagster-user-deployments": {"enabled", "enableSubchart", "serviceAccount", "rbacEnabled", "deployments"},
    **{name: {"enabled"} for name in ("rabbitmq", "redis", "flower", "telemetry", "ingress")},
}
"""Names of the chart's values that ours use. Of a code location it passes over one that it does not know."""
SWITCHES = {"rbacEnabled", "generatePostgresqlPasswordSecret", "generateCeleryConfigSecret"}
CODE = POD | {"envSecrets", "name", "dagsterApiGrpcArgs", "port", "includeConfigInLaunchedRuns"}
DEFAULTS: Mapping[str, Any] = {
    "rbacEnabled": True,
    "serviceAccount": {"create": True, "name": ""},
    "dagsterWebserver": {"readinessProbe": {"httpGet": {"path": "/server_info", "port": 80}, "successThreshold": 1}},
    "dagster-user-deployments": {"rbacEnabled": True, "serviceAccount": {"create": True, "name": ""}},
}
"""What the chart does where we say nothing: of it what would break us."""
PODS: Mapping[str, tuple[str, dict[str, str]]] = {
    "recon-webserver": ("webserver", {"component": "dagster-webserver"}),
    "recon-webserver-read-only": ("webserver", {"component": "dagster-webserver-read-only"}),
    "recon-dagster-daemon": ("daemon", {"component": "dagster-daemon", "deployment": "daemon"}),
    "recon-dagster-user-deployments-recon-code": (
        "code", {"component": "user-deployments", "deployment": "recon-code"},
    ),
}  # fmt: skip
"""Deployments of the release `recon`: the part of the values that each is made of, and what labels its pods have."""
SERVICES = ("recon-code", "recon-webserver", "recon-webserver-read-only")


def merged(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm joins values with the chart's: mapping by mapping, lists whole, and `null` takes away."""
    joined = dict(defaults)
    for name, said in values.items():
        if said is None:
            joined.pop(name, None)
        elif isinstance(said, Mapping):
            below = joined.get(name)
            joined[name] = merged(below if isinstance(below, Mapping) else {}, said)
        else:
            joined[name] = said
    return joined


def read_values() -> dict[str, Any]:
    """Ours, joined with the chart's defaults."""
    return merged(DEFAULTS, yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text()))


def parts(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    (code,) = values["dagster-user-deployments"]["deployments"]
    return {"webserver": values["dagsterWebserver"], "daemon": values["dagsterDaemon"], "code": code}


def labels(values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Of the pods of each Deployment of the chart."""
    release = {"app.kubernetes.io/instance": "recon"}
    return {name: release | own | parts(values)[part]["labels"] for name, (part, own) in PODS.items()}


def account_of(part: str, values: Mapping[str, Any]) -> str:
    """The name under `global` goes before both; the code location's own is of all code locations, none is of one."""
    for_all: str = values["global"].get("serviceAccountName", "")
    of = values["dagster-user-deployments"] if part == "code" else values
    own: str = of["serviceAccount"]["name"]
    return for_all or own


def pod_of(part: Mapping[str, Any]) -> dict[str, Any]:
    """The PodSpec that the chart's templates make of the values, but for what is the chart's own."""
    probes = {
        name: {key: said for key, said in part[name].items() if key != "enabled"}
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
        if name in part
    }
    sources = [{"configMapRef": source} for source in part["envConfigMaps"]]
    sources += [{"secretRef": source} for source in part.get("envSecrets", [])]
    own = {"securityContext": part["securityContext"]}
    container = (
        own | probes | {"name": "dagster", "image": "{repository}:{tag}".format(**part["image"]), "envFrom": sources}
    )
    pod = {
        "securityContext": part["podSecurityContext"],
        "containers": [container | {name: part[name] for name in ("env", "resources", "volumeMounts")}],
        "volumes": part["volumes"],
    }
    if "initContainerResources" not in part:  # the code location waits for nothing
        return pod
    waits = {"check-db-ready": "postgres:15", "init-user-deployment-recon-code": "busybox:1.28"}
    waiting = own | {"resources": part["initContainerResources"]}
    return pod | {"initContainers": [waiting | {"name": name, "image": image} for name, image in waits.items()]}
