"""What the app keeps in Redis: cached balances and the states of OAuth flows under way."""

from decimal import Decimal

from redis.asyncio import Redis

from src.core.config import Settings

BALANCE_TTL = 30  # seconds
STATE_TTL = 600  # seconds


class Cache:
    """The app's keys in one Redis database."""

    def __init__(self, settings: Settings) -> None:
        self._redis = Redis.from_url(
            settings.redis_url, decode_responses=True, socket_connect_timeout=5, socket_timeout=5
        )

    async def ping(self) -> None:
        """Ask Redis for an answer; raise whatever keeps it from giving one."""
        await self._redis.ping()

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()

    async def balance(self, account_id: int) -> Decimal | None:
        """Return the cached balance of an account, or None when there is none."""
        value = await self._redis.get(f"balance:{account_id}")
        return None if value is None else Decimal(str(value))

    async def keep_balance(self, account_id: int, balance: Decimal) -> None:
        """Cache a balance for BALANCE_TTL seconds."""
        await self._redis.set(f"balance:{account_id}", str(balance), ex=BALANCE_TTL)

    async def forget_balance(self, account_id: int) -> None:
        """Drop the cached balance of an account."""
        await self._redis.delete(f"balance:{account_id}")

    async def keep_state(self, digest: str) -> None:
        """Remember an OAuth state for STATE_TTL seconds."""
        await self._redis.set(f"oauth-state:{digest}", "1", ex=STATE_TTL)

    async def take_state(self, digest: str) -> bool:
        """Forget an OAuth state; return whether it was known, so that each counts once."""
        return await self._redis.getdel(f"oauth-state:{digest}") is not None
