import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from invoke.config import Config

from dashtam_tasks import settings
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Environment, Probe, Settings, Suite


class Folder:
    """A project's folder and a home, each perhaps with a configuration file."""

    def __init__(self, root: Path) -> None:
        self.path = root / "project"
        self.home = root / "home"
        self.path.mkdir()
        self.home.mkdir()

    @property
    def file(self) -> Path:
        """The project's configuration file."""
        return self.path / "invoke.yaml"

    @property
    def home_file(self) -> Path:
        """The user's configuration file."""
        return self.home / ".invoke.yaml"

    def load(self, text: str = "", *, home: str = "") -> Settings:
        """Write configuration files and load the settings as Invoke does before a task."""
        for path, content in ((self.file, text), (self.home_file, home)):
            if content:
                path.write_text(content, encoding="utf-8")
        configuration = Config(project_location=self.path)
        configuration.load_project()
        configuration.load_collection(settings.defaults(self.path))
        configuration.load_shell_env()
        return settings.load(configuration)

    def failure(self, text: str = "", *, home: str = "") -> str:
        """Return what is said about wrong settings."""
        with pytest.raises(DashtamError) as raised:
            self.load(text, home=home)
        assert raised.value.code == ExitCode.CONFIGURATION
        assert "docs/settings.md" in raised.value.hint
        return raised.value.reason


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for name in [name for name in os.environ if name.startswith("INVOKE_")]:
        monkeypatch.delenv(name)
    made = Folder(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    return made


def test_the_defaults_survive_invoke(folder: Folder) -> None:
    assert folder.load() == Settings(project_dir=str(folder.path))


def test_the_defaults_are_plain_values(folder: Folder) -> None:
    defaults = settings.defaults(folder.path)
    assert msgspec.convert(defaults["dashtam"], Settings) == Settings(project_dir=str(folder.path))
    assert isinstance(defaults["dashtam"]["environments"]["dev"], dict)


def test_the_default_environments_are_dev_test_and_ci(folder: Folder) -> None:
    loaded = folder.load()
    assert loaded.environments == {
        "dev": Environment(compose_file="compose/docker-compose.dev.yml", env_file="envs/.env.dev"),
        "test": Environment(
            compose_file="compose/docker-compose.test.yml",
            env_file="envs/.env.test",
            prepare=("uv", "run", "python", "src/core/init_test_db.py"),
        ),
        "ci": Environment(compose_file="compose/docker-compose.ci.yml", env_file="envs/.env.ci", job="app"),
    }
    assert loaded.path("envs/.env.dev") == folder.path / "envs/.env.dev"
    assert loaded.ca_certificate == folder.path / "certs/ca.pem"


def test_the_project_overrides_the_user_and_both_the_defaults(folder: Folder) -> None:
    loaded = folder.load("dashtam: {project: shop}", home="dashtam: {project: mine, shell: [zsh, -l]}")
    assert (loaded.project, loaded.shell) == ("shop", ("zsh", "-l"))


def test_variables_override_files(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_DASHTAM_PROJECT", "branch")
    monkeypatch.setenv("INVOKE_DASHTAM_READINESS_TIMEOUT", "2.5")
    monkeypatch.setenv("INVOKE_DASHTAM_CERTIFICATES_LEAF_DAYS", "90")
    monkeypatch.setenv("INVOKE_DASHTAM_SUITES_UNIT_PYTEST", "0")
    loaded = folder.load("dashtam: {project: shop}")
    assert (loaded.project, loaded.readiness.timeout, loaded.certificates.leaf_days) == ("branch", 2.5, 90)
    assert not loaded.suites["unit"].pytest


def test_a_section_keeps_the_defaults_that_it_does_not_set(folder: Folder) -> None:
    text = """
dashtam:
  environments:
    qa: { compose_file: qa.yml, env_file: qa.env }
  readiness:
    probes: [{ service: web, port: 80, scheme: http }]
"""
    loaded = folder.load(text)
    assert list(loaded.environments) == ["dev", "test", "ci", "qa"]
    assert loaded.environments["qa"].prepare == ()
    assert loaded.readiness.timeout == 180
    assert loaded.readiness.probes == (Probe(service="web", port=80, scheme="http", path="/health"),)


def test_the_files_of_an_environment_are_found_by_its_name(folder: Folder) -> None:
    assert folder.load().files("test").env_file == "envs/.env.test"


def test_an_environment_that_there_is_not_is_told_with_those_that_there_are(folder: Folder) -> None:
    with pytest.raises(DashtamError, match=r"^There is no environment prod\.$") as raised:
        folder.load().files("prod")
    assert raised.value.code == ExitCode.USAGE
    assert raised.value.hint == "There is dev, test, ci."


NO_TESTS = "dashtam: {environments: {test: {compose_file: ''}, ci: {compose_file: ''}}}"


def test_an_environment_without_a_compose_file_is_none_of_the_projects(folder: Folder) -> None:
    loaded = folder.load(NO_TESTS)
    assert list(loaded.environments) == ["dev"]
    for name in ("test", "ci"):
        with pytest.raises(DashtamError, match=f"^This project has no environment {name}\\.$") as raised:
            loaded.files(name)
        assert raised.value.code == ExitCode.CONFIGURATION
        assert f"dashtam.environments.{name}.compose_file in invoke.yaml" in raised.value.hint


def test_of_one_that_is_not_ours_either_nobody_knows(folder: Folder) -> None:
    loaded = folder.load("dashtam: {environments: {qa: {compose_file: '', env_file: qa.env}}}")
    with pytest.raises(DashtamError, match=r"^There is no environment qa\.$") as raised:
        loaded.files("qa")
    assert (raised.value.code, raised.value.hint) == (ExitCode.USAGE, "There is dev, test, ci.")


def test_a_project_adds_suites_and_changes_one_in_part(folder: Folder) -> None:
    text = """
dashtam:
  suites:
    smoke: { command: [bash, smoke.sh], where: host, folder: checks, pytest: false }
    unit: { needs: [] }
"""
    loaded = folder.load(text)
    assert list(loaded.suites) == ["unit", "integration", "all", "ssl", "smoke"]
    assert loaded.suites["unit"] == Suite(paths=("tests/unit",), needs=())
    assert loaded.suites["smoke"] == Suite(
        command=("bash", "smoke.sh"), where="host", folder="checks", pytest=False
    )


@pytest.mark.parametrize(
    ("scheme", "variables", "asked"),
    [
        ("http", {"SSL_ENABLED": "true"}, "http"),
        ("https", {}, "https"),
        ("$SSL_ENABLED", {"SSL_ENABLED": "true"}, "https"),
        ("$SSL_ENABLED", {"SSL_ENABLED": "True"}, "https"),
        ("$SSL_ENABLED", {"SSL_ENABLED": "1"}, "https"),
        ("$SSL_ENABLED", {"SSL_ENABLED": "on"}, "https"),
        ("$SSL_ENABLED", {"SSL_ENABLED": "yes"}, "https"),
        ("$SSL_ENABLED", {"SSL_ENABLED": "false"}, "http"),
        ("$SSL_ENABLED", {"SSL_ENABLED": ""}, "http"),
        ("$SSL_ENABLED", {"SSL_ENABLED": None}, "http"),
        ("$SSL_ENABLED", {"TLS": "true"}, "http"),
        ("$TLS", {"SSL_ENABLED": "false", "TLS": "true"}, "https"),
    ],
)
def test_a_probes_scheme_may_be_a_variable_of_its_service(
    scheme: str, variables: dict[str, str | None], asked: str
) -> None:
    assert Probe(service="app", port=8000, scheme=scheme).scheme_in(variables) == asked


def test_probes_follow_ssl_enabled_by_default(folder: Folder) -> None:
    assert {probe.scheme for probe in folder.load().readiness.probes} == {"$SSL_ENABLED"}


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("{projct: x}", "projct", "Object contains unknown field `projct`."),
        ("{services: {web: x}}", "services.web", "Object contains unknown field `web`."),
        ("{project: 5}", "project", "Expected `str`, got `int`."),
        ("{project: Bad Name}", "project", "Expected `str` matching regex"),
        ("{shell: bash}", "shell", "Expected `array`, got `str`."),
        ("{shell: []}", "shell", "Expected `array` of length >= 1."),
        ("{alembic: [alembic, 3]}", "alembic.1", "Expected `str`, got `int`."),
        ("{readiness: {timeout: soon}}", "readiness.timeout", "Expected `float`, got `str`."),
        ("{readiness: {timeout: 0}}", "readiness.timeout", "Expected `float` > 0.0."),
        (
            "{readiness: {probes: [{service: a, port: 65536}]}}",
            "readiness.probes.0.port",
            "Expected `int` <= 65535.",
        ),
        (
            "{readiness: {probes: [{service: a, prt: 1}]}}",
            "readiness.probes.0.prt",
            "Object contains unknown",
        ),
        (
            "{environments: {dev: {compos_file: x}}}",
            "environments.*.compos_file",
            "Object contains unknown",
        ),
        ("{environments: {dev: {env_file: 3}}}", "environments.*.env_file", "Expected `str`, got `int`."),
        (
            "{environments: {qa: {env_file: x}}}",
            "environments.*",
            "Object missing required field",
        ),
        (
            "{environments: {Q: {env_file: x, compose_file: x}}}",
            "environments",
            "Expected `str` matching regex",
        ),
        (
            "{readiness: {probes: [{service: a, port: 1, scheme: ftp}]}}",
            "readiness.probes.0.scheme",
            "Expected `str` matching regex",
        ),
        ("{suites: {unit: {path: [x]}}}", "suites.*.path", "Object contains unknown field `path`."),
        ("{suites: {unit: {where: cloud}}}", "suites.*.where", "Invalid enum value 'cloud'."),
        ("{suites: {unit: {command: []}}}", "suites.*.command", "Expected `array` of length >= 1."),
        ("{suites: {Unit: {}}}", "suites", "Expected `str` matching regex"),
        ("{instances: {patience: 0}}", "instances.patience", "Expected `float` > 0.0."),
        ("{isolation: {shared: src}}", "isolation.shared", "Expected `array`, got `str`."),
        ("{keys: {SECRET_KEY: rot13}}", "keys.*", "Invalid enum value 'rot13'."),
        (
            "{images: {base: {X: {build: x, reference: 1}}}}",
            "images.base.*.reference",
            "Expected `str`, got `int`.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(folder: Folder, text: str, key: str, problem: str) -> None:
    assert folder.failure(f"dashtam: {text}").startswith(f"{folder.file}: dashtam.{key}: {problem}")


def test_a_wrong_key_in_the_users_file_names_that_file(folder: Folder) -> None:
    reason = folder.failure("dashtam: {project: shop}", home="dashtam: {readiness: {timeuot: 5}}")
    assert reason.startswith(f"{folder.home_file}: dashtam.readiness.timeuot: ")


def test_what_both_files_set_comes_from_the_stronger_one(folder: Folder) -> None:
    reason = folder.failure("dashtam: {project: Bad Name}", home="dashtam: {project: fine}")
    assert reason.startswith(f"{folder.file}: dashtam.project: ")


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("INVOKE_DASHTAM_PROJECT", "Bad Name", "project"),
        ("INVOKE_DASHTAM_READINESS_TIMEOUT", "0", "readiness.timeout"),
        ("INVOKE_DASHTAM_KEYS_SECRET_KEY", "rot13", "keys.*"),
    ],
)
def test_a_wrong_variable_is_named(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, key: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert folder.failure("dashtam: {project: shop}").startswith(f"{variable}: dashtam.{key}: ")


def test_settings_cannot_be_changed(folder: Folder) -> None:
    loaded: Any = folder.load()
    with pytest.raises(AttributeError):
        loaded.project = "other"
