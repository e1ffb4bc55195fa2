"""What SECRET_KEY and ENCRYPTION_KEY are for."""

import hashlib
import hmac

from cryptography.fernet import Fernet

from src.core.config import Settings


class EncryptionKeyMissingError(Exception):
    """ENCRYPTION_KEY has no value, so tokens cannot be stored."""


def state_digest(settings: Settings, state: str) -> str:
    """Return what Redis keeps of an OAuth state: of no use to someone who can only read Redis."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.new(key, state.encode(), hashlib.sha256).hexdigest()


def cipher(settings: Settings) -> Fernet:
    """Return the cipher for stored tokens; raise EncryptionKeyMissingError without a key."""
    key = settings.encryption_key.get_secret_value()
    if not key:
        raise EncryptionKeyMissingError("ENCRYPTION_KEY is not set: run 'make keys' and restart")
    return Fernet(key)
