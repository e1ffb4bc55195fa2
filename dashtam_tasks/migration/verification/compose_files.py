"""What the plan asks of Compose files: names, ports, data, health, and that each is complete by itself."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from dashtam_tasks.compose import Service
from dashtam_tasks.isolation import alone
from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.verification import former, health
from dashtam_tasks.migration.verification.data_stores import keeps_in_memory
from dashtam_tasks.migration.verification.evidence import Watch, looked, ran
from dashtam_tasks.migration.verification.subject import CI, DEVELOPMENT, TESTS, Subject, sentences
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    failed,
    holds,
    not_applicable,
    passed,
)


class Loader(yaml.SafeLoader):
    """One that passes over Compose's own tags, such as !reset."""


Loader.add_multi_constructor("!", lambda *_: None)


def development(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 1.2."""
    return (
        ("File created successfully", partial(is_there, subject, DEVELOPMENT)),
        ("All container names have `-dev` suffix", partial(names_containers, subject, DEVELOPMENT)),
        ("Network name updated", partial(names_networks, subject, DEVELOPMENT)),
        ("Ports remain unchanged", partial(keeps_ports, subject)),
        ("File is valid YAML (no syntax errors)", partial(is_valid, subject, DEVELOPMENT)),
    )


def tests(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 1.4, and the actions above it that the list leaves out."""
    return (
        (
            "File is standalone (no references to base compose file)",
            partial(is_standalone, subject, TESTS),
        ),
        ("All container names have `-test` suffix", partial(names_containers, subject, TESTS)),
        ("All ports are different from dev", partial(is_apart, subject, "shared-port")),
        ("Network is separate", partial(is_apart, subject, "shared-network", "shared-project")),
        ("PostgreSQL uses tmpfs (ephemeral, fast)", partial(keeps_in_memory, subject, TESTS)),
        ("No `sleep infinity` command", partial(is_without, subject, TESTS, "sleeps-for-ever")),
        ("Health checks configured", partial(checks_health, subject, TESTS)),
        ("File is valid YAML", partial(is_valid, subject, TESTS)),
    )


def ci(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 2.2; that it does what it says is shown by running it."""
    return (
        ("No external port mappings", partial(publishes_nothing, subject)),
        ("Optimized for speed (tmpfs)", partial(keeps_in_memory, subject, CI)),
        ("Health checks present", partial(checks_health, subject, CI)),
        ("Tests run automatically", partial(runs_a_job, subject)),
        ("Exit code reflects test results", partial(ends_with_its_job, subject)),
    )


def is_there(subject: Subject, name: str) -> Verdict:
    """Decide whether an environment's Compose file is a file with something in it."""
    path = subject.path(subject.environment(name).compose_file)
    size = path.stat().st_size
    seen = looked(subject, f"ls -l {path}", f"{size} bytes")
    return passed(seen) if size else failed(f"{path.name} is empty.", seen)


def names_containers(subject: Subject, name: str) -> Verdict:
    """Decide whether every container has the environment in its name, be it one that Compose makes."""
    model = subject.model(name)
    named = {
        service: one.container_name or f"{model.name}-{service}-1" for service, one in model.services.items()
    }
    seen = looked(subject, subject.shown(name), "\n".join(named.values()))
    wrong = (
        f"{container} of service {service} has no `{name}` in its name."
        for service, container in named.items()
        if not subject.named_after(container, name)
    )
    return holds(wrong, seen)


def names_networks(subject: Subject, name: str) -> Verdict:
    """Decide whether every network that the project makes has the environment in its name."""
    found = subject.resolved(name).get("networks") or {}
    named = {key: one["name"] for key, one in found.items() if not one.get("external")}
    seen = looked(subject, subject.shown(name), "\n".join(named.values()))
    if not named:
        return not_applicable("No service joins a network of the project's own.", seen)
    wrong = (
        f"Network {network} ({key}) has no `{name}` in its name."
        for key, network in named.items()
        if not subject.named_after(network, name)
    )
    return holds(wrong, seen)


def keeps_ports(subject: Subject) -> Verdict:
    """Decide whether development publishes what it published before."""
    one = subject.environment(DEVELOPMENT)
    if not one.legacy_files:
        return not_applicable("There was no Compose file for development before.")
    watch = Watch(subject=subject, command=subject.shown(DEVELOPMENT))
    before, after = former.ports(subject, one), set(now_published(subject))
    seen = watch.saw("\n".join(sorted(after)) or "no ports")
    gone = (f"{port} was published before, and is not now." for port in sorted(before - after))
    new = (f"{port} is published now, and was not before." for port in sorted(after - before))
    return holds(chain(gone, new), seen)


def now_published(subject: Subject) -> Iterator[str]:
    """Yield the host ports of development's services, as former.ports writes them."""
    for name, service in subject.model(DEVELOPMENT).services.items():
        for port in service.ports:
            yield former.port(name, published=port.published, target=port.target, protocol=port.protocol)


def is_valid(subject: Subject, name: str) -> Verdict:
    """Decide whether Compose takes an environment's file."""
    with subject.composed(name) as compose:
        done = ran(subject, compose.argv("config", "--quiet"))
    if done.code:
        return failed(f"{subject.environment(name).compose_file} is not valid.", done.evidence)
    return passed(done.evidence)


def is_standalone(subject: Subject, name: str) -> Verdict:
    """Decide whether an environment's file refers neither to a legacy file nor to another environment's."""
    one = subject.environment(name)
    path = subject.path(one.compose_file)
    bases = {
        subject.path(file)
        for other in subject.facts.environments
        for file in (*other.legacy_files, other.compose_file)
    }
    referred = tuple(references(read(path)))
    found = [text for text in referred if (path.parent / text).resolve() in {one.resolve() for one in bases}]
    seen = looked(subject, f"cat {path}", "\n".join(referred) or "no `extends: file`, no `include`")
    return holds((f"{one.compose_file} refers to {text}." for text in found), seen)


def read(path: Path) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return a YAML file's data, its unknown tags aside; None for one that is no YAML."""
    try:
        return yaml.load(path.read_bytes(), Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return None


def references(data: Any) -> Iterator[str]:  # noqa: ANN401 - whatever YAML holds
    """Yield the other files that a Compose file is made of."""
    mapping = data if isinstance(data, dict) else {}
    services = mapping.get("services")
    for service in services.values() if isinstance(services, dict) else ():
        extends = service.get("extends") if isinstance(service, dict) else None
        if isinstance(extends, dict) and extends.get("file"):
            yield str(extends["file"])
    included = mapping.get("include")
    for item in included if isinstance(included, list) else ():
        paths = item.get("path") if isinstance(item, dict) else item
        yield from map(str, paths if isinstance(paths, list) else [paths])


def is_apart(subject: Subject, *kinds: str) -> Verdict:
    """Decide whether tests share nothing of these kinds with development."""
    seen = looked(subject, "inv isolation", f"{TESTS} beside {DEVELOPMENT}: {', '.join(kinds)}")
    return holds(sentences(subject.findings(TESTS, *kinds, beside=DEVELOPMENT), subject.folder), seen)


def is_without(subject: Subject, name: str, kind: str) -> Verdict:
    """Decide whether an environment's file is sound in one respect."""
    services = ", ".join(sorted(subject.model(name).services))
    seen = looked(subject, "inv isolation", f"{kind}: looked for in {services}")
    return holds(sentences(subject.findings(name, kind), subject.folder), seen)


def checks_health(subject: Subject, name: str) -> Verdict:
    """Decide whether every service has a health check whose image is known: how to ask others only people know.

    That these have one is a line of step 2.4, when the files are there for people to complete.
    """
    model = subject.model(name)
    disabled = {
        one for one, service in model.services.items() if alone.is_disabled(service.healthcheck or {})
    }
    checked = health.with_check(model) - disabled
    without = model.services.keys() - checked - alone.jobs(subject.examined(name))
    known = [one for one in without if known_images.kind_of(model.services[one].image)]
    verdict = is_without(subject, name, "no-health-check")
    if known or not without:
        return verdict
    told = f"As before, {', '.join(sorted(without))} has none: write one that fits before `migrate.verify`."
    return passed(*verdict.evidence, reason=told)


def publishes_nothing(subject: Subject) -> Verdict:
    """Decide whether CI leaves the host's ports alone."""
    services = subject.model(CI).services
    seen = looked(subject, subject.shown(CI), f"looked at {', '.join(sorted(services))}")
    return holds((f"Service {name} publishes {ports_of(one)}." for name, one in publishing(services)), seen)


def publishing(services: dict[str, Service]) -> Iterable[tuple[str, Service]]:
    """Return the services that publish ports."""
    return [(name, one) for name, one in sorted(services.items()) if one.ports]


def ports_of(service: Service) -> str:
    """Return a service's published ports in a phrase."""
    return ", ".join(f"{port.published or 'any port'} for {port.target}" for port in service.ports)


def runs_a_job(subject: Subject) -> Verdict:
    """Decide whether CI's file has a service whose command is the tests."""
    job = job_of(subject)
    command = job[1].command or job[1].entrypoint if job else None
    if job is None or not command:
        return failed("dashtam.environments.ci.job names no service with a command that runs the tests.")
    asleep = tuple(sentences(subject.findings(CI, "sleeps-for-ever"), subject.folder))
    return holds(asleep, looked(subject, subject.shown(CI), f"{job[0]}: {' '.join(command)}"))


def ends_with_its_job(subject: Subject) -> Verdict:
    """Decide whether the settings name the job that a run of CI ends with, and whose exit code it has."""
    job = job_of(subject)
    if job is None:
        return failed("dashtam.environments.ci.job names no service of CI's Compose file.")
    return passed(looked(subject, subject.shown(CI), f"dashtam.environments.ci.job: {job[0]}"))


def job_of(subject: Subject) -> tuple[str, Service] | None:
    """Return CI's job, by its name; None where the settings name none."""
    known = subject.settings.environments.get(CI)
    service = subject.model(CI).services.get(known.job) if known else None
    return (known.job, service) if known and service else None
