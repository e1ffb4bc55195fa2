"""What is wrong with one instance by itself: a service that sleeps, has no health check, or is open to others."""

from collections.abc import Collection, Iterator
from typing import Any

from dashtam_tasks.compose import PublishedPort
from dashtam_tasks.findings import Finding
from dashtam_tasks.isolation.claims import address
from dashtam_tasks.isolation.endless import sleeps_for_ever
from dashtam_tasks.isolation.subjects import Breach, Subject

SLEEP_HINT = (
    "Let it run what it is for, as its main process. For single commands there is `docker compose run --rm`."
)
HEALTH_HINT = (
    "Write a `healthcheck` whose test asks the service itself. If it is a job that ends, let those that need its "
    "result wait with `condition: service_completed_successfully`; what nobody waits for can have "
    "`profiles: [job]`, and is not started by `up` then."
)
# What is behind this profile ends by itself, when somebody has started it.
JOB_PROFILE = "job"


def breaches(subject: Subject, checked: Collection[str]) -> Iterator[Breach]:
    """Yield what is wrong with an instance; `checked` are images that bring a health check."""
    for name in subject.model.services:
        yield from sleeping(subject, name)
        yield from unchecked(subject, name, checked)
        yield from open_ports(subject, name)


def sleeping(subject: Subject, name: str) -> Iterator[Breach]:
    """Yield the breach that a service sleeps for ever, if the file says what it runs."""
    service = subject.model.services[name]
    if sleeps_for_ever((*(service.entrypoint or ()), *(service.command or ()))):
        key = "command" if service.command else "entrypoint"
        yield Breach.of_service(
            "sleeps-for-ever",
            project=subject.model.name,
            service=name,
            where=subject.source.line_of("services", name, key),
            message=f"Service {name} sleeps for ever: its {key} does nothing but wait.",
            hint=SLEEP_HINT,
        )


def unchecked(subject: Subject, name: str, checked: Collection[str]) -> Iterator[Breach]:
    """Yield the breach that a service, unless it is a job, has no health check."""
    check = subject.model.services[name].healthcheck or {}
    missing = not check.get("test") and subject.model.image(name) not in checked
    if (missing or is_disabled(check)) and name not in jobs(subject):
        problem = "has its health check disabled" if is_disabled(check) else "has no health check"
        yield Breach.of_service(
            "no-health-check",
            project=subject.model.name,
            service=name,
            where=subject.source.line_of("services", name, "healthcheck"),
            message=f"Service {name} {problem}.",
            hint=HEALTH_HINT,
        )


def is_disabled(check: dict[str, Any]) -> bool:
    """Return whether a health check is switched off, the image's too."""
    return bool(check.get("disable")) or check.get("test") == ["NONE"]


def jobs(subject: Subject) -> frozenset[str]:
    """Return the services that end by themselves: the settings or a profile say so, or others wait for that."""
    services = subject.model.services.items()
    held_back = {name for name, one in services if JOB_PROFILE in one.profiles}
    return subject.jobs | subject.model.jobs | held_back


def open_ports(subject: Subject, name: str) -> Iterator[Breach]:
    """Yield each port of a service that is published where other machines reach it."""
    for port in subject.model.services[name].ports:
        if not is_loopback(port):
            yield open_port(
                port,
                project=subject.model.name,
                service=name,
                publisher=f"Service {name}",
                where=subject.source.line_of_port(name, port),
            )


def is_loopback(port: PublishedPort) -> bool:
    """Return whether a port is published for this machine only."""
    return address(port.host_ip).is_loopback


def open_port(port: PublishedPort, *, project: str, service: str, publisher: str, where: str) -> Breach:
    """Return the breach that a port is published where other machines reach it."""
    reached = "every address" if address(port.host_ip).is_unspecified else port.host_ip
    return Breach(
        about=("open-port", project, service, port.target, port.protocol),
        finding=Finding(
            kind="open-port",
            where=where,
            message=f"{publisher} publishes its port {port.target}/{port.protocol} on {reached}, where other "
            "machines reach it.",
            hint=f"Put 127.0.0.1 before the host port, as in `127.0.0.1:{port.target}:{port.target}`; in long "
            "syntax, write `host_ip: 127.0.0.1`.",
        ),
    )
