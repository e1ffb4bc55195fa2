"""What the plan asks of health checks: that each service has one, soon enough, and that others wait for it."""

from collections.abc import Collection, Iterator
from functools import partial
from itertools import chain

from dashtam_tasks import engine
from dashtam_tasks.compose import Model
from dashtam_tasks.isolation import alone
from dashtam_tasks.isolation.subjects import Breach
from dashtam_tasks.migration.planning.standing_up import REASONABLE, checked, impatient, paces
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.subject import Subject, sentences
from dashtam_tasks.migration.verification.ticking import Line, Verdict, holds

STEP = "2.4"


def lines(subject: Subject, stands: tuple[Stand, ...]) -> tuple[Line, ...]:
    """Return the list of step 2.4, for environments that run."""
    return (
        ("Health checks defined for all services", partial(are_defined, subject)),
        ("Intervals are reasonable", partial(are_reasonable, subject)),
        ("Containers marked healthy when ready", partial(are_healthy, stands)),
        ("Dependencies wait for health", partial(wait_for_health, subject)),
    )


def are_defined(subject: Subject) -> Verdict:
    """Decide whether every service that is to stay up has a health check, of its own or its image's.

    A service's image is the same in every environment, and may have been built for one of them alone.
    """
    names = [one.name for one in subject.environments]
    brought = frozenset(chain.from_iterable(by_image(subject.model(name)) for name in names))
    found = (breach.finding for name in names for breach in unchecked(subject, name, brought))
    return holds(sentences(found, subject.folder), looked(subject, "inv isolation", ", ".join(names)))


def unchecked(subject: Subject, name: str, brought: Collection[str]) -> Iterator[Breach]:
    """Yield which services of an environment have no health check, but for those whose image brings one."""
    examined = subject.examined(name)
    for service in examined.model.services:
        image = examined.model.image(service)
        yield from alone.unchecked(examined, service, {image} if service in brought else ())


def are_reasonable(subject: Subject) -> Verdict:
    """Decide whether each health check runs often enough to be of use, and not without a pause."""
    found = [(one.name, pace) for one in subject.environments for pace in paces(subject.model(one.name))]
    shown = "\n".join(f"{name} {pace.service}: {pace.key} {pace.value}" for name, pace in found)
    wrong = (
        f"The {pace.key} of {name}'s {pace.service} is {pace.value}; {REASONABLE} is reasonable."
        for name, pace in found
        if not pace.is_reasonable
    )
    return holds(wrong, looked(subject, "docker compose config", shown))


def are_healthy(stands: tuple[Stand, ...]) -> Verdict:
    """Decide whether every container of what runs is marked healthy."""
    seen = [one.listing() for one in stands]
    return holds((text for one in stands for text in one.unready()), *seen)


def wait_for_health(subject: Subject) -> Verdict:
    """Decide whether what others need is waited for until it is healthy, where it has a health check."""
    models = {one.name: subject.model(one.name) for one in subject.environments}
    waits = (
        f"{name} {service} needs {needed}: {dependency.condition}"
        for name, model in models.items()
        for service, one in sorted(model.services.items())
        for needed, dependency in sorted(one.depends_on.items())
    )
    wrong = (
        f"{service} of {name} does not wait until {needed} is healthy."
        for name, model in models.items()
        for service, needed in impatient(model, with_check(model))
    )
    return holds(wrong, looked(subject, "docker compose config", "\n".join(waits)))


def with_check(model: Model) -> frozenset[str]:
    """Return the services that have a health check, of their own or their image's."""
    return checked(model) | by_image(model)


def by_image(model: Model) -> frozenset[str]:
    """Return the services without a health check of their own whose image brings one."""
    own = checked(model)
    images = {name: model.image(name) for name in model.services if name not in own}
    brought = engine.images_with_health_check(images.values())
    return frozenset(name for name, image in images.items() if image in brought)
