"""What integration tests share: the app over the real database and Redis, and tidy rows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr

from src.core.config import Settings, load_settings
from src.main import create_app

MakeAccount = Callable[[], Awaitable[dict[str, Any]]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `integration`."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Return the environment's settings, with a mocked provider and a key of the tests' own."""
    key = SecretStr(Fernet.generate_key().decode())
    return load_settings().model_copy(update={"mock_providers": True, "encryption_key": key})


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """Return the running app."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the app in this process."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as client:
        yield client


@pytest.fixture
async def make_account(client: httpx.AsyncClient) -> AsyncIterator[MakeAccount]:
    """Return a maker of accounts, which are gone after the test."""
    made: list[int] = []

    async def make() -> dict[str, Any]:
        response = await client.post("/accounts", json={"name": f"test {uuid4()}"})
        assert response.status_code == 201, response.text
        account: dict[str, Any] = response.json()
        made.append(account["id"])
        return account

    yield make
    for account_id in made:
        response = await client.delete(f"/accounts/{account_id}")
        assert response.status_code in {204, 404}, response.text
