"""What the plan asks of CI's env file, and of git: that what is secret stays on this machine."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dashtam_tasks import env_files
from dashtam_tasks.migration import ledger
from dashtam_tasks.migration.ignored import docker
from dashtam_tasks.migration.legacy import git
from dashtam_tasks.migration.legacy.resolution import VARIABLE
from dashtam_tasks.migration.verification import secrecy
from dashtam_tasks.migration.verification.evidence import Done, looked, ran
from dashtam_tasks.migration.verification.former import SET_ASIDE
from dashtam_tasks.migration.verification.kept_files import is_private
from dashtam_tasks.migration.verification.subject import CI, Subject
from dashtam_tasks.migration.verification.ticking import Line, Verdict, holds, not_applicable

# What slows tests down, or makes them talk: the plan switches each off.
SWITCHED_OFF = ("DEBUG", "DB_ECHO", "SSL_ENABLED")
ON = frozenset({"1", "true", "yes", "on"})
# Names that hold nothing but secrets, wherever they are.
PRIVATE_NAME = re.compile(
    r"(?:.*/)?(?:\.env(?:\.(?!.*example$|.*sample$|.*template$).+)?|.*_?key\.pem|id_(?:rsa|ed25519))"
)
# A secret of few characters may stand in a file by chance.
SEARCHED_CHARACTERS = 12
NO_GIT = "The project is in no git repository."
IGNORED_FOLDERS = (ledger.BACKUPS, ledger.NAME)


def ci(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 2.3, and that nobody else reads the file."""
    return (
        ("All required variables present", partial(sets_all, subject, CI)),
        ("No real credentials", partial(has_no_credentials, subject)),
        ("Optimized for CI/CD speed", partial(is_quick, subject)),
        ("Its mode is 0600", partial(is_private, subject, CI)),
    )


def kept_out(subject: Subject) -> tuple[Line, ...]:
    """Return the lines of step 3.2's list that are about git, and about images."""
    return (
        (".gitignore updated", partial(is_ignored_by_git, subject)),
        (".dockerignore leaves out env files and backups", partial(is_ignored_by_docker, subject)),
        ("No sensitive data committed", partial(commits_nothing, subject)),
    )


def sets_all(subject: Subject, name: str) -> Verdict:
    """Decide whether every variable has a value: its env file's, or a default in the Compose file."""
    one = subject.environment(name)
    values = env_files.read(subject.path(one.env_file))
    chosen = subject.path(subject.settings.images.env_file)
    values |= env_files.read(chosen) if chosen.is_file() else {}
    needed = tuple(dict.fromkeys(required(subject.path(one.compose_file))))
    seen = looked(subject, f"docker compose --file {one.compose_file} config --variables", ", ".join(needed))
    return holds((f"{one.env_file} does not set {each}." for each in needed if not values.get(each)), seen)


def required(path: Path) -> Iterator[str]:
    """Yield the variables for which a Compose file has no default, comments left out."""
    import yaml

    for token in yaml.scan(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken):
            for found in VARIABLE.finditer(token.value):
                if found["plain"] or (found["name"] and found["operator"] in {None, "?", ":?"}):
                    yield found["plain"] or found["name"]


def has_no_credentials(subject: Subject) -> Verdict:
    """Decide whether no value of CI's env file is a secret of another environment."""
    mine = subject.path(subject.environment(CI).env_file)
    others = [path for path in subject.env_files if path != mine]
    secret = secrecy.secrets_of(others, known=subject.settings.keys)
    values = env_files.read(mine)
    seen = looked(subject, f"diff {mine} {' '.join(map(str, others))}", f"compared {len(values)} values")
    real = (name for name, value in values.items() if any(one in value for one in secret))
    return holds((f"{name} holds a secret of another environment." for name in real), seen)


def is_quick(subject: Subject) -> Verdict:
    """Decide whether CI's env file switches off what slows tests down."""
    path = subject.path(subject.environment(CI).env_file)
    values = {name: value for name, value in env_files.read(path).items() if name in SWITCHED_OFF}
    seen = looked(subject, f"cat {path}", "\n".join(f"{name}={value}" for name, value in values.items()))
    return holds((f"{name} is on." for name, value in values.items() if value.lower() in ON), seen)


def is_ignored_by_git(subject: Subject) -> Verdict:
    """Decide whether git leaves out env files, backups and what was set aside, as git itself says."""
    if not git.look(subject.folder).is_repository:
        return not_applicable(NO_GIT)
    wanted = tuple(private_paths(subject))
    done = asked_git(subject, "check-ignore", "--no-index", "--stdin", "-z", stdin="\0".join(wanted))
    ignored = set(done.output.split("\0"))
    return holds((f"git does not ignore {path}." for path in wanted if path not in ignored), done.evidence)


def private_paths(subject: Subject) -> Iterator[str]:
    """Yield what is to stay on this machine, be it there already or not."""
    yield from (one.env_file for one in subject.facts.environments)
    yield from (f"{folder}/manifest.json" for folder in IGNORED_FOLDERS)
    old = (f"{name}{SET_ASIDE}" for one in subject.facts.environments for name in one.legacy_files)
    yield from dict.fromkeys(name for name in old if subject.path(name).exists())


def is_ignored_by_docker(subject: Subject) -> Verdict:
    """Decide whether no image that is built of the project's folder can hold an env file or a backup."""
    built = {
        service
        for one in subject.environments
        for service, model in subject.model(one.name).services.items()
        if model.build and Path(model.build.get("context", "")).resolve() == subject.folder.resolve()
    }
    if not built:
        return not_applicable("No image is built of the project's folder.")
    path = subject.path(".dockerignore")
    wanted = [one.env_file for one in subject.facts.environments] + ["backups/manifest.json"]
    told = docker.judge_of(path.name)(path.read_bytes() if path.is_file() else b"", wanted)
    seen = looked(subject, f"cat {path}", f"images of: {', '.join(sorted(built))}")
    return holds((f"{path.name} does not leave out {one}." for one in wanted if not told[one].is_out), seen)


def commits_nothing(subject: Subject) -> Verdict:
    """Decide whether git has neither a file that is secret by its name, nor one that holds a secret."""
    known = git.look(subject.folder)
    if not known.is_repository:
        return not_applicable(NO_GIT)
    listed = asked_git(subject, "ls-files")
    named = (f"{name} is committed." for name in sorted(known.tracked) if PRIVATE_NAME.fullmatch(name))
    secrets = sorted(one for one in subject.secrets if len(one) >= SEARCHED_CHARACTERS and "\n" not in one)
    if not secrets:
        return holds(named, listed.evidence)
    # By way of the input, since others see command lines.
    found = asked_git(subject, "grep", "--cached", "-zlF", "-f", "-", stdin="\n".join(secrets))
    holding = (f"{name} holds a secret of an env file." for name in found.output.split("\0") if name)
    return holds((*named, *holding), listed.evidence, found.evidence)


def asked_git(subject: Subject, *arguments: str, stdin: str | None = None) -> Done:
    """Return what git answers; 1 is its word for having found nothing.

    Raises DashtamError (UNAVAILABLE) when git is missing.
    """
    return ran(subject, ["git", *arguments], environment=git.READ_ONLY, stdin=stdin)
