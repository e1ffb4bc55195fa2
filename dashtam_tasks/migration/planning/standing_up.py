"""Standing up: what services that stay need, so that everybody knows when they are healthy and nothing is lost."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from dashtam_tasks.compose import COMPLETED, Model, Service
from dashtam_tasks.migration.rules.health import seconds

HEALTHY = "service_healthy"
PACE = ("interval", "timeout")
# Both, by Compose's specification, 05-services.md, "healthcheck".
DEFAULT = "30s"
# A check that is slower says nothing about now, one that is quicker costs.
SLOWEST, QUICKEST = 60.0, 1.0
REASONABLE = "1 s to 60 s"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often, or for how long, a service is asked for its health: a key of its health check."""

    service: str
    key: str
    value: str

    @property
    def is_reasonable(self) -> bool:
        """Whether it is neither too seldom nor too often."""
        return QUICKEST <= seconds(self.value) <= SLOWEST


def paces(model: Model) -> Iterator[Pace]:
    """Yield how often each health check runs."""
    for service, one in sorted(model.services.items()):
        check = one.healthcheck or {}
        for key in PACE if check.get("test") else ():
            yield Pace(service=service, key=key, value=str(check.get(key, DEFAULT)))


def unreasonable(model: Model) -> Iterator[Pace]:
    """Yield what of health checks is too slow, or too quick, to be of use."""
    return (one for one in paces(model) if not one.is_reasonable)


def checked(model: Model) -> frozenset[str]:
    """Return the services that have a health check of their own."""
    return frozenset(name for name, one in model.services.items() if (one.healthcheck or {}).get("test"))


def impatient(model: Model, healthy: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the services that do not wait for the health of another, with that one, among those in `healthy`."""
    for service, one in sorted(model.services.items()):
        for needed, dependency in sorted(one.depends_on.items()):
            if needed in healthy and dependency.condition not in {HEALTHY, COMPLETED}:
                yield service, needed


def nameless(service: Service, folders: Collection[str]) -> Iterator[str]:
    """Yield where a service has data in a volume without a name; `folders` are those of its image."""
    mounted = {one.target.rstrip("/") for one in service.volumes}
    mounted |= {one.partition(":")[0].rstrip("/") for one in service.tmpfs}
    own = (one.target for one in service.volumes if one.type == "volume" and not one.source)
    yield from dict.fromkeys((*own, *(one for one in folders if one not in mounted)))
