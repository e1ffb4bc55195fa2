"""What the tasks of a migration are given: the folder, the choices, which steps, and consent."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.context import Context

from dashtam_tasks import console, settings
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.namespaces.invoking import require_consent

if TYPE_CHECKING:
    from dashtam_tasks.migration.planning.choices import Choices

CHOICES = {
    "test_file": "what the test file is, overlay or standalone, where its uses do not tell",
    "project": "what names shall begin with (default: as they do now)",
    "volumes": "copy development's data (default), adopt the old volumes, or none",
}
YES = "do not ask"


def project_folder(context: Context) -> Path:
    """Return where a person stands if a project with Compose files is there, else the project's folder.

    A legacy project has nothing else that tells its folder from those above it, such as the repository's.
    """
    from dashtam_tasks.migration import ledger
    from dashtam_tasks.migration.legacy.compose_files import BASE_NAMES

    here = Path.cwd()
    is_project = any((here / name).exists() for name in (*BASE_NAMES, ledger.NAME))
    return here if is_project else Path(settings.load(context.config).project_dir)


def choices(test_file: str, project: str, volumes: str) -> "Choices":
    """Return what a person decided on the command line.

    Raises DashtamError (USAGE) for what a choice cannot be.
    """
    from dashtam_tasks.migration.legacy import Role
    from dashtam_tasks.migration.planning.choices import Choices, Volumes

    roles = {"": None, "overlay": Role.OVERLAY, "standalone": Role.STANDALONE}
    require_one_of("--test-file", test_file, roles)
    modes = {"": None} | {one.value: one for one in Volumes}
    require_one_of("--volumes", volumes, modes)
    if project and not settings.is_name(project):
        raise DashtamError(
            f"No name can begin with {project!r}.",
            code=ExitCode.USAGE,
            hint="Use lower-case letters, digits, - and _, with a letter or a digit first.",
        )
    return Choices(project=project, test_file=roles[test_file], volumes=modes[volumes])


def require_one_of(option: str, value: str, known: Collection[str]) -> None:
    """Raise DashtamError (USAGE) for a value that an option does not take."""
    if value not in known:
        words = [one for one in known if one]
        hint = f"It is {', '.join(words[:-1])} or {words[-1]}."
        raise DashtamError(f"{option} is {value!r}.", code=ExitCode.USAGE, hint=hint)


def selection(until: str, step: str, phase: str) -> Callable[[Sequence[str]], Collection[str]]:
    """Return what chooses among the numbers of a plan's steps; by default all.

    Raises DashtamError (USAGE) for more than one way to choose, and for a phase that is none. What is returned
    raises it for a step that the plan does not have.
    """
    if len([one for one in (until, step, phase) if one]) > 1:
        raise DashtamError(
            "--until, --step and --phase each say which steps.", code=ExitCode.USAGE, hint="Give one of them."
        )
    if phase:
        require_one_of("--phase", phase, ("1", "2", "3"))

    def chosen(numbers: Sequence[str]) -> Collection[str]:
        named = until or step
        if named and named not in numbers:
            raise DashtamError(
                f"No step {named} changes anything in this project.",
                code=ExitCode.USAGE,
                hint=f"There are {', '.join(numbers)}.",
            )
        if until:
            return numbers[: numbers.index(until) + 1]
        return [step] if step else [one for one in numbers if one.startswith(phase)]

    return chosen


def consenting(question: str, *, yes: bool) -> Callable[[Sequence[str]], None]:
    """Return what shows what is about to happen and asks, unless `yes` is given."""

    def ask(facts: Sequence[str]) -> None:
        for fact in facts:
            console.note(fact)
        require_consent(question, yes=yes)

    return ask
