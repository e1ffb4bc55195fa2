"""Settings: Invoke's configuration under the key `dashtam`, read once into frozen records.

Invoke merges, weakest first: the defaults here, /etc/invoke.yaml, ~/.invoke.yaml, the project's
invoke.yaml and INVOKE_DASHTAM_* variables. https://docs.pyinvoke.org/en/stable/concepts/configuration.html
"""

import fnmatch
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from invoke.config import Config

from dashtam_tasks.errors import DashtamError, ExitCode

KEY = "dashtam"
CONFIGURATION_FILES = ("invoke.yaml", "~/.invoke.yaml", "/etc/invoke.yaml")

NAME = "^[a-z0-9][a-z0-9_-]*$"
Name = Annotated[str, msgspec.Meta(pattern=NAME)]
Command = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Days = Annotated[int, msgspec.Meta(ge=1)]
Minutes = Annotated[int, msgspec.Meta(ge=1)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen record that refuses a key it does not know."""


class Environment(Record, frozen=True, kw_only=True):
    """The two files that make an environment, relative to the project's folder.

    Without a `compose_file` the project has no such environment: defaults are merged and cannot be taken away.
    `prepare` is what the app's container runs once for a new database. `job` is the service whose command is all
    that the environment is for: it ends by itself, and its exit code is that of the run.
    """

    compose_file: str
    env_file: str
    prepare: tuple[str, ...] = ()
    job: str = ""


def default_environments() -> dict[str, Environment]:
    """Return the environments that a project of our own layout has."""
    return {
        "dev": Environment(compose_file="compose/docker-compose.dev.yml", env_file="envs/.env.dev"),
        "test": Environment(
            compose_file="compose/docker-compose.test.yml",
            env_file="envs/.env.test",
            prepare=("uv", "run", "python", "src/core/init_test_db.py"),
        ),
        "ci": Environment(compose_file="compose/docker-compose.ci.yml", env_file="envs/.env.ci", job="app"),
    }


class Services(Record, frozen=True, kw_only=True):
    """The names that the application's services have in the compose files."""

    app: str = "app"
    database: str = "postgres"
    cache: str = "redis"


class Probe(Record, frozen=True, kw_only=True):
    """A published endpoint that must answer before an environment counts as ready.

    `port` is the container's; the request goes to the host port that it is published on. `scheme` may be a variable
    of the service, `$SSL_ENABLED`: https where that is true, else http.
    """

    service: str
    port: Port
    scheme: Annotated[str, msgspec.Meta(pattern=r"^(https?|\$[A-Za-z_][A-Za-z0-9_]*)$")] = "$SSL_ENABLED"
    path: str = "/health"

    def scheme_in(self, variables: Mapping[str, str | None]) -> str:
        """Return `http` or `https`, for a service with these variables."""
        if not self.scheme.startswith("$"):
            return self.scheme
        value = variables.get(self.scheme[1:]) or ""
        return "https" if value.lower() in {"1", "true", "yes", "on"} else "http"


class Readiness(Record, frozen=True, kw_only=True):
    """How long to wait for health, in seconds, and what must answer then."""

    timeout: Seconds = 180.0
    probes: tuple[Probe, ...] = (
        Probe(service="app", port=8000),
        Probe(service="callback", port=8182),
    )


class Suite(Record, frozen=True, kw_only=True):
    """A test command that is run in, or beside, the test environment.

    `paths` and `options` are its arguments; `--path` replaces the paths. It runs in a new container of `service`
    (empty: the app), or on the host, there in `folder`. `needs` are the services that must be healthy before,
    by default what `service` depends on. `variables` are set for it alone. `coverage` is what `--cov` measures,
    and `pytest` says whether the command takes pytest's options.
    """

    command: Command = ("uv", "run", "pytest")
    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    where: Literal["container", "host"] = "container"
    folder: str = "."
    service: str = ""
    needs: tuple[str, ...] | None = None
    variables: dict[str, str] = {}
    coverage: str = "src"
    pytest: bool = True


def default_suites() -> dict[str, Suite]:
    """Return the suites that a project of our own layout has."""
    return {
        "unit": Suite(paths=("tests/unit",)),
        "integration": Suite(paths=("tests/integration",)),
        "all": Suite(paths=("tests",)),
        "ssl": Suite(
            paths=("tests",),
            options=("-m", "ssl"),
            needs=("postgres", "redis", "app-ssl", "callback-ssl"),
            variables={
                "TLS_APP_URL": "https://app-ssl:8000",
                "TLS_CALLBACK_URL": "https://callback-ssl:8182",
                "TLS_CA_FILE": "/app/certs/ca.pem",
            },
        ),
    }


class Instances(Record, frozen=True, kw_only=True):
    """How long a task waits, in seconds, for another one on the same instance."""

    patience: Seconds = 600.0


class Isolation(Record, frozen=True, kw_only=True):
    """What environments may share although they write to it: the application's sources."""

    shared: tuple[str, ...] = ("src", "tests", "alembic")


class Certificates(Record, frozen=True, kw_only=True):
    """The local certificate authority and its leaf certificates, in `directory`.

    Each leaf is `<leaf>.pem`; its key has `key` for `cert` in the name, or `_key` at its end where there is none:
    `callback_cert.pem` and `callback_key.pem`. What has fewer than `renew_before_days` left is renewed.
    """

    directory: str = "certs"
    leaves: tuple[str, ...] = ("cert", "callback_cert")
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1", "app-ssl", "callback-ssl")
    ca_days: Days = 3650
    leaf_days: Days = 397
    renew_before_days: Days = 30


class Image(Record, frozen=True, kw_only=True):
    """A base image: what is pulled, and the folder below images/ that builds it where nothing answers."""

    reference: str
    build: str


class Images(Record, frozen=True, kw_only=True):
    """Base images by the variable that the compose files read, and how local ones are built.

    One whose `reference` is empty is not used. `mirror` is a Debian mirror's URL; empty means the one in the
    machine's own apt sources.
    """

    base: dict[str, Image] = msgspec.field(
        default_factory=lambda: {
            "POSTGRES_IMAGE": Image(reference="postgres:17.6-alpine3.22", build="postgres"),
            "REDIS_IMAGE": Image(reference="redis:8.2.1-alpine3.22", build="redis"),
            "PYTHON_IMAGE": Image(reference="python:3.13-slim-trixie", build="python"),
        }
    )
    env_file: str = "envs/.env.images"
    suite: str = "trixie"
    mirror: str = ""
    registry_timeout: Seconds = 5.0

    @property
    def used(self) -> dict[str, Image]:
        """The base images that the project uses, by variable."""
        return {variable: image for variable, image in self.base.items() if image.reference}


class Workflow(Record, frozen=True, kw_only=True):
    """The workflow of GitHub Actions, in `path`: when it runs, for how long, and what.

    `branches` are patterns as GitHub has them. `install` are the commands before `run`, which runs the tests; a
    project has to say them, be it none.
    """

    path: str = ".github/workflows/test.yml"
    branches: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("main", "develop")
    timeout_minutes: Minutes = 30
    python: str = "3.13"
    install: tuple[Command, ...] | None = None
    run: Command = ("dashtam-tasks", "ci.run")


class Settings(Record, frozen=True, kw_only=True):
    """Everything that a project may set.

    `project` starts the name of every Compose project. `project_dir` is the folder that all paths are
    relative to; the task tree fills it in.
    """

    project_dir: str
    project: Name = "dashtam"
    environments: dict[Name, Environment] = msgspec.field(default_factory=default_environments)
    services: Services = Services()
    readiness: Readiness = Readiness()
    suites: dict[Name, Suite] = msgspec.field(default_factory=default_suites)
    lint: Command = ("uv", "run", "ruff", "check", "src", "tests")
    workflow: Workflow = Workflow()
    instances: Instances = Instances()
    isolation: Isolation = Isolation()
    shell: Command = ("bash",)
    alembic: Command = ("uv", "run", "alembic")
    migrations: str = "alembic/versions"
    keys: dict[str, Literal["token", "fernet", "password"]] = msgspec.field(
        default_factory=lambda: {
            "SECRET_KEY": "token",
            "ENCRYPTION_KEY": "fernet",
            "POSTGRES_PASSWORD": "password",
        }
    )
    certificates: Certificates = Certificates()
    images: Images = Images()

    @property
    def ca_certificate(self) -> Path:
        """The local certificate authority that services' certificates are checked against."""
        return self.path(self.certificates.directory) / "ca.pem"

    def files(self, environment: str) -> Environment:
        """Return the files that make an environment.

        Raises DashtamError: CONFIGURATION for one of ours that the project does without, USAGE for one that nobody
        knows.
        """
        if environment in default_environments().keys() - self.environments.keys():
            raise DashtamError(
                f"This project has no environment {environment}.",
                code=ExitCode.CONFIGURATION,
                hint=f"dashtam.environments.{environment}.compose_file in invoke.yaml is empty. Once there is a "
                "Compose file for it, name it there.",
            )
        if environment not in self.environments:
            raise DashtamError(
                f"There is no environment {environment}.",
                code=ExitCode.USAGE,
                hint=f"There is {', '.join(self.environments)}.",
            )
        return self.environments[environment]

    def path(self, relative: str) -> Path:
        """Return `relative` as an absolute path below the project's folder."""
        return Path(self.project_dir, relative)


def is_name(text: str) -> bool:
    """Return whether projects, environments and suites may be called so."""
    return re.fullmatch(NAME, text) is not None


def defaults(project_dir: Path) -> dict[str, Any]:
    """Return every setting with its default, as the plain dictionary that Invoke merges into."""
    return {KEY: msgspec.to_builtins(Settings(project_dir=str(project_dir)))}


def load(configuration: Config) -> Settings:
    """Return the settings in Invoke's merged configuration.

    Raises DashtamError (CONFIGURATION) for an unknown key or a wrong type, naming key and origin.
    """
    values = plain(configuration[KEY])
    try:
        return of(values)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        unknown = re.search(r"unknown field `(.+)`$", problem)
        path = place.partition("$")[2].replace("[...]", "[*]")
        keys = (*re.findall(r"[\w-]+|\*", path), *(unknown.groups() if unknown else ()))
        raise DashtamError(
            f"{origin(keys, Path(values['project_dir']))}: {'.'.join((KEY, *keys))}: {problem}.",
            code=ExitCode.CONFIGURATION,
            hint="docs/settings.md lists the settings and their types.",
        ) from error


def of(values: Mapping[str, Any]) -> Settings:
    """Return the settings that plain values say, without the environments that the project does not have.

    Raises msgspec.ValidationError for an unknown key or a wrong type.
    """
    said = msgspec.convert(values, Settings)
    present = {name: one for name, one in said.environments.items() if one.compose_file}
    return msgspec.structs.replace(said, environments=present)


def plain(value: Any) -> Any:  # noqa: ANN401 - configuration is any YAML value
    """Return `value` with Invoke's DataProxy objects as plain dictionaries, all the way down."""
    if isinstance(value, Mapping) or hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def origin(keys: tuple[str, ...], project_dir: Path) -> str:
    """Return where the setting `keys` comes from: a variable, a configuration file, or the defaults.

    A `*` among the keys is any key of a mapping, since msgspec does not say which.
    """
    variable = "_".join(("INVOKE", KEY, *keys)).upper()
    for name in fnmatch.filter(os.environ, variable):
        return name
    for name in CONFIGURATION_FILES:
        path = project_dir / Path(name).expanduser()
        if path.is_file() and holds(path, (KEY, *keys)):
            return str(path)
    return "settings"


def holds(path: Path, keys: tuple[str, ...]) -> bool:
    """Return whether the YAML file at `path` sets `keys`, where `*` is any key of a mapping."""
    import yaml

    nodes = [yaml.safe_load(path.read_text(encoding="utf-8"))]
    for key in keys:
        nodes = [value for node in nodes for name, value in items(node) if key in {str(name), "*"}]
    return bool(nodes)


def items(node: object) -> Iterable[tuple[object, object]]:
    """Return the pairs of a mapping, or those of index and item of a list; other values have none."""
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()
