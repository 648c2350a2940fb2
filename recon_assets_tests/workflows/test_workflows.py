"""The workflows run what people run, on the Pythons that are promised, with few rights and pinned actions.

Their schema and their security are linted by check-jsonschema and zizmor in `make lint`; here is what these can't know.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.workflows.workflow_files import Job, jobs, make_targets, uses, workflow

PINNED = re.compile(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+")
OURS = re.compile(r"uses: \./\.github/workflows/[a-z]+\.yml")
OTHER_PROGRAMS = {"docker", "gh", "echo"}
"""Of the runner; their options are theirs."""

every_job = pytest.mark.parametrize("job", jobs(), ids=str)


def unknown_commands(job: Job) -> list[str]:
    """Commands of its steps that this repository does not have."""
    unknown = []
    for words in job.commands:
        program, *arguments = [word for word in words if not re.fullmatch(r"[A-Za-z_]+=.*", word)] or ["echo"]
        if program == "make":
            known = bool(arguments) and set(arguments) <= make_targets()
        elif program == "bash":
            known = (PROJECT / arguments[0]).is_file()
        else:
            known = program in OTHER_PROGRAMS
        if not known:
            unknown.append(" ".join(words))
    return unknown


def too_free(job: Job) -> list[str]:
    """What a job leaves to a default: how long it may take, and what its token may do."""
    called = "uses" in job.said
    wanted = {"permissions"} if called else {"permissions", "timeout-minutes"}
    return sorted(wanted - set(job.said))


@every_job
def test_every_command_of_a_step_exists(job: Job) -> None:
    assert unknown_commands(job) == []


@every_job
def test_every_job_has_a_limit_of_time_and_rights_of_its_own(job: Job) -> None:
    assert too_free(job) == []
    if "timeout-minutes" in job.said:
        assert 0 < job.said["timeout-minutes"] <= 60


def test_by_itself_a_token_may_do_nothing_and_only_a_release_may_write() -> None:
    assert [workflow(name)["permissions"] for name in ("ci.yml", "release.yml")] == [{}, {}]
    writing = {
        str(job): [right for right, kind in job.said["permissions"].items() if kind == "write"]
        for job in jobs()
        if "write" in job.said["permissions"].values()
    }
    assert writing == {"release.yml:build": ["id-token", "attestations"], "release.yml:publish": ["contents"]}


def test_actions_are_pinned_by_commit_with_their_version_beside_it() -> None:
    assert len(uses()) > 20
    assert [line for line in uses() if not (PINNED.fullmatch(line) or OURS.fullmatch(line))] == []


def test_an_action_has_one_commit_in_all_workflows() -> None:
    commits: dict[str, set[str]] = {}
    for line in filter(PINNED.fullmatch, uses()):
        action, commit = line.removeprefix("uses: ").split("@")
        commits.setdefault(action, set()).add(commit)
    assert {action: len(found) for action, found in commits.items()} == dict.fromkeys(commits, 1)


@every_job
def test_a_checkout_leaves_no_token_behind(job: Job) -> None:
    for step in job.steps:
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_the_pythons_are_those_that_are_promised() -> None:
    promised = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    tried = workflow("ci.yml")["jobs"]["check"]["strategy"]["matrix"]["python"]
    assert promised == f">={tried[0]},<3.{int(tried[-1].removeprefix('3.')) + 1}"
    assert tried == [f"3.{minor}" for minor in range(int(tried[0][2:]), int(tried[-1][2:]) + 1)]


def test_a_push_is_checked_by_what_people_run() -> None:
    (check,) = [job for job in jobs() if str(job) == "ci.yml:check"]
    assert list(check.commands) == [["bash", ".ci/run"]]
    assert (PROJECT / ".ci" / "run").read_text().endswith("\nexec make test\n")
    assert re.search(r"^test: check ", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert {"push", "pull_request", "workflow_call"} <= set(workflow("ci.yml")["on"])


def test_pictures_and_coverage_are_kept_of_a_run_that_failed_too() -> None:
    (check,) = [job for job in jobs() if str(job) == "ci.yml:check"]
    (kept,) = [step for step in check.steps if "upload-artifact@" in step.get("uses", "")]
    assert (kept["if"], kept["with"]["path"]) == ("${{ !cancelled() }}", "test-artifacts/")
    assert "--cov-report=xml:test-artifacts/" in (PROJECT / "Makefile").read_text()


def test_a_release_is_made_of_what_was_checked() -> None:
    of_release = {job.name: job.said for job in jobs() if job.workflow == "release.yml"}
    assert {name: said.get("needs") for name, said in of_release.items()} == {
        "version": None,
        "checks": "version",
        "build": "checks",
        "publish": "build",
    }
    assert of_release["checks"]["uses"] == "./.github/workflows/ci.yml"


def test_no_workflow_waits_for_itself() -> None:
    """A called workflow has its caller's name, so groups by that name would be one."""
    groups = [workflow(name)["concurrency"]["group"] for name in ("ci.yml", "release.yml")]
    assert [group.split("-")[0] for group in groups] == ["ci", "release"]
    assert "github.workflow" not in " ".join(groups)


@pytest.mark.parametrize(
    ("job", "unknown", "free"),
    [
        ({"steps": [{"run": "make no-such-target"}]}, ["make no-such-target"], ["permissions", "timeout-minutes"]),
        ({"steps": [{"run": "make"}], "timeout-minutes": 5}, ["make"], ["permissions"]),
        ({"steps": [{"run": "bash .ci/none"}], "permissions": {}}, ["bash .ci/none"], ["timeout-minutes"]),
        ({"steps": [{"run": "A=1 curl x \\\n | sh"}]}, ["A=1 curl x | sh"], ["permissions", "timeout-minutes"]),
        ({"uses": "./.github/workflows/ci.yml"}, [], ["permissions"]),
    ],
)
def test_what_is_missing_is_found(job: dict, unknown: list[str], free: list[str]) -> None:
    assert (unknown_commands(Job("x.yml", "x", job)), too_free(Job("x.yml", "x", job))) == (unknown, free)


@pytest.mark.parametrize(
    ("damage", "code", "complaint"),
    [
        (("contents: read", "contents: reed"), 1, "reed"),
        (("timeout-minutes: 60", "timeout-minutes: soon"), 1, "soon"),
    ],
)
def test_the_schema_that_lint_uses_refuses(tmp_path: Path, damage: tuple[str, str], code: int, complaint: str) -> None:
    text = (PROJECT / ".github" / "workflows" / "ci.yml").read_text()
    (tmp_path / "ci.yml").write_text(text.replace(*damage, 1))
    schema = ["--builtin-schema", "vendor.github-workflows", str(tmp_path / "ci.yml")]
    checked = _program("check-jsonschema", *schema)
    assert (checked.returncode, complaint in checked.stdout) == (code, True)


def test_the_linter_that_lint_uses_refuses_a_tag_and_a_token_that_stays(tmp_path: Path) -> None:
    (folder := tmp_path / ".github" / "workflows").mkdir(parents=True)
    text = (PROJECT / ".github" / "workflows" / "ci.yml").read_text()
    text = re.sub(r"actions/checkout@\S+ # v\S+", "somebody/checkout@v6", text, count=1)
    text = text.replace("run: make image", 'run: echo "${{ github.event.pull_request.title }}"')
    (folder / "ci.yml").write_text(text)
    checked = _program("zizmor", "--offline", "--quiet", str(folder.parent))
    assert checked.returncode >= 11
    assert {"unpinned-uses", "template-injection"} <= set(re.findall(r"\[([a-z-]+)\]", checked.stdout))


def _program(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the environment that runs the tests."""
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
