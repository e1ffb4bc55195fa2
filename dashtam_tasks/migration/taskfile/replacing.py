"""Replacing: the task of ours that does what a command of a recipe does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dashtam_tasks.migration.legacy import runners, usage
from dashtam_tasks.migration.legacy.recipes import DOCKER_EXEC_VALUED, VALUED
from dashtam_tasks.migration.legacy.usage import Use
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import calls
from dashtam_tasks.migration.taskfile.commands import Commands
from dashtam_tasks.migration.taskfile.invocation import GONE_WITH_DOWN, Invocation, UnfitError
from dashtam_tasks.migration.taskfile.preferences import Preferences
from dashtam_tasks.migration.taskfile.recipe import Step

ASKS = "it asks before it removes volumes; --yes answers"


@dataclass(frozen=True, kw_only=True)
class Replacer:
    """Finds tasks for the commands of a project's recipes."""

    blueprint: Blueprint
    preferences: Preferences

    @property
    def commands(self) -> Commands:
        """What finds tasks for commands in containers."""
        return Commands(blueprint=self.blueprint, preferences=self.preferences)

    def task_for(self, step: Step, owner: str) -> Iterator[Invocation]:
        """Yield the task that does what a command does; nothing for one that nobody misses.

        Raises UnfitError where there is none.
        """
        if step.only_says or step.words[0] == "cd":
            return
        if step.use:
            run = self.preferences.suites.runs.get((step.use.file, step.use.line, owner))
            attached = step.use.subcommand == "up" and "-d" not in step.use.arguments
            if run and (step.use.subcommand != "up" or attached) and self.runs_tests(step.use):
                if "--build" in step.use.arguments:
                    yield Invocation(task="test.build")
                yield run
            else:
                yield from self.compose(step.use)
        elif step.words[:2] == ("docker", "exec"):
            yield from self.in_container(step.words[2:])
        elif step.words[:2] == ("docker", "ps"):
            yield self.listing(step.words[2:])
        elif step.words[:3] == ("docker", "network", "rm") and set(step.words[3:]) <= self.legacy_networks():
            yield GONE_WITH_DOWN
        else:
            yield self.on_host(step, owner)

    def runs_tests(self, use: Use) -> bool:
        """Return whether a call of Compose is the one that runs tests, not one beside it."""
        if use.subcommand not in {"exec", "run"}:
            return use.subcommand == "up"
        words = usage.behind_options(use.arguments, VALUED)[1:]
        return not words or runners.runner_at(tuple(words)) is not None or words[0] in calls.SHELLS

    def on_host(self, step: Step, owner: str) -> Invocation:
        """Return the suite that runs what a command runs on this machine."""
        makefile = self.blueprint.found.makefile
        file = makefile.file if makefile else ""
        run = self.preferences.suites.runs.get((file, step.line, owner))
        if run is None:
            raise UnfitError(f"it runs {step.words[0]}")
        return run

    def environment(self, use: Use) -> str:
        """Return the environment that a call of Compose is for. Raises UnfitError for another one."""
        if use.profiles or use.project not in {"", self.blueprint.facts.legacy_project}:
            raise UnfitError("it calls Compose with a profile or a project of its own")
        for name, source in self.blueprint.sources.items():
            plain = name == "dev" and not use.files
            env_files = use.env_files in {(), (source.env_file,)}
            if (plain or use.files == source.files) and env_files:
                return name
        named = " and ".join(use.files or use.env_files) or "no files"
        raise UnfitError(f"it calls Compose with {named}, which are not those of an environment")

    def compose(self, use: Use) -> Iterator[Invocation]:
        """Yield the tasks that do what a call of Compose does."""
        environment = self.environment(use)
        known: dict[str, Callable[[str, Use], Iterator[Invocation]]] = {
            "up": self.up,
            "down": self.down,
            "logs": self.logs,
            "restart": self.restart,
            "build": self.build,
            "ps": self.status,
            "exec": self.executed,
            "run": self.executed,
        }
        if environment == "ci" or use.subcommand not in known:
            raise UnfitError(f"no task does what `docker compose {use.subcommand}` does")
        yield from known[use.subcommand](environment, use)

    def up(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield what starts services; in the foreground it is followed by their logs."""
        options, services = self.read(environment, use, flags="-d --detach --wait --build --remove-orphans")
        build = ("--build",) if "--build" in options else ()
        yield Invocation(task=f"{environment}.up", options=build, services=services)
        if not {"-d", "--detach", "--wait"} & set(options):
            note = "the services run on when the logs are left by Ctrl-C"
            chosen = tuple(part for one in services for part in ("--service", one))
            yield Invocation(task=f"{environment}.logs", options=chosen, notes=(note,))

    def down(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield what removes containers."""
        flags = "-v --volumes --remove-orphans"
        options, services = self.read(environment, use, flags=flags, valued="--rmi -t --timeout")
        if services:
            raise UnfitError("it removes single services")
        volumes = bool({"-v", "--volumes"} & set(options))
        chosen = (*(("--volumes",) if volumes else ()), *(("--images",) if "--rmi" in options else ()))
        yield Invocation(task=f"{environment}.down", options=chosen, notes=(ASKS,) if volumes else ())

    def logs(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield what shows logs."""
        flags, valued = "-f --follow", "--tail -n --since"
        options, services = self.read(environment, use, flags=flags, valued=valued)
        follow = () if {"-f", "--follow"} & set(options) else ("--no-follow",)
        given = tuple(
            part
            for name, value in options.items()
            if value
            for part in ("--since" if name == "--since" else "--tail", value)
        )
        chosen = tuple(part for one in services for part in ("--service", one))
        yield Invocation(task=f"{environment}.logs", options=(*follow, *given, *chosen))

    def restart(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield what restarts services."""
        _, services = self.read(environment, use)
        chosen = tuple(part for one in services for part in ("--service", one))
        yield Invocation(task=f"{environment}.restart", options=chosen)

    def build(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield what builds images."""
        options, services = self.read(environment, use, flags="--no-cache")
        chosen = tuple(part for one in services for part in ("--service", one))
        no_cache = ("--no-cache",) if "--no-cache" in options else ()
        yield Invocation(task=f"{environment}.build", options=(*no_cache, *chosen))

    def status(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield what shows the services."""
        _, services = self.read(environment, use, flags="-a --all")
        if services:
            raise UnfitError("it shows single services")
        yield Invocation(task=f"{environment}.status")

    def read(
        self, environment: str, use: Use, *, flags: str = "", valued: str = ""
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the options and services of a call. Raises UnfitError for what the task has no option for."""
        options: dict[str, str] = {}
        rest = list(use.arguments)
        services = list[str]()
        while rest:
            word = rest.pop(0)
            name, equals, value = word.partition("=")
            if name in valued.split():
                options[name] = value if equals else rest.pop(0) if rest else ""
            elif word in flags.split():
                options[word] = ""
            elif word.startswith("-"):
                raise UnfitError(f"no task has {word} of `docker compose {use.subcommand}`")
            else:
                services.append(word)
        known = self.blueprint.models[environment].services
        for one in services:
            if one not in known and "$" not in one:
                raise UnfitError(f"{environment} has no service {one}")
        return options, tuple(services)

    def executed(self, environment: str, use: Use) -> Iterator[Invocation]:
        """Yield the task for a command in a service's container."""
        words = usage.behind_options(use.arguments, VALUED)
        options = set(use.arguments[: len(use.arguments) - len(words)])
        if not words or not options <= {
            "-T",
            "-it",
            "-i",
            "-t",
            "-ti",
            "--rm",
            "--no-deps",
            "--interactive",
            "--tty",
        }:
            raise UnfitError(f"no task has these options of `docker compose {use.subcommand}`")
        if words[0] not in self.blueprint.models[environment].services:
            raise UnfitError(f"{environment} has no service {words[0]}")
        yield from self.commands.inside(environment, words[0], words[1:], runs=use.subcommand == "run")

    def in_container(self, words: tuple[str, ...]) -> Iterator[Invocation]:
        """Yield the task for a command in a container that development had under its old name."""
        rest = usage.behind_options(words, DOCKER_EXEC_VALUED)
        options = set(words[: len(words) - len(rest)])
        service = self.containers().get(rest[0]) if rest else None
        if service is None or not options <= {"-it", "-i", "-t", "-ti"}:
            raise UnfitError("it runs a command in a container by its name")
        yield from self.commands.inside("dev", service, rest[1:], runs=False)

    def listing(self, words: tuple[str, ...]) -> Invocation:
        """Return the task that shows the project's containers."""
        named = [one.partition("name=")[2] for one in words if "name=" in one]
        known = [*self.containers(), self.blueprint.facts.legacy_project]
        if not named or not all(any(one.startswith(name) for one in known) for name in named):
            raise UnfitError("it shows containers of all projects")
        return Invocation(task="dev.status", notes=("it shows the services of development",))

    def containers(self) -> dict[str, str]:
        """Return development's services by the names that their containers had."""
        legacy, found = self.blueprint.facts.legacy_project, dict[str, str]()
        for one in self.blueprint.found.resolutions[:1]:
            for name, service in one.model.services.items() if one.model else ():
                names = [service.container_name] if service.container_name else []
                found |= dict.fromkeys(names or [f"{legacy}-{name}-1", f"{legacy}_{name}_1"], name)
        return found

    def legacy_networks(self) -> set[str]:
        """Return the names that the project's networks had."""
        models = [one.model for one in self.blueprint.found.resolutions if one.model]
        return {network.name for model in models for network in model.networks.values()}
