"""Docker Engine: its containers as they are, their events and logs, and what to say when it is missing."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dashtam_tasks import processes
from dashtam_tasks.engine.records import (
    FOLDER_LABEL,
    ONE_OFF_LABEL,
    PROJECT_LABEL,
    Container,
    Event,
)
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from python_on_whales import DockerClient

__all__ = ["FOLDER_LABEL", "ONE_OFF_LABEL", "PROJECT_LABEL", "Container", "Event"]

LOCAL_LABEL = "dashtam-tasks.local-build"
VERSION_LABEL = "org.opencontainers.image.version"
# Without BuildKit an image's untagged parents are the build cache, and another build that is at them would fail.
REMOVE_IMAGE = ("rm", "--no-prune")
# How long another removal of a container may take.
REMOVAL_SECONDS = 30


def containers(*filters: str, one_off: bool = False) -> tuple[Container, ...]:
    """Return the containers that match all of `docker ps`'s filters, stopped ones included.

    One-off containers of Compose are among them with `one_off` only.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    chosen = [part for one in filters for part in ("--filter", one)]
    listed = docker("ps", "--all", "--quiet", "--no-trunc", *chosen).split()
    if not listed:
        return ()
    inspected = processes.run(["docker", "inspect", "--type", "container", *listed])
    # A container may go between the two calls: what is gone is not listed, the rest is.
    found = msgspec.json.decode(inspected.stdout or "[]", type=tuple[Container, ...])
    return tuple(one for one in found if one_off or not one.is_one_off)


def project_containers(project: str) -> tuple[Container, ...]:
    """Return the containers of a Compose project, by service name."""
    found = containers(f"label={PROJECT_LABEL}={project}")
    return tuple(sorted(found, key=lambda container: container.service))


def project_folders(project: str) -> tuple[str, ...]:
    """Return the folders of the Compose files that a project's containers were made from, each once.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    filters = ("--filter", f"label={PROJECT_LABEL}={project}")
    listed = docker("ps", "--all", *filters, "--format", f'{{{{.Label "{FOLDER_LABEL}"}}}}')
    return tuple(sorted({folder for folder in listed.splitlines() if folder}))


def events(project: str, *, since: float) -> processes.Process:
    """Start to follow a project's container events, one JSON object a line, from the Unix time `since` on."""
    filters = ("--filter", "type=container", "--filter", f"label={PROJECT_LABEL}={project}")
    argv = ["docker", "events", "--since", f"{since:.3f}", *filters, "--format", "{{json .}}"]
    return processes.start(argv, stderr=processes.DEVNULL)


def log_tail(container: str, *, lines: int = 20) -> str:
    """Return the last lines that a container wrote, both streams in the order they have in its log."""
    argv = ["docker", "logs", "--tail", str(lines), container]
    with processes.start(argv, stderr=processes.STDOUT) as process:
        output, _ = process.communicate()
    return output.decode(errors="replace")


def save_logs(paths: Mapping[str, Path]) -> None:
    """Write all that containers wrote to files, by container, both streams in the order they have in the log.

    Raises OSError when a file cannot be written.
    """
    with ExitStack() as stack:
        for container, path in paths.items():
            file = stack.enter_context(path.open("wb"))
            argv = ["docker", "logs", container]
            # Leaving the stack waits for each, when all are at work.
            stack.enter_context(processes.start(argv, stdout=file, stderr=processes.STDOUT))


def images_present(references: Collection[str]) -> bool:
    """Return whether the engine has every one of these images, as it has all of none."""
    return not references or not processes.run(["docker", "image", "inspect", *references]).returncode


def data_of(container: Container) -> str:
    """Return what tells a container's data from other data that it could have had.

    Data in volumes is as old as these; all other data, in a tmpfs or the container itself, is taken to end with
    the run. Raises DashtamError (UNAVAILABLE) when a volume is not there.
    """
    if not container.volumes:
        return f"{container.id} {container.state.started_at.isoformat()}"
    form = "{{.Name}} {{.CreatedAt}}"
    return docker("volume", "inspect", "--format", form, *sorted(container.volumes)).strip()


def one_off_containers(project: str, label: str) -> tuple[str, ...]:
    """Return the ids of a project's one-off containers that have a label, stopped ones included."""
    filters = (f"label={PROJECT_LABEL}={project}", f"label={ONE_OFF_LABEL}=True", f"label={label}")
    chosen = [part for one in filters for part in ("--filter", one)]
    return tuple(docker("ps", "--all", "--quiet", "--no-trunc", *chosen).split())


