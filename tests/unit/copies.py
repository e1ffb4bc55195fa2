"""What Compose tells of a project whose instances are kept apart, and what it was told."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

APP_PORT = "${APP_PORT:-8000}"
POSTGRES_PORT = "${POSTGRES_PORT:-5432}"


def model(project: "Project") -> dict[str, Any]:
    """Return what Compose resolves, with the variables that an instance sets still in it."""
    found = project.model(app=1, postgres=1)
    services = found["services"]
    found["name"] += "${INSTANCE_SUFFIX:-}"
    services["app"]["ports"][0]["published"] = APP_PORT
    services["postgres"]["ports"][0]["published"] = POSTGRES_PORT
    services["app"]["volumes"][-1]["read_only"] = True
    for key, volume in found["volumes"].items():
        volume["name"] = f"{found['name']}_{key}"
    return found


def tell(fake: "FakeDocker", found: dict[str, Any]) -> None:
    """Script that Compose tells of such a model, with variables and without."""
    fake.answer("compose", "config", stdout=found, expands=True)
    fake.answer("compose", "config", "--no-interpolate", stdout=found)


def composed(fake: "FakeDocker") -> list[tuple[str, ...]]:
    """Return what Compose was told to do, without its files and without mere questions."""
    calls = [argv for argv in fake.argvs if argv[0] == "compose"]
    commands = [argv[argv.index("--env-file") + 2 :] for argv in calls]
    return [command for command in commands if "config" not in command]
