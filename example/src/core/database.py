"""The database: one engine for the process, one session for a request."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from src.core.config import Settings

CONNECT_TIMEOUT = 5  # seconds


def open_engine(settings: Settings) -> AsyncEngine:
    """Return an engine for DATABASE_URL; nothing connects before its first use."""
    return create_async_engine(
        settings.database_url,
        echo=settings.db_echo,
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_TIMEOUT},
    )


async def ping(engine: AsyncEngine) -> None:
    """Ask the database for an answer; raise whatever keeps it from giving one."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
