from pathlib import Path

import pytest

from dashtam_tasks import configuration, settings
from dashtam_tasks.errors import DashtamError, ExitCode


def require_mergeable(folder: Path) -> None:
    configuration.read_mergeable(folder, settings.defaults(folder)[settings.KEY])


def names(folder: Path, key: str) -> tuple[str, ...]:
    known = settings.defaults(folder)[settings.KEY]
    return configuration.names((known, *configuration.read_mergeable(folder, known)), key)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own, without configuration."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dashtam: {}",
        "run: {echo: true}",
        "dashtam: {project: shop, readiness: {timeout: 5}}",
        "dashtam: {environments: {staging: {compose_file: a.yml, env_file: b}}}",
    ],
)
def test_good_files_pass(tmp_path: Path, text: str) -> None:
    (tmp_path / "invoke.yaml").write_text(text)
    require_mergeable(tmp_path)


def test_a_project_needs_no_file(tmp_path: Path) -> None:
    require_mergeable(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not YAML."),
        ("- a", "is not a mapping."),
        ("dashtam:", "dashtam: expected a mapping, got nothing."),
        ("dashtam: 3", "dashtam: expected a mapping, got a whole number."),
        ("dashtam: {keys: }", "dashtam.keys: expected a mapping, got nothing."),
        ("dashtam: {services: [app]}", "dashtam.services: expected a mapping, got a list"),
        ("dashtam: {project: {}}", "dashtam.project: expected a value, got a mapping."),
    ],
)
def test_a_file_that_invoke_could_not_merge_is_named_with_its_key(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text(text)
    with pytest.raises(DashtamError) as raised:
        require_mergeable(tmp_path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason.startswith(str(path))
    assert said in raised.value.reason


@pytest.mark.parametrize("text", ["dashtam:", "dashtam: {suites: }", "dashtam: {services: [app]}"])
def test_the_users_file_is_looked_at_too(tmp_path: Path, home: Path, text: str) -> None:
    (home / ".invoke.yaml").write_text(text)
    with pytest.raises(DashtamError, match=r"expected a mapping") as raised:
        require_mergeable(tmp_path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason.startswith(f"{home}/.invoke.yaml: dashtam")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "INVOKE_DASHTAM_READINESS_TIMEOUT",
            "soon",
            "dashtam.readiness.timeout: expected a number, got 'soon'.",
        ),
        (
            "INVOKE_DASHTAM_CERTIFICATES_CA_DAYS",
            "1.5",
            "dashtam.certificates.ca_days: expected a whole number",
        ),
        ("INVOKE_DASHTAM_SHELL", "zsh", "dashtam.shell: expected a list, which only a file can give"),
        (
            "INVOKE_DASHTAM_SUITES_UNIT_PYTEST",
            "false",
            "dashtam.suites.unit.pytest: expected 1 (true) or 0 (false), got 'false'.",
        ),
        ("INVOKE_DASHTAM_NO_SUCH_SETTING", "1", "there is no such setting."),
    ],
)
def test_a_variable_that_sets_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(DashtamError) as raised:
        require_mergeable(tmp_path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason.startswith(f"{name}: ")
    assert said in raised.value.reason


def test_variables_of_settings_that_only_a_file_has_are_known(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "invoke.yaml").write_text("dashtam: {keys: {OTHER_KEY: token}}")
    (home / ".invoke.yaml").write_text("dashtam: {keys: {MY_KEY: token}}")
    monkeypatch.setenv("INVOKE_DASHTAM_KEYS_OTHER_KEY", "password")
    monkeypatch.setenv("INVOKE_DASHTAM_KEYS_MY_KEY", "password")
    monkeypatch.setenv("INVOKE_DASHTAM_PROJECT", "shop")
    monkeypatch.setenv("INVOKE_RUN_ECHO", "1")
    require_mergeable(tmp_path)


def test_names_are_the_defaults_and_those_that_files_add(tmp_path: Path, home: Path) -> None:
    assert names(tmp_path, "suites") == ("unit", "integration", "all", "ssl")
    (tmp_path / "invoke.yaml").write_text("dashtam: {suites: {smoke: {}, unit: {needs: []}}}")
    (home / ".invoke.yaml").write_text("dashtam: {suites: {mine: {}, smoke: {pytest: false}}}")
    assert names(tmp_path, "suites") == ("unit", "integration", "all", "ssl", "smoke", "mine")


def test_names_are_those_of_the_one_mapping(tmp_path: Path) -> None:
    (tmp_path / "invoke.yaml").write_text("dashtam: {keys: {OTHER_KEY: token}}\nrun: {suites: {other: {}}}")
    assert names(tmp_path, "environments") == ("dev", "test", "ci")


def test_names_in_a_file_that_is_not_yaml_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "invoke.yaml").write_text("a: [")
    with pytest.raises(DashtamError, match=r"invoke\.yaml is not YAML\.") as raised:
        names(tmp_path, "suites")
    assert raised.value.code == ExitCode.CONFIGURATION
