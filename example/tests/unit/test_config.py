"""Settings come from the environment, then from the file; a bad one is named."""

import os
from pathlib import Path

import pytest

from src.core.config import Settings, load_settings


def test_environment_wins_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("ENVIRONMENT=from-file\nSCHWAB_API_KEY=from-file\nPOSTGRES_DB=other\n")
    monkeypatch.setenv("ENVIRONMENT", "from-environment")

    settings = load_settings(env_file)

    assert settings.environment == "from-environment"
    assert settings.schwab_api_key == "from-file"


def test_missing_file_leaves_defaults(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_settings(tmp_path / ".env").environment == "development"
    assert not caplog.records


def test_unreadable_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("ENVIRONMENT=from-file\n")
    # Root reads every file, whatever its mode.
    monkeypatch.setattr(os, "access", lambda path, mode: path != env_file)

    assert load_settings(env_file).environment == "development"
    assert f"{env_file} cannot be read by uid {os.getuid()}" in caplog.text


def test_directory_in_place_of_file_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_settings(tmp_path).environment == "development"
    assert f"{tmp_path} is a directory" in caplog.text


@pytest.mark.parametrize("key", ["short", "!" * 44, "A" * 43, "é" * 44])
def test_malformed_encryption_key_is_named(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCRYPTION_KEY", key)

    with pytest.raises(SystemExit, match=r"ENCRYPTION_KEY: .*44 characters"):
        load_settings()


def test_production_refuses_placeholders() -> None:
    with pytest.raises(ValueError, match="a real SECRET_KEY and ENCRYPTION_KEY"):
        Settings(environment="production")


@pytest.mark.parametrize(("explicit", "mocked"), [({}, True), ({"MOCK_PROVIDERS": "no"}, False)])
def test_testing_mocks_providers_unless_told_otherwise(
    explicit: dict[str, str], mocked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TESTING": "true", **explicit}.items():
        monkeypatch.setenv(name, value)

    assert load_settings().mock_providers is mocked


def test_redirect_uri_defaults_to_the_callback_server() -> None:
    assert Settings().schwab_redirect_uri == "https://127.0.0.1:8182"
    assert Settings(schwab_redirect_uri="https://else.test").schwab_redirect_uri == (
        "https://else.test"
    )
