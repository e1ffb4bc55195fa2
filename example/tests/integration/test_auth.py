"""The OAuth flow with a mocked provider: state in Redis, encrypted tokens in PostgreSQL."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.core.config import Settings
from src.core.security import cipher
from src.models import Connection


@pytest.fixture
async def state(client: httpx.AsyncClient) -> str:
    """Return the state of a flow just started."""
    answer = (await client.get("/auth/schwab/authorize")).json()
    assert parse_qs(urlsplit(answer["authorize_url"]).query)["state"] == [answer["state"]]
    return str(answer["state"])


@pytest.fixture
async def session(app: FastAPI) -> AsyncIterator[AsyncSession]:
    """Return a session of the test's own."""
    async with AsyncSession(app.state.engine) as session:
        yield session


async def finish(client: httpx.AsyncClient, state: str, code: str) -> httpx.Response:
    """Come back from the provider."""
    return await client.get("/auth/schwab/callback", params={"code": code, "state": state})


async def test_tokens_are_stored_encrypted(
    client: httpx.AsyncClient, state: str, session: AsyncSession, settings: Settings
) -> None:
    response = await finish(client, state, "abc")

    assert response.status_code == 200
    assert "mock-access" not in response.text
    stored = await session.get_one(Connection, response.json()["id"])
    assert b"mock-access-abc" not in stored.access_token
    assert cipher(settings).decrypt(stored.access_token) == b"mock-access-abc"
    path = f"/auth/schwab/connections/{stored.id}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 404


async def test_state_counts_once(client: httpx.AsyncClient, state: str) -> None:
    first = await finish(client, state, "abc")
    second = await finish(client, state, "abc")
    await client.delete(f"/auth/schwab/connections/{first.json()['id']}")

    assert (first.status_code, second.status_code) == (200, 400)


async def test_forged_state_and_denied_code_store_nothing(
    client: httpx.AsyncClient, state: str, session: AsyncSession
) -> None:
    count = select(func.count()).select_from(Connection)
    before = await session.scalar(count)

    assert (await finish(client, "forged", "abc")).status_code == 400
    assert (await finish(client, state, "denied")).status_code == 502

    assert await session.scalar(count) == before
