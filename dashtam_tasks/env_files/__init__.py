"""Env files: read them as they stand, compare them with their examples, create and edit them.

Values are what the file says: nothing is interpolated, least of all from our own environment. No message
holds a value, since any of them may be a secret.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.env_files.syntax import MALFORMED_HINT, edited, malformation, parse
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.ownership import User, owner_for

# What people write where a value is still to come. An empty value is no placeholder: many variables may be empty.
PLACEHOLDER = re.compile(r"change[-_]?me(?:[-_].*)?|<[^<>]*>|your[-_].+[-_]here", re.IGNORECASE)

COMMENTED_OUT = re.compile(r"^\s*#\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=", re.MULTILINE)


def is_placeholder(value: str) -> bool:
    """Return whether `value` only stands in for one that is still to come."""
    return PLACEHOLDER.fullmatch(value) is not None


def example_of(path: Path) -> Path:
    """Return the path of the example that an env file is made from."""
    return path.with_name(f"{path.name}.example")


def read(path: Path) -> dict[str, str]:
    """Return the raw values in the env file at `path`; of a name that is set twice, the last.

    Raises DashtamError (CONFIGURATION), naming file and line, for a malformed line, and for a file that is
    missing, is a folder, cannot be read or is not UTF-8 text.
    """
    values = {}
    for binding in parse(load(path)):
        if binding.value is None:
            raise DashtamError(
                f"{path}:{binding.line}: {malformation(binding)}",
                code=ExitCode.CONFIGURATION,
                hint=MALFORMED_HINT,
            )
        values[binding.name] = binding.value
    return values


def create(path: Path, example: Path, *, values: Mapping[str, str], user: User) -> bool:
    """Make the env file at `path` from its example with `values` in it; return False if it was there.

    It is private, whatever the umask is, and `user`'s to read. Raises DashtamError: CONFIGURATION when the
    example cannot be read or lacks a name, DATA for a value that no env file can hold, CANNOT_CREATE.
    """
    if os.path.lexists(path):
        return False
    text = edited(load(example), values, where=example)
    try:
        files.write_atomically(path, text.encode(), mode=files.PRIVATE, owner=owner_for(user), exclusive=True)
    except FileExistsError:
        return False
    return True


def update(path: Path, values: Mapping[str, str]) -> None:
    """Change the values of names in place; every other byte, the mode and the owner stay.

    Of a name that is set twice, the last line changes: it is the one that counts. Raises DashtamError:
    CONFIGURATION when the file cannot be read or lacks a name, DATA for a value that no env file can hold,
    CANNOT_CREATE.
    """
    text = edited(load(path), values, where=path)
    # A link to the file stays a link.
    target = path.resolve()
    present = target.stat()
    files.write_atomically(
        target,
        text.encode(),
        mode=files.mode_of(target),
        owner=(present.st_uid, present.st_gid),
    )


def compare(path: Path, example: Path, *, generated: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return what differs between the env file at `path` and its example, and what is wrong in it.

    Placeholders of the names in `generated` are left to the check of keys.
    """
    if not path.exists():
        return (
            Finding(
                kind="missing",
                where=str(path),
                message="The env file is missing.",
                hint=f"Run `inv setup` to make it from {example}.",
            ),
        )
    try:
        text, wanted = load(path), load(example) if example.exists() else ""
    except DashtamError as error:
        return (Finding(kind="unreadable", where=str(path), message=error.reason, hint=error.hint),)
    return (
        *mode_findings(path),
        *line_findings(path, text, generated),
        *(name_findings(path, text, example, wanted) if example.exists() else ()),
    )


def mode_findings(path: Path) -> Iterator[Finding]:
    """Yield a finding when others than the owner have access to the file."""
    if not files.is_private(path):
        yield Finding(
            kind="mode",
            where=str(path),
            message=f"Its mode is {files.mode_of(path):04o}; a file with secrets has 0600.",
            hint=f"Run `chmod 600 {path}`.",
        )


def line_findings(path: Path, text: str, generated: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with single lines: malformed, a placeholder, set before."""
    first: dict[str, int] = {}
    for binding in parse(text):
        where = f"{path}:{binding.line}"
        if binding.value is None:
            message = malformation(binding)
            yield Finding(kind="malformed", where=where, message=message, hint=MALFORMED_HINT)
            continue
        if is_placeholder(binding.value) and binding.name not in generated:
            yield Finding(
                kind="placeholder",
                where=where,
                message=f"{binding.name} still holds a placeholder.",
                hint="Put its real value there if the app needs it.",
                severity=Severity.WARNING,
            )
        if first.setdefault(binding.name, binding.line) != binding.line:
            yield Finding(
                kind="duplicate",
                where=where,
                message=f"{binding.name} is set on line {first[binding.name]} too; the last line counts.",
                hint="Remove the others.",
                severity=Severity.WARNING,
            )


def name_findings(path: Path, text: str, example: Path, wanted: str) -> Iterator[Finding]:
    """Yield names that only one of the two files sets; what the example comments out is optional."""
    here = {binding.name: binding.line for binding in parse(text)}
    there = {binding.name: binding.line for binding in parse(wanted) if binding.value is not None}
    for name in sorted(there.keys() - here.keys(), key=there.__getitem__):
        yield Finding(
            kind="missing",
            where=str(path),
            message=f"{name} is not set.",
            hint=f"Copy its line from {example}:{there[name]}.",
        )
    known = {"", *there, *COMMENTED_OUT.findall(wanted)}
    for name in (name for name in here if name not in known):
        yield Finding(
            kind="extra",
            where=f"{path}:{here[name]}",
            message=f"{name} is not in {example}.",
            hint="Add it to the example, so that others learn of it, or remove it here.",
            severity=Severity.WARNING,
        )


def load(path: Path) -> str:
    """Return the text of the env file at `path`, its line ends and byte order mark included."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        problem, hint = explained(error)
        raise DashtamError(f"{path} {problem}.", code=ExitCode.CONFIGURATION, hint=hint) from error


def explained(error: OSError | UnicodeDecodeError) -> tuple[str, str]:
    """Return why an env file could not be read, and what to do about it."""
    match error:
        case FileNotFoundError():
            return "is missing", "Run `inv setup` to make it from its example."
        case IsADirectoryError():
            hint = "Docker makes one where a mounted file is missing. Remove it, then run `inv setup`."
            return "is a folder, and should be a file", hint
        case UnicodeDecodeError():
            line = error.object.count(b"\n", 0, error.start) + 1
            return f"is not UTF-8 text: look at line {line}", "Save it as UTF-8."
    return f"cannot be read: {os.strerror(error.errno or 0)}", "Look at its owner and its mode."
