"""What `.gitignore` files leave out of commits: git itself is asked, in a repository of its own."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.ignored import docker
from dashtam_tasks.migration.ignored.lines import Judge, Verdict

NAME = ".gitignore"
# Files below the project's own that have a say. Not that of backups/, which comes and goes with what is in it.
INNER = ("envs", "reports")
# What one person has set for all of their repositories protects nobody else.
NOBODYS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
CHECK = "-c core.excludesFile=/dev/null check-ignore --no-index --verbose --non-matching -z --stdin".split()
NONE_IGNORED = 1


class Checkout:
    """A project in a checkout; `prefix` is its place there. Other `.gitignore` files than its own are as they are.

    Those in the folders of `paths` count too.
    """

    def __init__(self, folder: Path, *, prefix: str = "", inner: Iterable[str] = ()) -> None:
        self.folder = folder
        self.prefix = PurePosixPath(prefix)
        self.inner = tuple(inner)

    def judge(self, data: bytes, paths: Iterable[str]) -> Mapping[str, Verdict]:
        """Return what git makes of paths of the project, if its own `.gitignore` holds `data`.

        Raises DashtamError (UNAVAILABLE) when git is missing or refuses.
        """
        with tempfile.TemporaryDirectory(prefix="dashtam-git-") as place:
            asked(Path(place), "init", "--quiet", "--template=", ".")
            for name, contents in self.others():
                written(Path(place, name), contents)
            written(Path(place, self.prefix, NAME), data)
            told = asked(Path(place), *CHECK, stdin="\0".join(str(self.prefix / path) for path in paths))
        return dict(self.verdicts(told.split("\0")))

    def others(self) -> Iterator[tuple[PurePosixPath, bytes]]:
        """Yield the `.gitignore` files above and below the project's own, with where they are in the checkout."""
        above = {folder: len(self.prefix.parts) - len(folder.parts) for folder in self.prefix.parents}
        places = {folder / NAME: self.folder.parents[up - 1] / NAME for folder, up in above.items() if up}
        places |= {self.prefix / name / NAME: self.folder / name / NAME for name in self.inner}
        for name, path in places.items():
            if path.is_file() and not path.is_symlink():
                yield name, path.read_bytes()

    def verdicts(self, fields: list[str]) -> Iterator[tuple[str, Verdict]]:
        """Yield what git says of each path: `source`, `line`, `pattern`, `path` (git-check-ignore(1))."""
        for source, line, pattern, path in zip(*[iter(fields)] * 4, strict=False):
            name = str(PurePosixPath(path).relative_to(self.prefix))
            is_out = bool(pattern) and not pattern.startswith("!")
            where = f"{source}:{line}" if pattern else ""
            yield name, Verdict(is_out=is_out, where=where, pattern=pattern)


def judge_for(folder: Path, prefix: str) -> Judge:
    """Return what tells what git leaves out of a project; without git, Docker's reading of the lines has to do.

    That knows fewer patterns to fit, so at worst a line is there twice.
    """
    if shutil.which("git") is None:
        return docker.judge_of(NAME)
    return Checkout(folder, prefix=prefix, inner=INNER).judge


def written(path: Path, data: bytes) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def asked(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    """Return what git answers in a folder.

    Raises DashtamError (UNAVAILABLE) when git is missing or refuses.
    """
    done = processes.run(["git", *arguments], environment=NOBODYS, cwd=folder, stdin=stdin)
    if done.returncode not in {0, NONE_IGNORED}:
        raise DashtamError(
            "Git cannot tell what .gitignore leaves out.",
            code=ExitCode.UNAVAILABLE,
            details=done.stderr.strip(),
        )
    return done.stdout
