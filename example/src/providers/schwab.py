"""Schwab's OAuth 2.0 authorization code flow, and a stand-in for it.

The stand-in answers when MOCK_PROVIDERS is true.
"""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import httpx

from src.core.config import Settings


class ProviderError(Exception):
    """The provider gave no usable answer."""


@dataclass(frozen=True)
class Tokens:
    """What a code is exchanged for; `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


class Provider(Protocol):
    """Exchanges an authorization code for tokens."""

    async def exchange(self, code: str) -> Tokens:
        """Return the tokens for `code`; raise ProviderError where there are none."""


def authorize_url(settings: Settings, state: str) -> str:
    """Return the URL at which the user gives consent (RFC 6749, section 4.1.1)."""
    query = {
        "response_type": "code",
        "client_id": settings.schwab_api_key,
        "redirect_uri": settings.schwab_redirect_uri,
        "state": state,
    }
    return f"{settings.schwab_base_url}/v1/oauth/authorize?{urlencode(query)}"


class Schwab:
    """Schwab itself, over HTTPS."""

    def __init__(
        self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._transport = transport

    async def exchange(self, code: str) -> Tokens:
        """Return the tokens for `code` (RFC 6749, section 4.1.3); raise ProviderError."""
        if self._settings.disable_external_calls:
            raise ProviderError("DISABLE_EXTERNAL_CALLS is true: Schwab was not asked")
        try:
            response = await self._post(code)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise ProviderError(f"Schwab did not exchange the code: {error}") from error
        body = response.json()
        return Tokens(body["access_token"], body["refresh_token"], body["expires_in"])

    async def _post(self, code: str) -> httpx.Response:
        settings = self._settings
        async with httpx.AsyncClient(transport=self._transport) as client:
            return await client.post(
                f"{settings.schwab_base_url}/v1/oauth/token",
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": settings.schwab_redirect_uri,
                },
                auth=(settings.schwab_api_key, settings.schwab_api_secret.get_secret_value()),
            )


class MockSchwab:
    """Answers like Schwab without a network; the code `denied` is refused."""

    async def exchange(self, code: str) -> Tokens:
        """Return made-up tokens for any code but `denied`."""
        if code == "denied":
            raise ProviderError("Schwab did not exchange the code: it was denied")
        return Tokens(f"mock-access-{code}", f"mock-refresh-{code}", 1800)


def open_provider(settings: Settings) -> Provider:
    """Return Schwab, or its stand-in when MOCK_PROVIDERS is true."""
    return MockSchwab() if settings.mock_providers else Schwab(settings)
