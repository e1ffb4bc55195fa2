"""What runs here, and whether what it needs answers."""

import asyncio
import logging
from collections.abc import Coroutine

from fastapi import APIRouter, Response, status

from src import __version__
from src.api.dependencies import CacheDep, EngineDep, SettingsDep
from src.core import database

ANSWER_TIMEOUT = 3  # seconds

logger = logging.getLogger("uvicorn.error")
router = APIRouter(tags=["status"])


@router.get("/")
async def root(settings: SettingsDep) -> dict[str, str]:
    """Return the app's name, version and environment."""
    return {"name": "Dashtam", "version": __version__, "environment": settings.environment}


@router.get("/health")
async def health(engine: EngineDep, cache: CacheDep, response: Response) -> dict[str, str]:
    """Ask the database and Redis; answer 503 naming those that do not answer."""
    failures = await _failures({"database": database.ping(engine), "redis": cache.ping()})
    down = [name for name, failure in failures.items() if failure]
    for name in down:
        logger.warning("%s does not answer: %s", name, failures[name])
    if down:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return {"status": f"{' and '.join(down)} down" if down else "ok"} | {
        name: "disconnected" if name in down else "connected" for name in failures
    }


async def _failures(pings: dict[str, Coroutine[None, None, None]]) -> dict[str, str | None]:
    tasks = {name: asyncio.create_task(ping) for name, ping in pings.items()}
    # Unlike asyncio.timeout, this does not wait for a driver to take leave of a dead server.
    _, pending = await asyncio.wait(tasks.values(), timeout=ANSWER_TIMEOUT)
    for task in pending:
        task.cancel()
    return {
        name: f"no answer in {ANSWER_TIMEOUT} s" if task in pending else _message(task)
        for name, task in tasks.items()
    }


def _message(task: asyncio.Task[None]) -> str | None:
    error = task.exception()
    return None if error is None else str(error) or type(error).__name__
