"""What the plan asks of health checks: that each service has one, soon enough, and that others wait for it."""

from collections.abc import Iterator
from functools import partial

from dashtam_tasks import engine
from dashtam_tasks.compose import COMPLETED, Model
from dashtam_tasks.migration.rules.health import seconds
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.subject import Subject, sentences
from dashtam_tasks.migration.verification.ticking import Line, Verdict, holds

HEALTHY = "service_healthy"
STEP = "2.4"
PACE = ("interval", "timeout")
# Both, by Compose's specification, 05-services.md, "healthcheck".
DEFAULT = "30s"
# A check that is slower says nothing about now, one that is quicker costs.
SLOWEST, QUICKEST = 60.0, 1.0


def lines(subject: Subject, stands: tuple[Stand, ...]) -> tuple[Line, ...]:
    """Return the list of step 2.4, for environments that run."""
    return (
        ("Health checks defined for all services", partial(are_defined, subject)),
        ("Intervals are reasonable", partial(are_reasonable, subject)),
        ("Containers marked healthy when ready", partial(are_healthy, stands)),
        ("Dependencies wait for health", partial(wait_for_health, subject)),
    )


def are_defined(subject: Subject) -> Verdict:
    """Decide whether every service that is to stay up has a health check, of its own or its image's."""
    names = [one.name for one in subject.environments]
    found = (finding for name in names for finding in subject.findings(name, "no-health-check"))
    return holds(sentences(found, subject.folder), looked(subject, "inv isolation", ", ".join(names)))


def are_reasonable(subject: Subject) -> Verdict:
    """Decide whether each health check runs often enough to be of use, and not without a pause."""
    shown = [line for one in subject.environments for line in pace(one.name, subject.model(one.name))]
    wrong = (text for one in subject.environments for text in unreasonable(one.name, subject.model(one.name)))
    return holds(wrong, looked(subject, "docker compose config", "\n".join(shown)))


def pace(name: str, model: Model) -> Iterator[str]:
    """Yield how often each health check of an environment runs."""
    for service, one in sorted(model.services.items()):
        check = one.healthcheck or {}
        if check.get("test"):
            said = ", ".join(f"{key} {check.get(key, DEFAULT)}" for key in PACE)
            yield f"{name} {service}: {said}"


def unreasonable(name: str, model: Model) -> Iterator[str]:
    """Yield which health checks of an environment are too slow, or too quick, to be of use."""
    for service, one in sorted(model.services.items()):
        check = one.healthcheck or {}
        for key in PACE:
            said = str(check.get(key, DEFAULT))
            if check.get("test") and not QUICKEST <= seconds(said) <= SLOWEST:
                yield f"The {key} of {name}'s {service} is {said}; 1 s to 60 s is reasonable."


def are_healthy(stands: tuple[Stand, ...]) -> Verdict:
    """Decide whether every container of what runs is marked healthy."""
    seen = [one.listing() for one in stands]
    return holds((text for one in stands for text in one.unready()), *seen)


def wait_for_health(subject: Subject) -> Verdict:
    """Decide whether what others need is waited for until it is healthy, where it has a health check."""
    checked = {one.name: with_check(subject.model(one.name)) for one in subject.environments}
    waits = [
        (name, service, needed, dependency.condition)
        for name in checked
        for service, one in sorted(subject.model(name).services.items())
        for needed, dependency in sorted(one.depends_on.items())
    ]
    shown = "\n".join(f"{name} {service} needs {needed}: {said}" for name, service, needed, said in waits)
    wrong = (
        f"{service} of {name} does not wait until {needed} is healthy."
        for name, service, needed, said in waits
        if needed in checked[name] and said not in {HEALTHY, COMPLETED}
    )
    return holds(wrong, looked(subject, "docker compose config", shown))


def with_check(model: Model) -> frozenset[str]:
    """Return the services that have a health check, of their own or their image's."""
    own = {name for name, one in model.services.items() if (one.healthcheck or {}).get("test")}
    images = {name: model.image(name) for name in model.services if name not in own}
    brought = engine.images_with_health_check(images.values())
    return frozenset(own | {name for name, image in images.items() if image in brought})
