"""The app: `uvicorn src.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from src import __version__
from src.api import accounts, auth, status
from src.core.cache import Cache
from src.core.config import Settings, load_settings
from src.core.database import open_engine
from src.core.security import EncryptionKeyMissingError
from src.providers.schwab import ProviderError, open_provider


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = app.state.settings
    app.state.engine = open_engine(settings)
    app.state.cache = Cache(settings)
    app.state.provider = open_provider(settings)
    yield
    await app.state.cache.close()
    await app.state.engine.dispose()


def create_app(settings: Settings) -> FastAPI:
    """Return the app for `settings`; it connects to nothing before its first request."""
    app = FastAPI(title="Dashtam", version=__version__, debug=settings.debug, lifespan=_lifespan)
    app.state.settings = settings
    for module in (status, accounts, auth):
        app.include_router(module.router)

    @app.exception_handler(EncryptionKeyMissingError)
    async def no_key(_request: Request, error: EncryptionKeyMissingError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    @app.exception_handler(ProviderError)
    async def no_tokens(_request: Request, error: ProviderError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=502)

    return app


app = create_app(load_settings())
