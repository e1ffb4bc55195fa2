"""Settings, read once at start: environment variables first, then the mounted .env file."""

import logging
import os
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Self

from pydantic import SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).parents[2]
ENV_FILE = ROOT / ".env"
PLACEHOLDER = "CHANGE_ME"
TEST_ENVIRONMENTS = frozenset({"test", "testing", "ci"})

logger = logging.getLogger(__name__)


class Settings(BaseSettings):
    """The app's settings; each field is the environment variable of the same name."""

    model_config = SettingsConfigDict(extra="ignore")

    environment: str = "development"
    debug: bool = False
    testing: bool = False

    database_url: str = f"postgresql+asyncpg://dashtam_user:{PLACEHOLDER}@localhost:5432/dashtam"
    db_echo: bool = False
    redis_url: str = "redis://localhost:6379/0"

    ssl_enabled: bool = True
    ssl_certfile: Path = ROOT / "certs/cert.pem"
    ssl_keyfile: Path = ROOT / "certs/key.pem"

    secret_key: SecretStr = SecretStr(PLACEHOLDER)
    encryption_key: SecretStr = SecretStr("")

    mock_providers: bool = False
    disable_external_calls: bool = False
    callback_base_url: str = "https://127.0.0.1:8182"
    schwab_api_key: str = PLACEHOLDER
    schwab_api_secret: SecretStr = SecretStr(PLACEHOLDER)
    schwab_base_url: str = "https://api.schwabapi.com"
    schwab_redirect_uri: str = ""

    @field_validator("encryption_key")
    @classmethod
    def _fernet_key_or_none(cls, key: SecretStr) -> SecretStr:
        value = key.get_secret_value()
        if value in {"", PLACEHOLDER}:
            return SecretStr("")
        if not is_fernet_key(value):
            raise ValueError("must be 32 random bytes in urlsafe base64, 44 characters")
        return key

    @model_validator(mode="after")
    def _finish(self) -> Self:
        if self.testing and "mock_providers" not in self.model_fields_set:
            self.mock_providers = True
        self.schwab_redirect_uri = self.schwab_redirect_uri or self.callback_base_url
        if self.environment == "production" and (missing := self.placeholders()):
            raise ValueError(f"production needs a real {' and '.join(missing)}")
        return self

    def placeholders(self) -> list[str]:
        """Return the names of the secrets that still have no real value."""
        secrets = {"SECRET_KEY": self.secret_key, "ENCRYPTION_KEY": self.encryption_key}
        return [
            name for name, key in secrets.items() if key.get_secret_value() in {"", PLACEHOLDER}
        ]

    @property
    def is_test(self) -> bool:
        """Whether this environment's data may be thrown away."""
        return self.environment in TEST_ENVIRONMENTS


def is_fernet_key(value: str) -> bool:
    """Return whether `value` is 32 bytes in urlsafe base64, as the Fernet specification says."""
    try:
        return len(value) == 44 and len(urlsafe_b64decode(value)) == 32
    except ValueError:
        return False


def readable_env_file(path: Path) -> Path | None:
    """Return `path` if its values can be used, else None, after saying why where it is there."""
    if not path.exists():
        return None
    if path.is_dir():
        reason = "is a directory, since the file was missing when the container was made"
    elif not os.access(path, os.R_OK):
        reason = f"cannot be read by uid {os.getuid()} ('chmod' or 'chown' it on the host)"
    else:
        return path
    logger.warning("%s %s: only environment variables are used.", path, reason)
    return None


def load_settings(env_file: Path = ENV_FILE) -> Settings:
    """Return the settings of this process; exit naming each variable that has a bad value."""
    try:
        return Settings(_env_file=readable_env_file(env_file))  # type: ignore[call-arg]
    except ValidationError as error:
        problems = "".join(f"\n  {_problem(details)}" for details in error.errors())
        message = f"Bad settings (environment variables or {env_file}):{problems}"
        raise SystemExit(message) from None


def _problem(details: ErrorDetails) -> str:
    names = [str(part).upper() for part in details["loc"]]
    return ": ".join([*names, details["msg"].removeprefix("Value error, ")])
