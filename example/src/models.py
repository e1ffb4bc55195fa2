"""The tables."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import DateTime, ForeignKey, Numeric, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What every table has: a key and the time of its making."""

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Account(Base):
    """An account at a financial institution."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(String(100))
    currency: Mapped[str] = mapped_column(String(3))


class Transaction(Base):
    """Money that went in (positive) or out (negative)."""

    __tablename__ = "transactions"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    description: Mapped[str] = mapped_column(String(200))


class Connection(Base):
    """A granted OAuth connection; its tokens are Fernet-encrypted."""

    __tablename__ = "connections"

    provider: Mapped[str] = mapped_column(String(20))
    access_token: Mapped[bytes]
    refresh_token: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
