"""Run the migrations on the database that DATABASE_URL names."""

import asyncio
from logging.config import fileConfig

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from src.core.config import load_settings
from src.models import Base

URL = load_settings().database_url
MIGRATION_LOCK = 0x0DA57A11


def run_offline() -> None:
    """Write the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(url=URL, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run(connection: Connection) -> None:
    """Run the migrations over a connection."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        # Two containers may start at once: the second waits, and finds the work done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


async def run_online() -> None:
    """Connect and run the migrations; exit with one line when nothing answers or lets us in."""
    engine = create_async_engine(URL, poolclass=NullPool)
    try:
        connection = await engine.connect()
    except (OSError, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise SystemExit(f"Cannot connect to {engine.url!r}: {reason}") from None
    try:
        await connection.run_sync(run)
    finally:
        await connection.close()


if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    run_offline()
else:
    asyncio.run(run_online())
