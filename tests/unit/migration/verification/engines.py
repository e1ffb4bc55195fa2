"""An engine by script, on which a project's environments run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.subject import Subject
from tests.unit.conftest import FakeDocker
from tests.unit.migration.verification.projects import FACTS

STARTED = "2026-01-01T00:00:00Z"
LABEL = "com.docker.compose.project"
PASSWORD = "hL3vQ8wZr2XmT5kN"


@dataclass(frozen=True)
class Engine:
    """A scripted docker that has the environments of the project in `folder`."""

    docker: FakeDocker
    folder: Path

    def stand(self, name: str, facts: Facts = FACTS, **services: dict[str, Any]) -> Stand:
        """Script what Compose resolves an environment to, and return the environment; all of it runs."""
        chosen: dict[str, dict[str, Any]] = {"app": {}, "postgres": {}, "redis": {}} | services
        self.docker.answer(
            "compose",
            str(self.folder / f"compose/docker-compose.{name}.yml"),
            "config",
            stdout={
                "name": f"shop-{name}",
                "services": {one: {**self.service(name, one), **own} for one, own in chosen.items()},
                "networks": {"net": {"name": f"shop-{name}-network"}},
                "volumes": {"data": {"name": f"shop-{name}_data"}} if name == "dev" else {},
            },
        )
        self.runs(name, *chosen)
        return Stand(subject=Subject(folder=self.folder, facts=facts), name=name)

    def service(self, name: str, service: str) -> dict[str, Any]:
        """Return a service as Compose resolves it."""
        image = {"postgres": "postgres:17", "redis": "redis:8"}.get(service, "")
        ports = [{"target": 8000, "published": "8000" if name == "dev" else "8001", "host_ip": "127.0.0.1"}]
        check = {"healthcheck": {"test": ["CMD", "true"], "interval": "5s", "timeout": "3s"}}
        return {"image": image, **check, **({"ports": ports} if service == "app" else {})}

    def runs(self, name: str, *services: str, **changes: Any) -> None:
        """Script that services of an environment have containers, which are healthy but for `changes`."""
        ids = [f"{name}-{service}" for service in services]
        self.docker.answer("ps", f"label={LABEL}=shop-{name}", stdout="\n".join(ids))
        self.docker.answer("ps", f"label={LABEL}=shop-{name}", "--format", stdout="")
        containers = [self.container(name, service) | changes for service in services]
        if ids:
            self.docker.answer("inspect", *sorted(ids, key=ids.index), stdout=containers)

    def container(self, name: str, service: str) -> dict[str, Any]:
        """Return a container as the engine shows it."""
        number = 2 if name == "dev" else 3
        host = {"dev": "8000", "test": "8001"}[name]
        ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": host}]} if service == "app" else {}
        probe = {"End": "2026-01-01T00:00:07Z", "ExitCode": 0, "Output": ""}
        return {
            "Id": f"{name}-{service}",
            "Name": f"/shop-{name}-{service}",
            "State": {
                "Status": "running",
                "ExitCode": 0,
                "StartedAt": STARTED,
                "Health": {"Status": "healthy", "Log": [probe]},
            },
            "Config": {
                "Image": service,
                "Labels": {LABEL: f"shop-{name}", "com.docker.compose.service": service},
            },
            "NetworkSettings": {
                "Ports": ports,
                "Networks": {f"shop-{name}-network": {"IPAddress": f"172.30.{number}.2"}},
            },
            "Mounts": [],
        }