def interrupt(ids: Sequence[str]) -> bool:
    """Send SIGINT to what containers run; return whether all of them got it."""
    return bool(ids) and not processes.run(["docker", "kill", "--signal", "INT", *ids]).returncode


def kill(ids: Sequence[str]) -> None:
    """Kill what containers run; one that ended meanwhile is no error."""
    if ids:
        processes.run(["docker", "kill", *ids])


def remove_containers(ids: Sequence[str]) -> None:
    """Kill and remove containers, with their anonymous volumes, and return when they are gone, whoever did it.

    Raises DashtamError (UNAVAILABLE) when one cannot be removed.
    """
    end = time.monotonic() + REMOVAL_SECONDS
    while ids:
        done = processes.run(["docker", "rm", "--force", "--volumes", *ids])
        if not done.returncode or time.monotonic() > end:
            checked(done, "docker rm")
            return
        # The engine refuses while it removes one that ended by itself (--rm).
        wanted = [part for one in ids for part in ("--filter", f"id={one}")]
        ids = docker("ps", "--all", "--quiet", "--no-trunc", *wanted).split()


def remove_project(project: str) -> None:
    """Remove everything that carries the label of a Compose project, volumes and built images included.

    Raises DashtamError (UNAVAILABLE) when something cannot be removed.
    """
    label = ("--filter", f"label={PROJECT_LABEL}={project}")
    remove_containers(docker("ps", "--all", "--quiet", *label).split())
    for kind, remove in (("network", ("rm",)), ("volume", ("rm",)), ("image", (*REMOVE_IMAGE, "--force"))):
        found = sorted(set(docker(kind, "ls", "--quiet", *label).split()))
        if found:
            docker(kind, *remove, *found)


def images_with_health_check(references: Iterable[str]) -> frozenset[str]:
    """Return those of the images that bring a health check of their own; one that is not there brings none."""
    form = "{{with .Config.Healthcheck}}{{.Test}}{{end}}"
    inspected = {
        one: processes.run(["docker", "image", "inspect", "--format", form, one]) for one in references
    }
    return frozenset(one for one, done in inspected.items() if not done.returncode and done.stdout.strip())


def volumes_present(names: Sequence[str]) -> tuple[str, ...]:
    """Return those of `names` that are volumes on the engine."""
    there = set(docker("volume", "ls", "--format", "{{.Name}}").splitlines())
    return tuple(name for name in names if name in there)


def docker(*arguments: str) -> str:
    """Run `docker ARGUMENTS` and return what it wrote to stdout.

    Raises DashtamError (UNAVAILABLE) when it fails, naming the missing part of Docker if one is missing.
    """
    return checked(processes.run(["docker", *arguments]), f"docker {arguments[0]}")


def client() -> "DockerClient":
    """Return a python-on-whales client for the current Docker context, for images, volumes and networks."""
    from python_on_whales import DockerClient

    return DockerClient()


def checked(done: processes.Completed, name: str) -> str:
    """Return the stdout of a command that succeeded.

    Raises DashtamError (UNAVAILABLE) for one that failed: the missing engine or plugin, else its last words.
    """
    if done.returncode == 0:
        return done.stdout
    version()
    if name.startswith("docker compose"):
        compose_version()
    raise DashtamError(
        f"`{name}` failed with exit code {done.returncode}.",
        code=ExitCode.UNAVAILABLE,
        details=done.stderr,
    )


def version() -> str:
    """Return the version of the Docker Engine that answers, such as `28.5.2`.

    Raises DashtamError (UNAVAILABLE) when none does.
    """
    done = processes.run(["docker", "version", "--format", "{{.Server.Version}}"])
    if done.returncode:
        raise DashtamError(
            "No Docker Engine answers.",
            code=ExitCode.UNAVAILABLE,
            details=done.stderr,
            hint="Start it, or run the same command through ./bootstrap, which does. If it runs, your user may "
            "not ask it: is it in the group docker?",
        )
    return done.stdout.strip()


def compose_version() -> str:
    """Return the version of the Compose plugin, such as `2.39.1`.

    Raises DashtamError (UNAVAILABLE) when the docker command has no such plugin.
    """
    done = processes.run(["docker", "compose", "version", "--short"])
    if done.returncode:
        raise DashtamError(
            "The docker command has no Compose plugin (v2 or later).",
            code=ExitCode.UNAVAILABLE,
            hint="Install docker-compose-plugin, or let ./bootstrap do that: ./bootstrap inv doctor",
        )
    return done.stdout.strip()
