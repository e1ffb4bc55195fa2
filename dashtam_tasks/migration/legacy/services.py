"""Which services are the app, its databases and its caches: by their images, and by what is done with them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dashtam_tasks.compose import Model, Service
from dashtam_tasks.migration.legacy.other_files import Devcontainer
from dashtam_tasks.migration.legacy.recipes import Started, Suite

DATABASES = frozenset(
    "postgres postgresql postgis pgvector timescaledb timescaledb-ha mysql mysql-server mariadb percona mongo"
    " mongodb mongodb-community-server cockroach couchdb cassandra neo4j".split()
)
CACHES = frozenset("redis redis-stack redis-stack-server valkey memcached keydb dragonfly".split())
# Where an image that somebody built upon one of these keeps its data all the same.
DATA_PATHS = {
    "/var/lib/postgresql/data": DATABASES,
    "/var/lib/postgresql": DATABASES,
    "/var/lib/mysql": DATABASES,
    "/data/db": DATABASES,
}


@dataclass(frozen=True, kw_only=True)
class Named:
    """A service, and why it is what it is taken for."""

    service: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Services:
    """The app (None where nothing tells), the databases and the caches of a project."""

    app: Named | None
    databases: tuple[Named, ...]
    caches: tuple[Named, ...]


def find(
    models: Iterable[Model],
    suites: Iterable[Suite],
    started: Iterable[Started],
    devcontainers: Iterable[Devcontainer],
) -> Services:
    """Return what the services of a project are for; `models` are development's, then those of tests.

    The app is a service that all of them have, and where there is none, one of development's.
    """
    models = tuple(models)
    known: dict[str, Service] = {}
    for model in models:
        known |= {name: one for name, one in model.services.items() if name not in known}
    databases = tuple(stores(known, DATABASES))
    caches = tuple(stores(known, CACHES))
    taken = {one.service for one in (*databases, *caches)}
    evidence = (taken, tuple(suites), tuple(started), tuple(devcontainers))
    # Tasks open the app in every environment.
    for chosen in (models, models[:1]):
        common = {
            name: one
            for name, one in known.items()
            if chosen and all(name in each.services for each in chosen)
        }
        for app in apps(common, *evidence):
            if app.service in common:
                return Services(app=app, databases=databases, caches=caches)
    return Services(app=next(apps(known, *evidence), None), databases=databases, caches=caches)


def stores(services: dict[str, Service], images: frozenset[str]) -> Iterator[Named]:
    """Yield the services whose image is among `images`, or that keep data where those do."""
    for name, service in services.items():
        image = family(service.image)
        mounted = [one.target for one in service.volumes if DATA_PATHS.get(one.target) is images]
        if image in images:
            yield Named(service=name, reason=f"its image is {image}")
        elif mounted and not is_known(image):
            yield Named(service=name, reason=f"it keeps data in {mounted[0]}")


def is_known(image: str) -> bool:
    """Return whether an image says by itself what it is."""
    return image in DATABASES | CACHES


def family(image: str) -> str:
    """Return the last part of an image's name, without its registry, its tag and its digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def apps(
    services: dict[str, Service],
    taken: set[str],
    suites: tuple[Suite, ...],
    started: tuple[Started, ...],
    devcontainers: tuple[Devcontainer, ...],
) -> Iterator[Named]:
    """Yield the services that may be the app, the likeliest first."""
    tested = [one.started.service for one in suites]
    entered = [one.service for one in started]
    for used, words in ((tested, "tests run in it"), (entered, "commands run in it")):
        for name, _ in Counter(name for name in used if name and name not in taken).most_common():
            yield Named(service=name, reason=words)
    for one in devcontainers:
        if one.service:
            yield Named(service=one.service, reason=f"{one.file} names it")
    built = [name for name, service in services.items() if service.build is not None and name not in taken]
    published = [name for name in built if services[name].ports]
    if len(built) == 1:
        yield Named(service=built[0], reason="it is the only one that is built")
    elif len(published) == 1:
        yield Named(service=published[0], reason="of those that are built only it publishes a port")
