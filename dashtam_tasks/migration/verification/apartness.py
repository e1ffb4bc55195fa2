"""Whether two environments that run meet anywhere: on the host's ports, over networks, or in their data."""

import ipaddress
import socket
from collections.abc import Iterator
from itertools import chain

from dashtam_tasks.migration.boxes import Evidence
from dashtam_tasks.migration.verification import stores
from dashtam_tasks.migration.verification.evidence import Watch
from dashtam_tasks.migration.verification.running import Stand, is_postgres, is_redis
from dashtam_tasks.migration.verification.ticking import Verdict, holds, not_applicable

# Who is reached says so at once, on a busy machine a little later; who is not takes all of the time.
REACHED_SECONDS = 30
UNREACHED_SECONDS = 5


def ports_apart(one: Stand, other: Stand) -> Verdict:
    """Decide whether what an environment publishes now is none of another's host ports."""
    published = list(one.published())
    watch = Watch(subject=one.subject, command=f"docker port ({one.name})")
    seen = watch.saw("\n".join(f"{service}: {address}:{number}" for service, address, number, _ in published))
    taken = other.host_ports()
    return holds(
        (
            f"{service} has port {number} of {other.name}."
            for service, _, number, _ in published
            if number in taken
        ),
        seen,
    )


def on_loopback(*stands: Stand) -> Verdict:
    """Decide whether every published port listens, and on the loopback address alone."""
    import psutil

    watch = Watch(subject=stands[0].subject, command="ss --listening --tcp --numeric")
    listening: dict[int, set[str]] = {}
    for one in psutil.net_connections(kind="tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr:
            listening.setdefault(one.laddr.port, set()).add(one.laddr.ip)
    published = [entry for stand in stands for entry in stand.published() if entry[3] == "tcp"]
    shown = (
        f"{number} ({service}): {', '.join(listening.get(number, ()))}" for service, _, number, _ in published
    )
    wrong = (text for entry in published for text in exposed(entry, listening))
    return holds(wrong, watch.saw("\n".join(shown)))


def exposed(entry: tuple[str, str, int, str], listening: dict[int, set[str]]) -> Iterator[str]:
    """Yield what is wrong with how a published port listens."""
    service, address, number, _ = entry
    if not connects(address or "127.0.0.1", number):
        yield f"Nothing listens on port {number} of {service}."
    for one in dict.fromkeys((*sorted(listening.get(number, ())), address)):
        if not is_loopback(one):
            yield f"Port {number} of {service} listens on {one}, where other machines reach it."


def connects(address: str, number: int) -> bool:
    """Return whether something takes connections at a port; what is published everywhere is so on the loopback."""
    try:
        with socket.create_connection((address.replace("0.0.0.0", "127.0.0.1"), number), timeout=5):  # noqa: S104
            return True
    except OSError:
        return False


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's alone."""
    return bool(address) and ipaddress.ip_address(address.partition("%")[0]).is_loopback


def networks_apart(one: Stand, other: Stand) -> Verdict:
    """Decide whether neither environment's data store reaches the other's: each tries, by name and by address."""
    joined = [
        {name for each in stand.containers() for name in each.network_settings.networks}
        for stand in (one, other)
    ]
    problems = [f"Both join network {name}." for name in sorted(joined[0] & joined[1])]
    seen: list[Evidence] = []
    for here, there in ((one, other), (other, one)):
        for role in ("database", "cache"):
            found = tried(here, there, here.service_of(role), there.service_of(role))
            problems += (text for text, _ in found if text)
            seen += (evidence for _, evidence in found)
    watch = Watch(subject=one.subject, command="docker network ls")
    return holds(problems, watch.saw("\n".join(sorted(chain(*joined)))), *seen)


def tried(here: Stand, there: Stand, service: str, target: str) -> list[tuple[str, Evidence]]:
    """Return what is wrong with how a service reaches another environment's, each with its evidence.

    It has to reach itself: else that it does not reach the other would mean nothing.
    """
    if not service or not target:
        return []
    itself = stores.addresses(here.container(service))[0]
    own = stores.reaches(here, service, itself, seconds=REACHED_SECONDS)
    if own is None:
        return []
    wrong = f"Service {service} of {here.name} does not even reach itself." if own.code else ""
    results = [(wrong, own.evidence)]
    for address in stores.addresses(there.container(target)):
        done = stores.reaches(here, service, address, seconds=UNREACHED_SECONDS)
        if done is not None:
            reached = f"Service {service} of {here.name} reaches {target} of {there.name} at {address}."
            results.append(("" if done.code else reached, done.evidence))
    return results


def data_apart(one: Stand, other: Stand) -> Verdict:
    """Decide whether what is written in one environment is not seen in the other, both ways."""
    problems: list[str] = []
    seen: list[Evidence] = []
    for here, there in ((one, other), (other, one)):
        for service, target in common_stores(here, there):
            with stores.marked(here, service) as marker:
                for stand, asked, wanted in ((here, service, "1"), (there, target, "0")):
                    done = stores.sees(stand, asked, marker)
                    seen.append(done.evidence)
                    if done.output.strip() != wanted:
                        verb = "does not see" if wanted == "1" else "sees"
                        problems.append(f"{asked} of {stand.name} {verb} what was written in {here.name}.")
    if not seen:
        return not_applicable("The project has neither PostgreSQL nor Redis to write a marker into.")
    return holds(problems, *seen)


def common_stores(one: Stand, other: Stand) -> Iterator[tuple[str, str]]:
    """Yield the services of both environments that have the same role and that markers can be put into."""
    for here, there in (
        (one.service_of("database"), other.service_of("database")),
        (one.service_of("cache"), other.service_of("cache")),
    ):
        if here and there:
            pair = one.model.service(here), other.model.service(there)
            if all(map(is_postgres, pair)) or all(map(is_redis, pair)):
                yield here, there
