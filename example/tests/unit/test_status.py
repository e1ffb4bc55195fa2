"""What the app says of itself when nothing it needs is there."""

import asyncio

import httpx
import pytest

from src import __version__
from src.api import status
from src.core.cache import Cache


async def test_root_names_version_and_environment(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).json() == {
        "name": "Dashtam",
        "version": __version__,
        "environment": "development",
    }


async def test_health_names_what_is_down(client: httpx.AsyncClient) -> None:
    response = await client.get("/health")

    assert response.status_code == 503
    assert response.json() == {
        "status": "database and redis down",
        "database": "disconnected",
        "redis": "disconnected",
    }


async def test_health_names_only_what_is_down(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_cache: Cache) -> None:
        return None

    monkeypatch.setattr(Cache, "ping", answer)
    response = await client.get("/health")

    assert response.status_code == 503
    assert response.json()["status"] == "database down"
    assert response.json()["redis"] == "connected"


async def test_health_does_not_wait_for_a_hung_service(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_cache: Cache) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Cache, "ping", hang)
    monkeypatch.setattr(status, "ANSWER_TIMEOUT", 0.05)

    assert (await client.get("/health")).json()["redis"] == "disconnected"
