"""Connecting an account at Schwab: consent, callback, stored tokens."""

import secrets
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, HTTPException, status

from src.api.dependencies import CacheDep, ProviderDep, SessionDep, SettingsDep
from src.core.security import cipher, state_digest
from src.models import Connection
from src.providers.schwab import authorize_url
from src.schemas import AuthorizationOut, ConnectionOut

router = APIRouter(prefix="/auth/schwab", tags=["auth"])


@router.get("/authorize")
async def authorize(settings: SettingsDep, cache: CacheDep) -> AuthorizationOut:
    """Start a flow: return where to send the user, and remember the state."""
    state = secrets.token_urlsafe(32)
    await cache.keep_state(state_digest(settings, state))
    return AuthorizationOut(authorize_url=authorize_url(settings, state), state=state)


@router.get("/callback", response_model=ConnectionOut)
async def finish(
    code: str,
    state: str,
    settings: SettingsDep,
    cache: CacheDep,
    provider: ProviderDep,
    session: SessionDep,
) -> Connection:
    """Finish a flow: exchange the code and store its tokens, encrypted."""
    fernet = cipher(settings)
    if not await cache.take_state(state_digest(settings, state)):
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "The state is unknown, used or expired.")
    tokens = await provider.exchange(code)
    connection = Connection(
        provider="schwab",
        access_token=fernet.encrypt(tokens.access_token.encode()),
        refresh_token=fernet.encrypt(tokens.refresh_token.encode()),
        expires_at=datetime.now(UTC) + timedelta(seconds=tokens.expires_in),
    )
    session.add(connection)
    await session.commit()
    return connection


@router.delete("/connections/{connection_id}", status_code=status.HTTP_204_NO_CONTENT)
async def disconnect(connection_id: int, session: SessionDep) -> None:
    """Remove a connection and its tokens."""
    connection = await session.get(Connection, connection_id)
    if connection is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no connection {connection_id}.")
    await session.delete(connection)
    await session.commit()
