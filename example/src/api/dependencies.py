"""What an endpoint may ask for; all of it belongs to the running app."""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from src.core.cache import Cache
from src.core.config import Settings
from src.providers.schwab import Provider


def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def _engine(request: Request) -> AsyncEngine:
    return cast(AsyncEngine, request.app.state.engine)


def _cache(request: Request) -> Cache:
    return cast(Cache, request.app.state.cache)


def _provider(request: Request) -> Provider:
    return cast(Provider, request.app.state.provider)


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(request.app.state.engine, expire_on_commit=False) as session:
        yield session


SettingsDep = Annotated[Settings, Depends(_settings)]
EngineDep = Annotated[AsyncEngine, Depends(_engine)]
CacheDep = Annotated[Cache, Depends(_cache)]
ProviderDep = Annotated[Provider, Depends(_provider)]
SessionDep = Annotated[AsyncSession, Depends(_session)]
