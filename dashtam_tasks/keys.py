"""Generated secrets in env files: write them where a placeholder stands, and check them.

Secrets go from the generator into the file: never into a message, a record or a command.
"""

import re
import secrets
import string
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import env_files, files
from dashtam_tasks.env_files import syntax
from dashtam_tasks.env_files.syntax import Binding
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.settings import Settings

FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
# RFC 3986, section 2.3: what a URL carries as it is.
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
# RFC 7518, section 3.2: a key for HMAC with SHA-256 has at least 256 bits.
TOKEN_CHARACTERS = 32
# NIST SP 800-63B-4, section 3.1.1.2: a password that stands alone has at least 15 characters.
PASSWORD_CHARACTERS = 15
# 32 random hexadecimal digits hold fewer different ones less than once in ten million times.
DIFFERENT_CHARACTERS = 8


@dataclass(frozen=True, kw_only=True)
class Generated:
    """The names of the secrets that were written, and of those left alone since they are in use.

    `backup` is the copy of the file as it was, where a real value was replaced.
    """

    written: tuple[str, ...]
    skipped: tuple[str, ...]
    backup: Path | None


def fernet_key() -> str:
    """Return 32 random bytes in URL-safe base64, as the Fernet specification asks."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def password() -> str:
    """Return 32 random letters and digits, which mean themselves in a URL."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32))


GENERATORS: dict[str, Callable[[], str]] = {
    "token": lambda: secrets.token_urlsafe(48),
    "fernet": fernet_key,
    "password": password,
}


def generate(
    settings: Settings,
    env_file: Path,
    *,
    force: bool = False,
    names: Sequence[str] = (),
    in_use: Collection[str] = frozenset(),
) -> Generated:
    """Write generated secrets into `env_file` where a placeholder or nothing stands, or all with `force`.

    `names` limits them; by default they are those of the settings that the file sets. Names `in_use` are left
    alone: PostgreSQL keeps the password that its volume was made with, and a new one would lock the app out.
    Raises DashtamError: USAGE for a name that is no generated key, CONFIGURATION when the file cannot be read or
    lacks a name, CANNOT_CREATE.
    """
    with files.locked(env_file.parent):
        values = env_files.read(env_file)
        wanted = due(settings, env_file, names=names, force=force)
        written = tuple(name for name in wanted if name not in in_use)
        replaces = any(not is_unset(values.get(name, "")) for name in written)
        backup = files.keep_copy(env_file) if replaces else None
        if written:
            env_files.update(env_file, {name: GENERATORS[settings.keys[name]]() for name in written})
    skipped = tuple(name for name in wanted if name in in_use)
    return Generated(written=written, skipped=skipped, backup=backup)


def due(
    settings: Settings, env_file: Path, *, names: Sequence[str] = (), force: bool = False
) -> tuple[str, ...]:
    """Return the names that `generate` would write with the same arguments, were none in use.

    Raises DashtamError as that does.
    """
    refuse_unknown(settings, names)
    values = env_files.read(env_file)
    wanted = names or [name for name in settings.keys if name in values]
    return tuple(name for name in wanted if force or is_unset(values.get(name, "")))


def refuse_unknown(settings: Settings, names: Sequence[str]) -> None:
    """Raise DashtamError (USAGE) for the first name that is not among the settings' keys."""
    for name in names:
        if name not in settings.keys:
            raise DashtamError(
                f"{name} is no generated key.",
                code=ExitCode.USAGE,
                hint=f"These are: {', '.join(settings.keys)}. Add others under dashtam.keys.",
            )


def is_unset(value: str) -> bool:
    """Return whether a generated key is still to come: a placeholder, or nothing, which no secret is."""
    return not value or env_files.is_placeholder(value)


