"""Secrecy: which values of a project's env files are secrets, so that no evidence shows one."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dashtam_tasks import env_files, keys
from dashtam_tasks.env_files import syntax
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.backup.contents import reading

MASK = "***"
# Names under which people keep secrets, whatever the settings say.
SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|(?:^|_)(?:API_?)?KEY(?:$|_)", re.IGNORECASE)
# What is shorter, or one of these, stands in any text by chance.
SHORTEST = 4
ORDINARY = re.compile(r"\d{1,6}|true|false|none|null", re.IGNORECASE)


def secrets_of(paths: Iterable[Path], *, known: Collection[str]) -> frozenset[str]:
    """Return the secret values of env files that are there.

    `known` are the names that the settings call keys. What stands in an example as well, everybody may know. Raises
    DashtamError (IO) when a file cannot be read.
    """
    return frozenset(value for path in paths if path.is_file() for value in secrets_in(path, known))


def secrets_in(path: Path, known: Collection[str]) -> Iterator[str]:
    """Yield the secret values of an env file, and the passwords in its URLs."""
    with reading(path):
        # As the output of commands is decoded, in which they are looked for.
        text = path.read_bytes().decode(errors="replace")
    public = known_to_all(path)
    for binding in syntax.parse(text):
        if binding.value and binding.name not in public:
            yield from filter(is_telling, candidates(binding.name, binding.value, known))


def known_to_all(path: Path) -> frozenset[str]:
    """Return the names in an env file whose values its example has, none where either cannot be read."""
    try:
        return keys.mocks(path)
    except DashtamError:
        return frozenset()


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
