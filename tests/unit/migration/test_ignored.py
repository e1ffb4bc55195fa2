"""Ignore files: what they lack is added by its meaning, at their end, and every byte that is there stays."""

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dashtam_tasks.migration import ignored, legacy
from dashtam_tasks.migration.ignored import docker
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.other_files import Build
from tests.unit.migration.blueprints import copied

SECRETS = ("envs/.env.dev", "envs/.env.staging", "backups/pre-migration-20261123/.env", ".dashtam/plan.json")
EXAMPLE = "envs/.env.dev.example"
COMPOSE = "services:\n  app:\n    build: .\n"


@dataclass
class Project:
    """A small project in a git repository, whose app is built from its folder."""

    folder: Path

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        return done.stdout

    @property
    def found(self) -> Legacy:
        return legacy.survey(self.folder)

    def complete(self) -> tuple[str, ...]:
        """Write what the operations say, and return the files."""
        done = ignored.operations(self.found)
        for one in done:
            self.write(one.path, one.data)
            (self.folder / one.path).chmod(one.mode)
        return tuple(one.path for one in done)

    def leaves_out(self, *paths: str) -> list[str]:
        """Return which of these files git would not commit."""
        for path in paths:
            self.write(path, b"x")
        return self.git("check-ignore", "--no-index", *paths).split()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    made = Project(tmp_path / "shop")
    made.write("docker-compose.yml", COMPOSE.encode())
    made.write("Dockerfile", b"FROM scratch\nCOPY . /\n")
    made.git("init", "--quiet")
    return made


GIT_FILES = {
    "none": None,
    "empty": b"",
    "what is ignored already": b"/.dashtam\nbackups\nreports/\nenvs/.env.*\n!*.example\n",
    "no newline at the end": b"*.pyc",
    "CRLF": b"*.pyc\r\n/dist/\r\n",
    "every env file": b".env*\n",
    "the whole folder": b"envs/\n",
    "everything but sources": b"/*\n!/src/\n!.gitignore\n",
    "no UTF-8": b"gr\xfc\xdfe/\n",
    "UTF-16": "backups/\r\n".encode("utf-16"),
    "secrets taken in": b"envs/\n!envs/\n!envs/.env.dev\n",
}


@pytest.mark.parametrize("case", GIT_FILES)
def test_git_leaves_secrets_out_and_takes_examples(project: Project, case: str) -> None:
    before = GIT_FILES[case]
    if before is not None:
        project.write(".gitignore", before)
    project.complete()
    after = (project.folder / ".gitignore").read_bytes()
    assert after.startswith(before or b"")
    assert project.leaves_out(*SECRETS) == [*SECRETS]
    assert project.leaves_out(EXAMPLE) == []
    assert project.complete() == ()


def test_lines_that_mean_something_already_are_not_added_again(project: Project) -> None:
    project.write(".gitignore", GIT_FILES["what is ignored already"] or b"")
    project.write(".dockerignore", b"*\n!src\n")
    assert project.complete() == ()


def test_line_ends_and_modes_are_kept(project: Project) -> None:
    project.write(".gitignore", b"*.pyc\r\n")
    (project.folder / ".gitignore").chmod(0o600)
    project.complete()
    after = (project.folder / ".gitignore").read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n") > 1
    assert (project.folder / ".gitignore").stat().st_mode & 0o777 == 0o600


def test_what_a_person_takes_in_is_said_with_its_place(project: Project) -> None:
    project.write(".gitignore", b".env*\n\n!envs/.env.dev\n")
    project.write(".dockerignore", b"envs\n!envs/.env*\n")
    told = ignored.remarks(project.found)
    assert [one for one in told if one.startswith(".gitignore:3: `!envs/.env.dev` takes in")]
    assert [one for one in told if one.startswith(".dockerignore:2: `!envs/.env*` takes in")]


def test_a_file_below_that_wins_is_said(project: Project) -> None:
    project.write("envs/.gitignore", b"!.env.dev\n")
    (told,) = ignored.remarks(project.found)
    assert told.startswith("envs/.gitignore:1: `!.env.dev` wins over .gitignore, and envs/.env.dev")


def test_the_ignore_files_above_a_project_count(project: Project) -> None:
    project.write(".gitignore", b"backups/\n.dashtam/\nreports/\nsub/envs/.env.*\n!**/.env.*.example\n")
    project.write("sub/docker-compose.yml", b"services:\n  db:\n    image: redis:8\n")
    assert ignored.operations(legacy.survey(project.folder / "sub")) == ()


