"""Build contexts: what real builders copy into an image is what we take them to, and no secret is among it."""

import io
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashtam_tasks.migration import ignored, legacy
from dashtam_tasks.migration.ignored import docker

FILES = (
    "src/app.py",
    "src/!odd",
    "README.md",
    "a.env",
    "deep/er/b.env",
    "reports/test/junit.xml",
    "envs/.env.dev.example",
)
SECRETS = ("envs/.env.dev", "envs/.env.ci", "backups/pre-migration-20261123/.env", ".dashtam/plan.json")
IGNORE_FILES = {
    "none": None,
    "exceptions for secrets": b"envs\n!envs/.env*\n!backups\n",
    "everything but sources": b"*\n!src\n!**/*.env\n",
    "CRLF, a byte order mark, no newline at the end": b"\xef\xbb\xbf*.md\r\n  !envs  \r\n/src/",
    "stars": b"**/*.env\n**app.py\nde**/er/**\n!deep/er/b.env\n",
    "classes and escapes": b"[A-R]*.md\nsrc/\\!odd\n?.env\n# a comment\n #no comment\n",
}


def builders() -> dict[str, bool]:
    """Return the builders that this engine has, with whether each is BuildKit; an older one comes without."""
    found = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False)
    return {"classic": False} | ({"buildkit": True} if found.returncode == 0 else {})


BUILDERS = builders()


@pytest.fixture(params=IGNORE_FILES)
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A project with secrets whose app is its whole folder, after its ignore files were completed."""
    folder = tmp_path / "context"
    files = dict.fromkeys((*FILES, *SECRETS), b"x\n") | {
        "docker-compose.yml": b"services:\n  app:\n    build: .\n",
        "Dockerfile": b"FROM scratch\nCOPY . /\n",
    }
    before = IGNORE_FILES[request.param]
    for name, data in files.items() if before is None else (*files.items(), (".dockerignore", before)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    for one in ignored.operations(legacy.survey(folder)):
        (folder / one.path).write_bytes(one.data)
    return folder


@pytest.fixture
def tag() -> Iterator[str]:
    """A name for an image, which is removed afterwards."""
    name = f"localhost/dashtam-test-context:{uuid.uuid4().hex[:12]}"
    yield name
    asked("image", "rm", "--force", name)


def asked(*arguments: str, **variables: str) -> bytes:
    """Return what docker answers."""
    environment = ["env", *(f"{name}={value}" for name, value in variables.items())]
    done = subprocess.run([*environment, "docker", *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def copied(folder: Path, tag: str, *, buildkit: bool) -> set[str]:
    """Return the files that a builder copies from a folder into an image."""
    asked("build", "--quiet", "--tag", tag, str(folder), DOCKER_BUILDKIT=str(int(buildkit)))
    container = asked("create", tag, "none").decode().strip()
    try:
        with tarfile.open(fileobj=io.BytesIO(asked("export", container))) as archive:
            return {one.name for one in archive if one.isfile()}
    finally:
        asked("rm", container)


@pytest.mark.parametrize("buildkit", BUILDERS.values(), ids=BUILDERS)
def test_no_secret_gets_into_an_image_and_nothing_else_is_missing(
    project: Path, tag: str, *, buildkit: bool
) -> None:
    patterns = tuple(docker.read((project / ".dockerignore").read_bytes()))
    read = docker.by_walk if buildkit else docker.by_path
    deciding = {name: read(patterns, name) for name in FILES}
    taken = {name for name, one in deciding.items() if one is None or one.is_exception}
    there = copied(project, tag, buildkit=buildkit)
    assert not {*SECRETS} & there
    # The classic builder does not look into a folder that is out for what a pattern with stars takes in.
    pruned = set() if buildkit else {name for name in taken - there if deciding[name]}
    assert {*FILES} & there == taken - pruned
