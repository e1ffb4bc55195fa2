"""Secrets do what they are for."""

import pytest
from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from src.core.config import Settings
from src.core.security import EncryptionKeyMissingError, cipher, state_digest


def test_state_digest_depends_on_state_and_key(settings: Settings) -> None:
    other = settings.model_copy(update={"secret_key": SecretStr("another key")})

    assert state_digest(settings, "a") == state_digest(settings, "a")
    assert len({state_digest(settings, s) for s in "ab"} | {state_digest(other, "a")}) == 3


def test_only_the_key_opens_what_it_closed(settings: Settings) -> None:
    settings.encryption_key = SecretStr(Fernet.generate_key().decode())
    closed = cipher(settings).encrypt(b"a token")

    assert b"a token" not in closed
    assert cipher(settings).decrypt(closed) == b"a token"
    with pytest.raises(InvalidToken):
        Fernet(Fernet.generate_key()).decrypt(closed)


def test_missing_key_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(EncryptionKeyMissingError, match="make keys"):
        cipher(settings)
