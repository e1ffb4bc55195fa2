"""Hot reload: whether a server in development starts anew when one of its sources changes.

The change is a new time, which reloaders go by: not a byte of a person's file is written.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.migration.boxes import Evidence
from dashtam_tasks.migration.verification.evidence import Watch, ran
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.ticking import Verdict, failed, not_applicable, passed

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.3
# How commands say that they watch their sources.
RELOADER = re.compile(
    r"--(?:auto-?)?reload|--watch\b|--debug\b|\b(?:nodemon|watchmedo|watchfiles|watchexec|air|reflex|runserver|vite|tsx)\b"
    r"|\b(?:run|start):?[ :](?:dev|watch)\b|--hot\b"
)
SOURCES = frozenset(".py .js .ts .jsx .tsx .mjs .cjs .rb .php .go .java .kt .ex .exs .cs .rs".split())
# What is below these is made by tools, or is not the application.
PASSED_OVER = re.compile(r"__pycache__|node_modules|tests?|vendor|alembic|migrations|\..*")


def verdict(stand: Stand) -> Verdict:
    """Decide whether development's application starts anew after one of its sources got a new time."""
    service = stand.service_of("app")
    if not service:
        return not_applicable("No service is known to be the application.")
    source = next(sources(stand, service), None)
    if source is None:
        return not_applicable(f"Service {service} mounts no sources of the project.")
    command = " ".join(stand.model.service(service).command or ())
    watch = Watch(subject=stand.subject, command=f"touch {source}")
    if not starts_anew(stand, service, source):
        seen = watch.saw(f"no process of {service} was replaced within {PATIENCE_SECONDS:g} s")
        if RELOADER.search(command):
            return failed(f"Service {service} did not start anew after {source.name} changed.", seen)
        return not_applicable(f"Nothing in the command of {service} says that it watches its sources.", seen)
    return passed(watch.saw(f"a process of {service} was replaced by a new one"), listing(stand, service))


def sources(stand: Stand, service: str) -> Iterator[Path]:
    """Yield the source files of the project that a service has mounted, those at the top first."""
    folder = stand.subject.folder.resolve()
    for mount in stand.model.service(service).volumes:
        place = Path(mount.source).resolve()
        if mount.type == "bind" and place.is_relative_to(folder) and not PASSED_OVER.fullmatch(place.name):
            found = (path for path in place.rglob("*") if is_source(path, place)) if place.is_dir() else ()
            yield from sorted(found, key=lambda path: (len(path.parts), path))


def is_source(path: Path, top: Path) -> bool:
    """Return whether a file is one of the application's sources, and has something in it."""
    inside = path.relative_to(top).parts
    known = path.suffix in SOURCES and not any(PASSED_OVER.fullmatch(part) for part in inside)
    return known and path.is_file() and not path.is_symlink() and path.stat().st_size > 0


def starts_anew(stand: Stand, service: str, source: Path) -> bool:
    """Return whether a process of a service is replaced soon after a file got a new time."""
    before = own_processes(stand, service)
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    with touched(source):
        while time.monotonic() < deadline:
            now = own_processes(stand, service)
            if now - before and before - now:
                return True
            pause.wait(PAUSE_SECONDS)
    return False


@contextmanager
def touched(path: Path) -> Iterator[None]:
    """Give a file the present time while the block runs, and its own afterwards."""
    present = path.stat()
    try:
        os.utime(path)
        yield
    finally:
        with processes.unhurried():
            os.utime(path, ns=(present.st_atime_ns, present.st_mtime_ns))


def own_processes(stand: Stand, service: str) -> frozenset[int]:
    """Return the processes below a container's first one; what health checks start is not among them."""
    container = stand.container(service)
    first = ran(stand.subject, ["docker", "inspect", "--format", "{{.State.Pid}}", container.id]).output
    shown = ran(stand.subject, ["docker", "top", container.id, "-eo", "pid,ppid"]).output
    lines = (line.split() for line in shown.splitlines()[1:])
    parents = {int(pid): int(parent) for pid, parent in lines}
    return frozenset(pid for pid in parents if descends(pid, int(first or 0), parents))


def descends(pid: int, first: int, parents: dict[int, int]) -> bool:
    """Return whether a process is the first one, or was started by it or its children."""
    while pid in parents and pid != first:
        pid = parents[pid]
    return pid == first


def listing(stand: Stand, service: str) -> Evidence:
    """Return the processes of a service as docker shows them."""
    name = stand.container(service).name.lstrip("/")
    return ran(stand.subject, ["docker", "top", name, "-eo", "pid,ppid,lstart,comm"]).evidence
