"""Accounts, their transactions and balances."""

from collections.abc import Sequence
from decimal import Decimal

from fastapi import APIRouter, HTTPException, status
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.api.dependencies import CacheDep, SessionDep
from src.models import Account, Transaction
from src.schemas import AccountIn, AccountOut, BalanceOut, TransactionIn, TransactionOut

router = APIRouter(prefix="/accounts", tags=["accounts"])


@router.post("", status_code=status.HTTP_201_CREATED, response_model=AccountOut)
async def create_account(new: AccountIn, session: SessionDep) -> Account:
    """Store an account."""
    return await _store(session, Account(**new.model_dump()))


@router.get("", response_model=list[AccountOut])
async def list_accounts(session: SessionDep) -> Sequence[Account]:
    """Return every account, oldest first."""
    return (await session.scalars(select(Account).order_by(Account.id))).all()


@router.get("/{account_id}", response_model=AccountOut)
async def read_account(account_id: int, session: SessionDep) -> Account:
    """Return one account."""
    return await _account(session, account_id)


@router.delete("/{account_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_account(account_id: int, session: SessionDep, cache: CacheDep) -> None:
    """Remove an account with its transactions."""
    await session.delete(await _account(session, account_id))
    await session.commit()
    await cache.forget_balance(account_id)


@router.post(
    "/{account_id}/transactions",
    status_code=status.HTTP_201_CREATED,
    response_model=TransactionOut,
)
async def create_transaction(
    account_id: int, new: TransactionIn, session: SessionDep, cache: CacheDep
) -> Transaction:
    """Store a transaction; the cached balance no longer holds."""
    account = await _account(session, account_id)
    stored = await _store(session, Transaction(account_id=account.id, **new.model_dump()))
    await cache.forget_balance(account_id)
    return stored


@router.get("/{account_id}/transactions", response_model=list[TransactionOut])
async def list_transactions(account_id: int, session: SessionDep) -> Sequence[Transaction]:
    """Return an account's transactions, oldest first."""
    account = await _account(session, account_id)
    query = select(Transaction).where(Transaction.account_id == account.id)
    return (await session.scalars(query.order_by(Transaction.id))).all()


@router.get("/{account_id}/balance")
async def read_balance(account_id: int, session: SessionDep, cache: CacheDep) -> BalanceOut:
    """Return the balance, from Redis where it is cached."""
    account = await _account(session, account_id)
    if (balance := await cache.balance(account.id)) is not None:
        return BalanceOut(account_id=account.id, balance=balance, cached=True)
    query = select(func.sum(Transaction.amount)).where(Transaction.account_id == account.id)
    balance = await session.scalar(query) or Decimal("0.00")
    await cache.keep_balance(account.id, balance)
    return BalanceOut(account_id=account.id, balance=balance, cached=False)


async def _store[Row: (Account, Transaction)](session: AsyncSession, row: Row) -> Row:
    session.add(row)
    await session.commit()
    await session.refresh(row)
    return row


async def _account(session: AsyncSession, account_id: int) -> Account:
    account = await session.get(Account, account_id)
    if account is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no account {account_id}.")
    return account
