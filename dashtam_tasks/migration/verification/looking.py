"""What is looked at while environments run: each check decides one line of the plan's sequences."""

from collections.abc import Iterable, Iterator

from dashtam_tasks.migration.boxes import Evidence
from dashtam_tasks.migration.verification import asking, stores
from dashtam_tasks.migration.verification.evidence import Watch
from dashtam_tasks.migration.verification.running import Stand, is_postgres, is_redis
from dashtam_tasks.migration.verification.ticking import Verdict, failed, holds, not_applicable, passed

CALLBACK = "callback"


def app_port(stand: Stand) -> str:
    """Return the host port of the application, as a phrase; empty where it publishes none."""
    service = stand.model.services.get(stand.service_of("app"))
    return next((port.published for port in service.ports if port.published), "") if service else ""


def app_answers(stand: Stand) -> Verdict:
    """Decide whether the application answers on its published port."""
    service = stand.service_of("app")
    if not service or not stand.model.service(service).ports:
        return not_applicable("No service that publishes a port is known to be the application.")
    return service_answers(stand, service)


def service_answers(stand: Stand, service: str) -> Verdict:
    """Decide whether a service answers on its published port."""
    stand.container(service)
    good, seen = asking.answered(stand, asking.urls(stand, service))
    return passed(seen) if good else failed(f"Service {service} of {stand.name} does not answer.", seen)


def database_answers(stand: Stand) -> Verdict:
    """Decide whether the database answers a query; one that we cannot ask is taken at its health check's word."""
    service = stand.service_of("database")
    if not service:
        return not_applicable("No service is known to be the database.")
    if not is_postgres(stand.model.service(service)):
        return is_well(stand, service)
    done = stores.psql(stand, service, "SELECT 1;")
    good = not done.code and done.output.strip() == "1"
    return passed(done.evidence) if good else failed("The database does not answer SELECT 1.", done.evidence)


def cache_answers(stand: Stand) -> Verdict:
    """Decide whether Redis answers; another cache is taken at its health check's word."""
    service = stand.service_of("cache")
    if not service:
        return not_applicable("The project has no Redis.")
    if not is_redis(stand.model.service(service)):
        return is_well(stand, service)
    done = stores.redis(stand, service, "PING")
    good = done.output.strip() == "PONG"
    return passed(done.evidence) if good else failed("Redis does not answer PONG.", done.evidence)


def callback_runs(stand: Stand) -> Verdict:
    """Decide whether the OAuth redirect server runs, and answers where it is published."""
    service = next((name for name in sorted(stand.services) if CALLBACK in name), "")
    if not service:
        return not_applicable("The project has no callback server.")
    if any(port.published for port in stand.model.service(service).ports):
        return service_answers(stand, service)
    return is_well(stand, service)


def is_well(stand: Stand, service: str) -> Verdict:
    """Decide whether a service runs and is healthy."""
    container = stand.container(service)
    seen = stand.listing()
    return passed(seen) if container.ready else failed(f"Service {service} is not healthy.", seen)


def logs_are_clean(*stands: Stand) -> Verdict:
    """Decide whether no service wrote of an error since it was started."""
    found = [one.trouble() for one in stands]
    return holds((line for lines, _ in found for line in lines[:5]), *(seen for _, seen in found))


def nothing_left(*stands: Stand) -> tuple[list[str], list[Evidence]]:
    """Return what environments left behind, named volumes aside, and what was looked at."""
    problems: list[str] = []
    seen: list[Evidence] = []
    for one in stands:
        watch = Watch(subject=one.subject, command=f"docker ps --all --filter label={one.model.name}")
        left = list(one.leftovers())
        problems += (f"{one.name} left {thing}." for thing in left)
        seen.append(watch.saw("\n".join(left) or f"nothing of {one.model.name}"))
    return problems, seen


def same_containers(stand: Stand, before: Iterable[str]) -> Iterator[str]:
    """Yield a problem if an environment's containers are not those that ran before."""
    if frozenset(before) != ids(stand):
        yield f"The containers of {stand.name} were replaced or stopped meanwhile."


def ids(stand: Stand) -> frozenset[str]:
    """Return the ids of an environment's running containers."""
    return frozenset(one.id for one in stand.containers() if one.is_running)


def rows_kept(stand: Stand, before: dict[str, int] | None) -> Verdict:
    """Decide whether every row that development's database had is still there, by the numbers of rows."""
    if before is None:
        return not_applicable("The rows of development's database cannot be counted, or it never ran.")
    watch = Watch(subject=stand.subject, command="inv dev.db-shell (rows of each table)")
    now = stores.rows(stand) or {}
    shown = "\n".join(f"{table}: {count}, before {before.get(table, 0)}" for table, count in now.items())
    lost = (
        f"{table} had {count} rows, and has {now.get(table, 'none, nor is it there')}."
        for table, count in before.items()
        if now.get(table, -1) < count
    )
    return holds(lost, watch.saw(shown))
