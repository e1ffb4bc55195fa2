"""What Compose makes of files, and the stand-ins for values that nobody has set yet.

A fresh checkout has no `.env`; that a variable has no value must not look like a file that is broken.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Model
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.legacy import yaml_nodes
from dashtam_tasks.migration.legacy.compose_files import ComposeFile

# Compose interpolates these forms: https://docs.docker.com/reference/compose-file/interpolation/
VARIABLE = re.compile(
    r"\$(?:\$|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?P<operator>:?[-?+])?(?P<empty>\})?)"
)

ANY_VALUE = "1"
STAND_IN_PATH = "./stand-in"
# Compose converts what stands under these keys, and refuses a value of another form.
BOOLEANS = frozenset(
    "attachable create_host_path disable enable_ipv4 enable_ipv6 external init internal no_cache nocopy"
    " oom_kill_disable privileged pull read_only required stdin_open tty".split()
)
DURATIONS = frozenset(
    "delay interval monitor start_interval start_period stop_grace_period timeout window".split()
)
PATHS = frozenset("context device dockerfile file path source".split())


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What Compose makes of files: a model, or why it makes none.

    `stand_ins` names the variables that got a stand-in. `asked` is False where Compose is missing; `model` holds
    values from env files, so it is not for showing.
    """

    files: tuple[str, ...]
    model: Model | None
    problem: str = ""
    stand_ins: tuple[str, ...] = ()
    asked: bool = True

    @property
    def resolves(self) -> bool | None:
        """Whether Compose takes the files; None where it was not asked."""
        return self.model is not None if self.asked else None


def resolve(
    folder: Path,
    files: Iterable[ComposeFile],
    *,
    beside: Iterable[ComposeFile] = (),
    values: Mapping[str, str],
    options: Iterable[str] = (),
    named: bool = True,
) -> Resolution:
    """Return what Compose makes of files together, with a stand-in for each variable without a value.

    `beside` are other files, which these may extend or include, `values` those of the env files that Compose reads,
    and `options` its own. With `named` False Compose finds the files itself; else their order counts.
    """
    files = tuple(files)
    names = tuple(one.file for one in files)
    broken = [one.problem.reason for one in files if one.problem]
    if broken:
        return Resolution(files=names, model=None, problem=broken[0])
    stand_ins = dict(needed((*files, *beside), values))
    chosen = [part for name in names for part in ("--file", name)] if named else []
    # What an env_file sets does not matter here, and the file may be missing.
    rest = ["--profile", "*", "config", "--no-env-resolution", "--format", "json"]
    try:
        done = processes.run(
            ["docker", "compose", *chosen, *options, *rest], environment=stand_ins, cwd=folder
        )
        if done.returncode:
            engine.compose_version()
    except DashtamError as error:
        return Resolution(files=names, model=None, problem=error.reason, asked=False)
    model = None if done.returncode else msgspec.json.decode(done.stdout, type=Model)
    problem = last_line(done.stderr) if done.returncode else ""
    return Resolution(files=names, model=model, problem=problem, stand_ins=tuple(sorted(stand_ins)))


def last_line(text: str) -> str:
    """Return the last line that says something: Compose warns before it refuses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def needed(files: Iterable[ComposeFile], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable without a value, with one that fits the fussiest place where it stands."""
    fussy: dict[str, str] = {}
    for scalar in (scalar for one in files for scalar in yaml_nodes.scalars(one.root)):
        for found in VARIABLE.finditer(scalar.value):
            name = found["plain"] or found["name"]
            if name and not values.get(name) and needs_value(found) and not steers_docker(name):
                fitting = stand_in(scalar.keys, starts=found.start() == 0)
                fussy[name] = fitting if fussy.get(name, ANY_VALUE) == ANY_VALUE else fussy[name]
    yield from fussy.items()


def steers_docker(name: str) -> bool:
    """Return whether a variable is for the docker command too, as PATH and COMPOSE_PROJECT_NAME are."""
    return name in processes.INHERITED_NAMES or name.startswith(processes.INHERITED_PREFIXES)


def needs_value(found: re.Match[str]) -> bool:
    """Return whether a reference is nothing without a value; one with a default is something."""
    has_default = (found["operator"] or "").endswith(("-", "+"))
    return not has_default or found["empty"] is not None


def stand_in(keys: tuple[str, ...], *, starts: bool) -> str:
    """Return a value that Compose takes under these keys; `starts` says that it is the value's beginning."""
    words = [key for key in keys if not key.isdigit()]
    last = words[-1] if words else ""
    if last in BOOLEANS:
        return "true"
    if last in DURATIONS:
        return "1s"
    # Without a slash it would be a volume, which has to be declared.
    return STAND_IN_PATH if starts and (last in PATHS or last == "volumes") else ANY_VALUE
