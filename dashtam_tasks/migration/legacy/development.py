"""What development uses together: Compose files, env files and a project's name, as its command lines say."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dashtam_tasks.migration.legacy.compose_files import BASE_NAMES, ComposeFile, Kind
from dashtam_tasks.migration.legacy.test_files import most_common
from dashtam_tasks.migration.legacy.usage import Use

OWN_WORDS = frozenset("dev devel develop development local".split())
# What is for another machine than a developer's, or for another environment.
OTHER_WORDS = frozenset("prod production stage staging live deploy release ci test tests testing".split())
WORDS = re.compile(r"[a-z]+")


@dataclass(frozen=True, kw_only=True)
class Development:
    """What a developer's own environment is called with.

    `files` are in their order, none where there is no base; with `found` Compose takes them by itself. `env_files`
    and `project` are what most of the command lines with these files name.
    """

    files: tuple[str, ...]
    found: bool = False
    env_files: tuple[str, ...] = ()
    project: str = ""


def find(compose: Iterable[ComposeFile], uses: Iterable[Use], *, chosen: tuple[str, ...] = ()) -> Development:
    """Return what development uses; `chosen` are the files that COMPOSE_FILE in `.env` names.

    Those come first. Then come files that a command line names together, if one of them is called after development
    or if Compose would find none by itself; then what plain `docker compose` takes.
    """
    known = {one.file: one for one in compose}
    uses = tuple(uses)
    plain = tuple(
        one.file for kind in (Kind.BASE, Kind.OVERRIDE) for one in known.values() if one.kind is kind
    )
    together = most_common([*named_together(known, uses, plain)]) if not chosen else None
    files = tuple(name for name in chosen if name in known) or together or plain
    found = bool(chosen) or (files == plain and files[:1] != () and files[0] in BASE_NAMES)
    own = [use for use in uses if use.files == files or (found and not use.files)]
    own = [use for use in own if use.subcommand and is_own(use)]
    return Development(
        files=files,
        found=found,
        env_files=most_common([use.env_files for use in own]) or (),
        project=most_common([use.project for use in own]) or "",
    )


def named_together(
    known: dict[str, ComposeFile], uses: Iterable[Use], plain: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Yield the files of each command line that is development's, as far as their names tell."""
    for use in uses:
        files = [known[name] for name in use.files if name in known]
        words = {word for one in files for word in one.variant.lower().split("-")}
        foreign = bool(words & OTHER_WORDS) or any(one.kind is Kind.TEST for one in files)
        is_named = bool(words & OWN_WORDS) or (plain[:1] == use.files[:1] and plain[0] not in BASE_NAMES)
        if files and len(files) == len(use.files) and is_named and not foreign and is_own(use):
            yield use.files


def is_own(use: Use) -> bool:
    """Return whether the env files and the project of a command line may be development's."""
    names = " ".join((*use.env_files, use.project))
    return "$" not in names and not OTHER_WORDS & set(WORDS.findall(names.lower()))
