"""Status: how each service of a project is, from what the engine tells about its container."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dashtam_tasks import engine
from dashtam_tasks.compose import Model, Service
from dashtam_tasks.engine import LOCAL_LABEL, VERSION_LABEL, Container
from dashtam_tasks.settings import Probe


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """How one service of an environment is, as a person asks for it.

    `state` is the engine's (`running`, `exited`, …, or `absent`), `health` is empty without a health check.
    `endpoints` are the addresses on the host; `seconds` is the time from start to ready. `origin` says whether
    the image, or the base it was built on, is a local build, and of which version.
    """

    service: str
    container: str = ""
    state: str = "absent"
    health: str = ""
    endpoints: tuple[str, ...] = ()
    image: str = ""
    origin: str = ""
    seconds: float | None = None


def of_project(model: Model, probes: Iterable[Probe]) -> tuple[ServiceStatus, ...]:
    """Return how every service is, by name: those outside of profiles even when they have no container.

    `probes` tell the scheme of an endpoint. Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    schemes = {
        (probe.service, f"{probe.port}/tcp"): probe.scheme_in(model.services[probe.service].environment)
        for probe in probes
        if probe.service in model.services
    }
    found = {one.service: one for one in engine.project_containers(model.name)}
    names = sorted(model.selection() | found.keys())
    return tuple(describe(name, model, found.get(name), schemes) for name in names)


def describe(
    name: str, model: Model, container: Container | None, schemes: Mapping[tuple[str, str], str]
) -> ServiceStatus:
    """Return the status of one service from the container that it has, if any."""
    if container is None:
        return ServiceStatus(service=name, image=model.image(name))
    state, labels = container.state, container.config.labels
    return ServiceStatus(
        service=name,
        container=container.name.removeprefix("/"),
        state=state.status,
        health=state.health.status if state.health else "",
        endpoints=tuple(endpoints(container, schemes)),
        image=container.config.image,
        origin=origin(labels, built=bool(model.services.get(name, Service()).build)),
        seconds=container.seconds_to_ready,
    )


def endpoints(container: Container, schemes: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Yield where a container is reached from the host, as a URL where its scheme is known."""
    for port, bindings in sorted(container.network_settings.ports.items()):
        scheme = schemes.get((container.service, port))
        for binding in bindings or ():
            host = f"{scheme}://localhost" if scheme else binding.host_ip
            yield f"{host}:{binding.host_port}"


def origin(labels: Mapping[str, str], *, built: bool) -> str:
    """Return a phrase for where an image comes from; an image has the labels of the base it was built on."""
    local = f"local build, version {labels.get(VERSION_LABEL, 'unknown')}" if LOCAL_LABEL in labels else ""
    if built:
        return f"built on {local}" if local else "built"
    return local or "registry"
