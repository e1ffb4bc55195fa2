from pathlib import Path

import pytest

from dashtam_tasks.configuration import require_mergeable
from dashtam_tasks.errors import DashtamError, ExitCode


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


def test_variables_of_settings_that_only_the_file_has_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "invoke.yaml").write_text("dashtam: {keys: {OTHER_KEY: token}}")
    monkeypatch.setenv("INVOKE_DASHTAM_KEYS_OTHER_KEY", "password")
    monkeypatch.setenv("INVOKE_DASHTAM_PROJECT", "shop")
    monkeypatch.setenv("INVOKE_RUN_ECHO", "1")
    require_mergeable(tmp_path)
