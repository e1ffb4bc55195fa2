"""Secrecy: which values of a project's env files are secrets, so that no evidence shows one."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dashtam_tasks import env_files, keys
from dashtam_tasks.env_files import syntax
from dashtam_tasks.errors import DashtamError

MASK = "***"
# Names under which people keep secrets, whatever the settings say.
SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|(?:^|_)(?:API_?)?KEY(?:$|_)", re.IGNORECASE)
# What is shorter, or one of these, stands in any text by chance.
SHORTEST = 4
ORDINARY = re.compile(r"\d{1,6}|true|false|none|null", re.IGNORECASE)


def secrets_of(paths: Iterable[Path], *, known: Collection[str]) -> frozenset[str]:
    """Return the secret values of env files; those that are missing or cannot be read have none.

    `known` are the names that the settings call keys. What stands in an example as well, everybody may know.
    """
    return frozenset(value for path in paths if path.is_file() for value in secrets_in(path, known))


def secrets_in(path: Path, known: Collection[str]) -> Iterator[str]:
    """Yield the secret values of an env file, and the passwords in its URLs."""
    try:
        text, public = env_files.load(path), keys.mocks(path)
    except DashtamError:
        # Whoever needs the file says what is wrong with it; here nothing of it is shown.
        return
    for binding in syntax.parse(text):
        if binding.value and binding.name not in public:
            yield from filter(is_telling, candidates(binding.name, binding.value, known))


def candidates(name: str, value: str, known: Collection[str]) -> Iterator[str]:
    """Yield what is secret in the value of a variable."""
    if name in known or SECRET_NAME.search(name):
        yield value
    if "://" in value:
        yield password_in(value)


def password_in(url: str) -> str:
    """Return the password in a URL, as it is written there; empty where there is none, or it is no URL."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def is_telling(value: str) -> bool:
    """Return whether a value can be told from an ordinary word, and is no placeholder."""
    ordinary = ORDINARY.fullmatch(value) or "$" in value
    return len(value) >= SHORTEST and not ordinary and not env_files.is_placeholder(value)


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return a text with every secret replaced, the longest first."""
    for one in sorted(secrets, key=len, reverse=True):
        text = text.replace(one, MASK)
    return text
