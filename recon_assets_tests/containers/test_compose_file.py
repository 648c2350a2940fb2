"""What docker-compose.yml promises: the schema, what is closed, and which variable is missing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.containers.compose_file import COMPOSE_FILE, SECRETS, Missing, read_compose_file

OURS = ("code", "webserver", "daemon", "app", "auditors")
NOT_READ_ONLY = {"pgadmin"}  # its entrypoint writes its configuration


@pytest.fixture
def services() -> dict[str, Any]:
    return read_compose_file(SECRETS)["services"]


def follows_the_schema(path: Path) -> subprocess.CompletedProcess[str]:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_follows_the_compose_specification(tmp_path: Path) -> None:
    assert follows_the_schema(COMPOSE_FILE).returncode == 0
    misspelt = tmp_path / "docker-compose.yml"
    misspelt.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "healtcheck:", 1))
    assert "healtcheck" in follows_the_schema(misspelt).stdout


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_missing_password_is_named(name: str) -> None:
    with pytest.raises(Missing, match=f"set {name} in .env, see deploy/compose/env.example"):
        read_compose_file(SECRETS | {name: ""})
    assert f"\n{name}=\n" in (PROJECT / "deploy" / "compose" / "env.example").read_text()


def test_every_service_is_hardened_and_limited(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert "privileged" not in service, name
        if name not in NOT_READ_ONLY:
            assert service["read_only"] is True, name
            assert service["user"] not in {"0", "root"}, name


def test_ports_are_published_on_loopback_only_but_the_proxys_and_the_code_locations_not_at_all(
    services: dict[str, Any],
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "webserver": ["127.0.0.1:3000:3000"],
        "pgadmin": ["127.0.0.1:5050:5050"],
        "mailpit": ["127.0.0.1:8025:8025"],
        "proxy": ["443:8443", "80:8080"],  # TLS and a login: test_proxy.py
    }
    assert services["proxy"]["profiles"] == ["proxy"], "only for who asks for it"


def test_the_auditors_webserver_is_given_dagsters_history_and_no_other_credential(services: dict[str, Any]) -> None:
    given = read_compose_file(SECRETS | {"STRIPE_API_KEY": "rk_test", "EMAIL_PASSWORD": "of mail"})["services"]
    secrets = {name for name in given["auditors"]["environment"] if re.search("PASSWORD|KEY|SECRET|TOKEN|URL", name)}
    assert secrets == {"DB_PASSWORD"}
    database = {name: services["auditors"]["environment"][name] for name in ("DB_NAME", "DB_USER", "DB_PASSWORD")}
    assert list(database.values()) == ["dagster", "recon_dagster", SECRETS["DAGSTER_DB_PASSWORD"]]
    assert "--read-only" in services["auditors"]["command"]


def test_no_service_of_ours_is_given_the_superusers_password(services: dict[str, Any]) -> None:
    for name in OURS:
        assert SECRETS["POSTGRES_PASSWORD"] not in services[name]["environment"].values()


def test_the_auditors_login_is_given_to_what_verifies_and_to_no_other(services: dict[str, Any]) -> None:
    password = SECRETS["AUDITOR_DB_PASSWORD"]
    given = {name for name, service in services.items() if password in service.get("environment", {}).values()}
    assert given == {"db", "code", "app"}
    others = services["webserver"]["environment"]
    assert services["code"]["environment"] == others | {
        "DB_AUDITOR_USER": "recon_audit",
        "DB_AUDITOR_PASSWORD": password,
    }


def test_optional_variables_are_handed_on_only_where_they_are(services: dict[str, Any]) -> None:
    assert "STRIPE_API_KEY" not in services["code"]["environment"]
    given = read_compose_file(SECRETS | {"STRIPE_API_KEY": "rk_test"})["services"]
    assert given["code"]["environment"]["STRIPE_API_KEY"] == "rk_test"


def test_the_wheel_of_the_image_has_every_file_of_the_package() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    package = PROJECT / "recon_assets"
    in_wheel = {path for pattern in declared["recon_assets"] for path in package.glob(pattern)}
    there = {
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__"
    }
    assert there - in_wheel == set()
