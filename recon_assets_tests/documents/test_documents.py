"""The documents as a site, built strictly; what the README links to; what is generated is of today."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import psycopg

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.documents import schema_diagram

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
DECISIONS = PROJECT / "docs" / "decisions"


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Strictly: every page is in the navigation, and every link and anchor between pages leads somewhere."""
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "api.html").is_file()


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = LINK.findall((PROJECT / "README.md").read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert len(local) > 10
    for link in local:
        path, _, anchor = unquote(link).partition("#")
        assert (PROJECT / path).exists(), link
        if anchor:
            assert anchor in anchors_of(PROJECT / path), link


def anchors_of(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_decision_is_in_the_list() -> None:
    listed = LINK.findall((DECISIONS / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(path.name for path in DECISIONS.glob("0*.md"))


def test_the_diagram_is_of_the_schema(superuser: psycopg.Connection) -> None:
    text = schema_diagram.DOCUMENT.read_text(encoding="utf-8")
    renew = "renew it: python -m recon_assets_tests.documents.schema_diagram"
    assert text == schema_diagram.with_description(text, superuser), renew
