"""What the endpoints take and answer."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=2)]


class AccountIn(BaseModel):
    """A new account."""

    name: str = Field(min_length=1, max_length=100)
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")


class AccountOut(AccountIn):
    """A stored account."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime


class TransactionIn(BaseModel):
    """A new transaction."""

    amount: Amount
    description: str = Field(min_length=1, max_length=200)


class TransactionOut(TransactionIn):
    """A stored transaction."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    account_id: int
    created_at: datetime


class BalanceOut(BaseModel):
    """The sum of an account's transactions, and whether Redis had it."""

    account_id: int
    balance: Decimal
    cached: bool


class AuthorizationOut(BaseModel):
    """Where to send the user for consent."""

    authorize_url: str
    state: str


class ConnectionOut(BaseModel):
    """A stored connection, without its tokens."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    provider: str
    expires_at: datetime