def test_what_one_person_ignores_everywhere_protects_nobody_else(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(f"[core]\nexcludesFile = {tmp_path}/mine\n", "utf-8")
    (tmp_path / "mine").write_text("*\n", "utf-8")
    assert ".gitignore" in project.complete()


def test_a_folder_of_the_projects_own_stays_in_commits_and_images(project: Project) -> None:
    project.write("reports/monthly.py", b"")
    project.git("add", "reports")
    project.complete()
    assert project.leaves_out("reports/yearly.py", "reports/test/junit.xml") == ["reports/test/junit.xml"]
    told = docker.judge_of("")((project.folder / ".dockerignore").read_bytes(), ["reports/monthly.py"])
    assert not told["reports/monthly.py"].is_out


def test_a_link_is_left_as_it_is_and_its_lines_are_named(project: Project) -> None:
    project.write("shared", b"")
    (project.folder / ".dockerignore").symlink_to("shared")
    assert project.complete() == (".gitignore",)
    told = [one for one in ignored.remarks(project.found) if one.startswith(".dockerignore: It is a link")]
    assert told
    assert "`envs/.env.*`" in told[0]


def test_a_dockerfiles_own_ignore_file_is_completed_too(project: Project) -> None:
    project.write("Dockerfile.dockerignore", b"node_modules\n")
    assert project.complete() == (".gitignore", ".dockerignore", "Dockerfile.dockerignore")


def test_a_context_below_needs_nothing_and_one_around_is_named(project: Project) -> None:
    below = replace(
        project.found,
        builds=(Build(service="worker", context="worker", dockerfile="Dockerfile"),),
        files=replace(project.found.files, dockerfiles=("worker/Dockerfile",)),
    )
    assert [one.path for one in ignored.operations(below)] == [".gitignore"]
    around = replace(below, builds=(Build(service="web", context="..", dockerfile="Dockerfile"),))
    (told,) = ignored.remarks(around)
    assert "service web is built from .." in told
    assert told.endswith("shop/envs/.env.*")


def test_without_git_the_lines_are_there_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.rmtree(project.folder / ".git")
    real = project.found
    monkeypatch.setenv("PATH", str(tmp_path))
    done = {one.path: one.data for one in ignored.operations(real)}
    assert b"/envs/.env.*\n!/envs/.env.*.example\n" in done[".gitignore"]


def test_the_example_gets_what_it_lacks(tmp_path: Path) -> None:
    done = {one.path: one.data for one in ignored.operations(legacy.survey(copied("example", tmp_path)))}
    assert list(done) == [".gitignore", ".dockerignore"]
    assert b"\n/backups" not in done[".gitignore"]
    assert done[".dockerignore"].endswith(b"\n.dashtam\nreports\nenvs/.env.*\n!envs/.env.*.example\n")


PATTERNS: dict[str, tuple[list[str], list[str]]] = {
    # What a pattern fits, and what it does not.
    "envs": (["envs", "envs/.env.dev"], ["a/envs", "envs2"]),
    "/envs/": (["envs/.env.dev"], ["a/envs/x"]),
    "./envs/../envs": (["envs/x"], []),
    "*.env": ([".env", "a.env"], ["a/b.env"]),
    "**/*.env": (["a.env", "a/b/c.env"], ["a.envs"]),
    "**/envs": (["envs", "a/b/envs/x"], ["xenvs"]),
    "**envs": (["envs", "xenvs", "a/xenvs"], ["envs2"]),
    "a/**/z": (["a/z", "a/b/c/z"], ["az"]),
    "a/**": (["a/b", "a/b/c"], ["b"]),
    "**": (["x", "a/b"], []),
    "?.env": (["a.env"], [".env", "ab.env"]),
    "[a-c].x": (["b.x"], ["d.x"]),
    "[^a].x": (["b.x"], ["a.x"]),
    r"\!x": (["!x"], ["x"]),
    "a+(b)": (["a+(b)"], ["aab"]),
    " envs ": (["envs"], []),
    "#envs": ([], ["envs", "#envs"]),
    "[": ([], ["["]),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_docker_pattern_fits_what_docker_says(pattern: str) -> None:
    fitting, others = PATTERNS[pattern]
    told = docker.judge_of("")(pattern.encode(), [*fitting, *others])
    assert [path for path in told if told[path].is_out] == fitting


LAST = {
    "an exception": b"*\n!envs/.env.dev\n",
    "of a folder above": b"envs\n!envs\n",
    "behind a byte order mark": b"\xef\xbb\xbfenvs\n!envs/.env.dev",
    "with a space behind its sign": b"envs\n! envs/.env.dev\r\n",
}


@pytest.mark.parametrize("case", LAST)
def test_the_last_docker_pattern_that_fits_decides(case: str) -> None:
    data = LAST[case]
    assert not docker.judge_of("")(data, ["envs/.env.dev"])["envs/.env.dev"].is_out
    assert docker.judge_of("")(data + b"\nenvs/.env.*", ["envs/.env.dev"])["envs/.env.dev"].is_out
