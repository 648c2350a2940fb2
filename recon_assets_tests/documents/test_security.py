"""docs/security.md: each threat names the tests that prove its control. And one that has no test elsewhere: hashes."""

import re

import pytest

from recon_assets_tests.conftest import PROJECT

DOCUMENT = PROJECT / "docs" / "security.md"
TEST = re.compile(r"`((?:\w+/)+test_\w+\.py)`")
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    *(f"deploy/container/{n}.lock" for n in ("docker", "kubernetes")),
)


def threats() -> dict[str, str]:
    """What proves the control of each, by the threat's first words."""
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Threats\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| **")]
    assert all(len(row) == 3 for row in rows)
    return {threat: proof for threat, _, proof in rows}


def test_the_document_begins_with_the_threats() -> None:
    assert re.findall(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)[0] == "Threats"
    assert len(threats()) >= 15


def test_every_threat_names_tests_that_are_there() -> None:
    for threat, proof in threats().items():
        named = TEST.findall(proof)
        assert named, f"nothing proves the control of {threat}"
        assert TEST.sub("", proof).strip(" ,") == "", threat
        for path in named:
            tests = (PROJECT / "recon_assets_tests" / path).read_text(encoding="utf-8")
            assert re.search(r"^def test_", tests, re.MULTILINE), path


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_taken_by_its_hash_and_from_no_named_place(lock: str) -> None:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    packages = re.split(r"^(?=[\w.\-\[\]]+==)", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 50
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text
    assert not re.search(r"^\s*(-e|--index-url|--extra-index-url|--find-links)", text, re.MULTILINE)


def test_who_installs_asks_for_the_hashes() -> None:
    for name in ("Makefile", "Dockerfile"):
        commands = (PROJECT / name).read_text(encoding="utf-8").replace("\\\n", " ").replace("&&", "\n").splitlines()
        installs = [command for command in commands if " install " in command and ".lock" in command]
        assert len(installs) == 2, name
        assert [command for command in installs if "--require-hashes" not in command] == [], name
    assert "--only-binary :all:" in (PROJECT / "Dockerfile").read_text(encoding="utf-8")
