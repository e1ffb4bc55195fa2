"""Step 1.1, in part: what must not be committed, nor copied into an image, is in the ignore files."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashtam_tasks import files
from dashtam_tasks.files import PUBLIC
from dashtam_tasks.migration.ignored import docker, git, rules
from dashtam_tasks.migration.ignored.lines import Completed, Judge, Rule, Verdict, completed, contents
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.other_files import Build
from dashtam_tasks.migration.operations import Write

GIT_COMMENT = "# Real env files, backups and reports stay on this machine."
IMAGE_COMMENT = "# Neither secrets nor reports belong in an image."


@dataclass(frozen=True, kw_only=True)
class IgnoreFile:
    """An ignore file as it is and as it will be, and what it says now of the paths that matter."""

    name: str
    data: bytes
    after: Completed
    told: dict[str, Verdict]
    problem: str = ""


def operations(found: Legacy, *, keys: Sequence[str] = ()) -> tuple[Write, ...]:
    """Return what completes the ignore files of a project: of git's, and of each build context that is its folder.

    `keys` are the paths of new private keys, which images may need, and git must not have.
    A context below has nothing of what matters in it. Docker's command line and BuildKit take
    `<Dockerfile>.dockerignore` where there is one, and the classic builder `.dockerignore`: both are completed.
    """
    return tuple(
        Write(path=one.name, data=one.after.data, mode=mode_of(found, one.name), rewrites=True)
        for one in ignore_files(found, keys)
        if one.after.data != one.data and not one.problem
    )


def remarks(found: Legacy) -> tuple[str, ...]:
    """Return what a person should know of a project's ignore files."""
    return (*(text for one in ignore_files(found) for text in remarks_on(one)), *outside(found))


def ignore_files(found: Legacy, keys: Sequence[str] = ()) -> Iterator[IgnoreFile]:
    """Yield the ignore files that a project has to have."""
    own = frozenset(folder for folder in rules.WRITTEN if has_own(found, folder))
    yield examined(
        found,
        git.NAME,
        tuple(rules.for_git(own, keys)),
        git.judge_for(found.folder, found.git.prefix),
        comment=GIT_COMMENT,
    )
    for name in docker_names(found):
        judge = docker.judge_of(name)
        taken = judge(contents(found.folder / name), rules.EXAMPLES)
        examples = tuple(path for path in taken if not taken[path].is_out)
        chosen = tuple(rules.for_images(own, examples))
        yield examined(found, name, chosen, judge, comment=IMAGE_COMMENT)


def examined(found: Legacy, name: str, chosen: tuple[Rule, ...], judge: Judge, *, comment: str) -> IgnoreFile:
    """Return an ignore file with what it says, and with what it lacks."""
    data, path = contents(found.folder / name), found.folder / name
    is_odd = path.is_symlink() or (path.exists() and not path.is_file())
    return IgnoreFile(
        name=name,
        data=data,
        after=completed(data, chosen, judge, comment=comment),
        told=dict(judge(data, [path for rule in chosen for path in rule.out])),
        problem=("It is a link" if path.is_symlink() else "It is no file") if is_odd else "",
    )


def mode_of(found: Legacy, name: str) -> int:
    """Return the mode that a file has, or that of a new one."""
    path = found.folder / name
    return files.mode_of(path) if path.exists() else PUBLIC


def docker_names(found: Legacy) -> tuple[str, ...]:
    """Return the `.dockerignore` files that say what of the project's folder gets into an image."""
    contexts = [one for one in found.builds if posixpath.normpath(one.context) == "."]
    beside = dict.fromkeys(f"{posixpath.normpath(one.dockerfile)}.dockerignore" for one in contexts)
    known = {*found.files.docker_ignores, *found.files.dockerfiles}
    root = (docker.NAME,) if contexts or {docker.NAME, "Dockerfile"} & known else ()
    return (*root, *(name for name in beside if name in found.files.docker_ignores))


def has_own(found: Legacy, folder: str) -> bool:
    """Return whether a project has files of its own in a folder that tools write to."""
    if found.git.is_repository and not found.git.problem:
        return any(name.startswith(f"{folder}/") for name in found.git.tracked)
    path = found.folder / folder
    return path.is_dir() and any(not one.name.startswith((".", "pre-migration-")) for one in path.iterdir())


def remarks_on(one: IgnoreFile) -> Iterator[str]:
    """Yield what a person should know of an ignore file."""
    if one.problem and one.after.data != one.data:
        lines = one.after.data.removeprefix(one.data).decode().split("\n")
        wanted = ", ".join(f"`{line}`" for line in lines if line and not line.startswith("#"))
        yield f"{one.name}: {one.problem}, which is left as it is; it lacks the lines {wanted}"
    for where, pattern in taken_in(one):
        yield f"{where}: `{pattern}` takes in what must not be; the lines at the end leave it out"
    for path, verdict in one.after.unmet.items():
        wish = "is still left out" if verdict.is_out else "would still be taken in"
        yield f"{verdict.where or one.name}: `{verdict.pattern}` wins over {one.name}, and {path} {wish}"


def taken_in(one: IgnoreFile) -> dict[tuple[str, str], None]:
    """Return the patterns that a person wrote to take something in and that are overruled, with their places."""
    overruled = (verdict for path, verdict in one.told.items() if path not in one.after.unmet)
    return dict.fromkeys((each.where, each.pattern) for each in overruled if each.pattern.startswith("!"))


def outside(found: Legacy) -> Iterator[str]:
    """Yield a remark on each build context around the project: the ignore file there is not the project's."""
    for one in found.builds:
        if is_around(one):
            depth = posixpath.normpath(one.context).count("..")
            inside = "/".join((*found.folder.parts[-depth:], "envs/.env.*"))
            yield (
                f"service {one.service} is built from {one.context}, around the project: "
                f"let the .dockerignore there leave out {inside}"
            )


def is_around(build: Build) -> bool:
    """Return whether a build's context is a folder above the project's."""
    return set(posixpath.normpath(build.context).split("/")) == {".."}
