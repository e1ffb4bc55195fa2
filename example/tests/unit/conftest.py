"""What unit tests share: settings of their own, and services that are not there."""

from collections.abc import AsyncIterator

import httpx
import pytest

from src.core.config import Settings
from src.main import create_app

# Port 1 of the loopback interface has no listener: a connection is refused at once.
NO_DATABASE = "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none"
NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the container's environment sets: a unit test says what it needs."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def settings(_own_environment: None) -> Settings:
    """Return settings whose services answer nothing."""
    return Settings(database_url=NO_DATABASE, redis_url=NO_REDIS, schwab_api_key="key-of-the-test")


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an app that runs in this process."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app.test") as client,
    ):
        yield client