def check(settings: Settings, env_file: Path) -> tuple[Finding, ...]:
    """Return what is wrong with the generated secrets in `env_file`; none of them appears in it.

    A value that stands in the example too is no secret, and one that this environment does not read is not missed.
    Raises DashtamError (CONFIGURATION) when a file cannot be read.
    """
    bindings = {binding.name: binding for binding in syntax.parse(env_files.load(env_file))}
    command = command_for(settings, env_file)
    public = mocks(env_file)
    return tuple(
        found
        for name, kind in settings.keys.items()
        if name not in public and (name in bindings or may_read(settings, env_file, name))
        for found in judge(name, kind, bindings.get(name), env_file=env_file, command=command)
    )


def mocks(env_file: Path) -> frozenset[str]:
    """Return the names whose values are those of the example, placeholders aside: everybody may know them.

    Raises DashtamError (CONFIGURATION) when a file cannot be read.
    """
    example = env_files.example_of(env_file)
    known = env_files.read(example).items() if example.is_file() else ()
    values = {binding.name: binding.value for binding in syntax.parse(env_files.load(env_file))}
    return frozenset(name for name, value in known if not is_unset(value) and values.get(name) == value)


def command_for(settings: Settings, env_file: Path) -> str:
    """Return the command line of the task that generates the secrets in `env_file`."""
    name = environment_of(settings, env_file)
    return f"inv keys --env {name}" if name else "inv keys"


def environment_of(settings: Settings, env_file: Path) -> str:
    """Return the name of the environment with this env file, empty when it is none's."""
    environments = settings.environments.items()
    return next((name for name, files in environments if settings.path(files.env_file) == env_file), "")


def may_read(settings: Settings, env_file: Path, name: str) -> bool:
    """Return whether the example or the Compose file of an env file's environment names a variable.

    Of an env file that is no environment's nobody can tell. Raises DashtamError (CONFIGURATION) when the example
    cannot be read.
    """
    environment = environment_of(settings, env_file)
    if not environment:
        return True
    example = env_files.example_of(env_file)
    if example.is_file() and name in env_files.read(example):
        return True
    compose_file = settings.path(settings.environments[environment].compose_file)
    text = compose_file.read_text(encoding="utf-8", errors="replace") if compose_file.is_file() else ""
    return re.search(rf"\$\{{?{re.escape(name)}\b", text) is not None


def judge(
    name: str, kind: str, binding: Binding | None, *, env_file: Path, command: str
) -> Iterator[Finding]:
    """Yield what is wrong with one secret; `command` generates it.

    That it is not set is a warning: not every app needs each key.
    """
    if binding is None:
        hint = f"If the app reads it, add a line {name}= and run `{command}`."
        message = f"{name} is not set."
        yield Finding(
            kind="missing", where=str(env_file), message=message, hint=hint, severity=Severity.WARNING
        )
        return
    where = f"{env_file}:{binding.line}"
    if binding.value is None:
        message = syntax.malformation(binding)
        yield Finding(kind="malformed", where=where, message=message, hint=syntax.MALFORMED_HINT)
    elif is_unset(binding.value):
        message = f"{name} still holds a placeholder."
        yield Finding(kind="placeholder", where=where, message=message, hint=f"Run `{command}`.")
    else:
        hint = f"Run `{command} --force --name {name}` for a new one, or put a better one there."
        for fault, problem in faults(kind, binding.value):
            yield Finding(kind=fault, where=where, message=f"{name} {problem}.", hint=hint)


def faults(kind: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the value of a secret, as a stable word and the rest of a sentence."""
    if kind == "fernet" and not FERNET_KEY.fullmatch(value):
        yield "malformed", "is not 32 bytes in URL-safe base64 (44 characters)"
        return
    if kind == "password" and not UNRESERVED.fullmatch(value):
        yield "malformed", "has characters that break the URL it stands in"
    shortest = {"token": TOKEN_CHARACTERS, "password": PASSWORD_CHARACTERS}.get(kind, 0)
    if len(value) < shortest:
        yield "weak", f"is shorter than {shortest} characters"
    elif len(set(value)) < DIFFERENT_CHARACTERS:
        yield "weak", f"has fewer than {DIFFERENT_CHARACTERS} different characters"
