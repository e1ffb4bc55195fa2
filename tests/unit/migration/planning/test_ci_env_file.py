"""CI's env file: complete, the same for everyone, and without anything of the tests' that could be secret."""

import io
import string
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.planning.ci_env_file import FIXED, contents
from dashtam_tasks.migration.rules.draft import Draft

COMPOSE = """\
services:
  db:
    image: postgres:17
    environment: { POSTGRES_USER: "${DB_USER:-shop}", POSTGRES_DB: shop_test }
  cache: { image: "${CACHE_IMAGE:-redis:7}" }
  queue:
    image: rabbitmq
    environment: { RABBITMQ_DEFAULT_PASS: said-openly, ESCAPED: $$NOT_ONE }
  app:
    image: app${INSTANCE_SUFFIX:-}
    environment:
      NEEDED: ${NEEDED:?must be set}
      PLAIN: $PLAIN
      ADDRESS: ${ADDRESS:-http://localhost:${APP_PORT:-8000}}
"""


def made(text: str = COMPOSE) -> Draft:
    return Draft(document=Document(text), environment="ci", project="shop")


def values_for(**values: str) -> dict[str, str | None]:
    return dict(dotenv_values(stream=io.StringIO(contents(values, made()).decode())))


def value_for(name: str, value: str) -> str | None:
    return values_for(**{name: value})[name]


HARMLESS = {
    "DB_NAME": "shop_test",
    "POSTGRES_USER": "shop",
    "RAILS_ENV": "test",
    "LOG_LEVEL": "DEBUG",
    "WORKERS": "4",
    "TIMEOUT": "30s",
    "DB_HOST": "db",
    "USE_CACHE": "True",
    "DJANGO_SETTINGS_MODULE": "shop.settings.test",
    "FLASK_APP": "shop:create_app",
    "BANK_URL": "https://api.bank.example:8443/",
    "REDIS_URL": "redis://cache:6379/0",
    "EMPTY": "",
}


@pytest.mark.parametrize(("name", "value"), HARMLESS.items(), ids=HARMLESS)
def test_what_is_harmless_is_kept(name: str, value: str) -> None:
    assert value_for(name, value) == value


SECRET = {
    "DB_PASSWORD": "test",
    "API_TOKEN": "12345",
    "STRIPE_KEY": "sk_live_51H8s",
    "awsSecret": "x",
    "SOME_TEXT": "correct horse battery staple",
    "POSTGRES_USER": "p@ss w0rd",
    "SENTRY_DSN": "https://abc@o1.ingest.example/1",
    "WEBHOOK_URL": "https://hooks.example",
    "HOOK": "https://hooks.example/services/T0/B0/XXXX",
    "CALLER": "https://user:secret@elsewhere.example/",
    "PLACEHOLDER": "CHANGE_ME",
    "SESSION_ID": "7",
    "APP_KEY": "base64:" + "A" * 43 + "=",
}


@pytest.mark.parametrize(("name", "value"), SECRET.items(), ids=SECRET)
def test_what_may_be_secret_is_a_mock(name: str, value: str) -> None:
    mock = value_for(name, value)
    assert mock
    assert value not in mock
    assert "mock" in mock or b64decode(mock.removeprefix("base64:")) == b"ci-encrypts-nothing-that-is-real"


def test_keys_keep_their_form() -> None:
    fernet = value_for("SOME_KEY", urlsafe_b64encode(bytes(range(32))).decode())
    assert fernet is not None
    assert len(fernet) == 44
    assert len(urlsafe_b64decode(fernet)) == 32
    assert value_for("ENCRYPTION_KEY", "CHANGE_ME") == fernet
    hexadecimal = value_for("SIGNING", "ab" * 32)
    assert hexadecimal is not None
    assert bytes.fromhex(hexadecimal) == urlsafe_b64decode(fernet)
    assert len(value_for("SECRET_KEY", "short") or "") >= 32


LOGINS = {
    "postgresql+asyncpg://shop:hidden@db:5432/shop_test": "postgresql+asyncpg://shop:ci_mock_db_password@db:5432/shop_test",
    "postgresql://shop:h%69dden@db/shop": "postgresql://shop:ci_mock_db_password@db/shop",
    "postgresql://shop:other@db/shop?sslcert=x": "postgresql://shop:postgres@db/shop",
    "amqp://guest:said-openly@queue": "amqp://guest:said-openly@queue",
    "amqp://guest:guest@queue": "amqp://guest:guest@queue",
    "amqp://s3cr3t%21:x@queue": "amqp://postgres:postgres@queue",
    "redis://:hidden@cache/0": "redis://:ci_mock_db_password@cache/0",
    "postgresql://shop:a/b@c#@db/shop": "postgresql://shop:postgres@db/shop",
    "postgresql://shop:hidden@elsewhere/shop": "https://mock.invalid",
}


@pytest.mark.parametrize(("address", "expected"), LOGINS.items(), ids=LOGINS)
def test_an_address_of_a_service_has_credentials_that_fit(address: str, expected: str) -> None:
    values = values_for(DB_USER="shop", DB_PASSWORD="hidden", DATABASE_URL=address)
    assert values["DATABASE_URL"] == expected
    assert values["DB_PASSWORD"] == "ci_mock_db_password"


def test_every_name_is_there_and_ci_is_what_it_is() -> None:
    values = values_for(SSL_ENABLED="true", MOCK_PROVIDERS="false", OTHER="1")
    assert FIXED.items() <= values.items()
    assert values["MOCK_PROVIDERS"] == "true"
    assert values["OTHER"] == "1"
    assert {name: values[name] for name in ("NEEDED", "PLAIN")} == {
        "NEEDED": "ci_mock_needed",
        "PLAIN": "ci_mock_plain",
    }
    assert "NOT_ONE" not in values
    assert "DB_ECHO" not in values
    text = contents({}, made()).decode()
    for line in ("# DB_USER=shop", "# CACHE_IMAGE=redis:7", "# APP_PORT=8000"):
        assert f"{line}\n" in text
    assert "INSTANCE_SUFFIX" not in text


NAMES = st.sampled_from(["DB_PASSWORD", "API_KEY", "AUTH", "SECRET", "ACCESS_TOKEN", "TEXT", "DATABASE_URL"])
SECRETS = st.text(string.ascii_letters + string.digits + "!$%+=-_.", min_size=12, max_size=60)


@given(
    name=NAMES,
    secret=SECRETS,
    form=st.sampled_from(["{}", "x{}", "https://u:{}@db/x", "https://x.example/{}"]),
)
def test_no_secret_is_ever_copied(name: str, secret: str, form: str) -> None:
    text = contents({name: form.format(secret)}, made()).decode()
    assert secret not in text
