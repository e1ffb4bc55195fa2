"""The Schwab provider asks as RFC 6749 says, and only where it may."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from src.core.config import Settings
from src.providers.schwab import (
    MockSchwab,
    ProviderError,
    Schwab,
    Tokens,
    authorize_url,
    open_provider,
)


def test_authorize_url(settings: Settings) -> None:
    url = urlsplit(authorize_url(settings, "a state"))

    assert f"{url.scheme}://{url.netloc}{url.path}" == (
        f"{settings.schwab_base_url}/v1/oauth/authorize"
    )
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["key-of-the-test"],
        "redirect_uri": ["https://127.0.0.1:8182"],
        "state": ["a state"],
    }


async def test_exchange_sends_code_and_credentials(settings: Settings) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(
            200, json={"access_token": "a", "refresh_token": "r", "expires_in": 1800}
        )

    settings.schwab_api_secret = SecretStr("secret-of-the-test")
    tokens = await Schwab(settings, httpx.MockTransport(answer)).exchange("the code")

    assert tokens == Tokens("a", "r", 1800)
    assert parse_qs(requests[0].content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the code"],
        "redirect_uri": ["https://127.0.0.1:8182"],
    }
    expected = httpx.BasicAuth("key-of-the-test", "secret-of-the-test")
    signed = next(expected.auth_flow(httpx.Request("POST", requests[0].url)))
    assert requests[0].headers["Authorization"] == signed.headers["Authorization"]


async def test_refused_code_is_an_error(settings: Settings) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(400))

    with pytest.raises(ProviderError, match="400"):
        await Schwab(settings, transport).exchange("a code")


async def test_external_calls_can_be_forbidden(settings: Settings) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("Schwab was asked")

    settings.disable_external_calls = True
    with pytest.raises(ProviderError, match="DISABLE_EXTERNAL_CALLS"):
        await Schwab(settings, httpx.MockTransport(fail)).exchange("a code")


async def test_mock_is_chosen_by_the_setting(settings: Settings) -> None:
    assert isinstance(open_provider(settings), Schwab)

    settings.mock_providers = True
    provider = open_provider(settings)
    assert isinstance(provider, MockSchwab)
    assert (await provider.exchange("abc")) == Tokens("mock-access-abc", "mock-refresh-abc", 1800)
