"""Accounts and transactions are rows in PostgreSQL; balances are cached in Redis."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.models import Account, Transaction

MakeAccount = Callable[[], Awaitable[dict[str, Any]]]


async def test_health_asks_both(client: httpx.AsyncClient) -> None:
    response = await client.get("/health")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "connected", "redis": "connected"}


async def test_account_is_stored_and_read(
    client: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    account = await make_account()

    assert (await client.get(f"/accounts/{account['id']}")).json() == account
    assert account in (await client.get("/accounts")).json()


async def test_umlauts_survive(client: httpx.AsyncClient, make_account: MakeAccount) -> None:
    account = await make_account()
    path = f"/accounts/{account['id']}/transactions"
    await client.post(path, json={"amount": "-3.20", "description": "Café Łódź 東京 🙂"})

    stored = (await client.get(path)).json()
    assert [(row["amount"], row["description"]) for row in stored] == [
        ("-3.20", "Café Łódź 東京 🙂")
    ]


async def test_balance_is_cached_until_a_transaction(
    client: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    account = await make_account()
    path = f"/accounts/{account['id']}"

    async def balance() -> tuple[Decimal, bool]:
        answer = (await client.get(f"{path}/balance")).json()
        return Decimal(answer["balance"]), answer["cached"]

    assert [await balance(), await balance()] == [(Decimal(0), False), (Decimal(0), True)]
    for amount in ("100.10", "-0.20"):
        await client.post(f"{path}/transactions", json={"amount": amount, "description": "x"})
    assert [await balance(), await balance()] == [
        (Decimal("99.90"), False),
        (Decimal("99.90"), True),
    ]


async def test_deleted_account_takes_its_transactions_along(
    app: FastAPI, client: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    account = await make_account()
    path = f"/accounts/{account['id']}"
    await client.post(f"{path}/transactions", json={"amount": "1", "description": "x"})

    assert (await client.delete(path)).status_code == 204

    assert (await client.get(path)).status_code == 404
    async with AsyncSession(app.state.engine) as session:
        for column in (Account.id, Transaction.account_id):
            query = select(func.count()).where(column == account["id"])
            assert await session.scalar(query) == 0


@pytest.mark.parametrize("amount", ["1.001", "much", None])
async def test_bad_amount_is_refused_and_not_stored(
    client: httpx.AsyncClient, make_account: MakeAccount, amount: str | None
) -> None:
    path = f"/accounts/{(await make_account())['id']}/transactions"
    response = await client.post(path, json={"amount": amount, "description": "x"})

    assert response.status_code == 422
    assert (await client.get(path)).json() == []
