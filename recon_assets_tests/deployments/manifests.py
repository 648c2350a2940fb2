"""The manifests of deploy/kubernetes that kustomize puts together, and the Job of the migrations."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from recon_assets_tests.conftest import PROJECT

DEPLOY = PROJECT / "deploy"


def resources() -> Iterator[dict[str, Any]]:
    for name in yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]:
        yield from yaml.safe_load_all((DEPLOY / name).read_text())
    yield yaml.safe_load((DEPLOY / "kubernetes" / "migrate.yaml").read_text())


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in resources() if found["kind"] == kind}


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector of Kubernetes takes a pod with these labels; of expressions it knows `In` only."""
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )
