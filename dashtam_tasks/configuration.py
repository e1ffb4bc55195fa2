"""Configuration that Invoke would choke on, found before Invoke reads it.

Invoke merges configuration by itself and ends in a traceback over a file that is not YAML, a value where a mapping
belongs, and a variable that it cannot cast. The rules here are those of invoke.config and invoke.env.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

# Invoke's own copy: it is imported already, and a second YAML library would cost a start 20 ms.
from invoke.util import yaml  # type: ignore[attr-defined]

from dashtam_tasks import settings
from dashtam_tasks.errors import DashtamError, ExitCode

Keys = tuple[str, ...]


def read_mergeable(project_dir: Path, known: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return what stands under our key in each configuration file, the strongest first, if Invoke can merge it.

    `known` are the settings' defaults. Raises DashtamError (CONFIGURATION), naming the file or the variable and the
    key, when it cannot.
    """
    written = {path: read(path) for path in present_files(project_dir)}
    values = {keys: value for one in (*written.values(), known) for keys, value in leaves(one)}
    wrong = (problem for path, one in written.items() for problem in misplaced(one, known, path))
    for problem in (*wrong, *unusable(os.environ, values)):
        raise DashtamError(
            problem, code=ExitCode.CONFIGURATION, hint="docs/settings.md lists the settings and their types."
        )
    return tuple(written.values())


def names(mappings: Iterable[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    """Return the names that the mapping `key` has in any of `mappings`, in their order, each once."""
    return tuple(dict.fromkeys(str(name) for one in mappings for name in one.get(key, {})))


def present_files(project_dir: Path) -> tuple[Path, ...]:
    """Return the configuration files that there are, the strongest first."""
    paths = (project_dir / Path(name).expanduser() for name in settings.CONFIGURATION_FILES)
    return tuple(path for path in paths if path.is_file())


def read(path: Path) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return what stands under our key in a configuration file.

    Raises DashtamError (CONFIGURATION) when the file is not YAML or no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DashtamError(f"{path} is not YAML.", code=ExitCode.CONFIGURATION, details=str(error)) from error
    if not isinstance(content, dict):
        raise DashtamError(f"{path} is not a mapping.", code=ExitCode.CONFIGURATION)
    return content.get(settings.KEY, {})


def misplaced(written: object, known: object, path: Path, keys: Keys = (settings.KEY,)) -> Iterator[str]:
    """Yield where a file has a mapping in place of a value, or a value in place of a mapping."""
    if isinstance(written, dict) != isinstance(known, dict):
        expected = "a mapping" if isinstance(known, dict) else "a value"
        yield f"{path}: {'.'.join(keys)}: expected {expected}, got {kind(written)}."
    elif isinstance(written, dict) and isinstance(known, dict):
        for name in written.keys() & known.keys():
            yield from misplaced(written[name], known[name], path, (*keys, str(name)))


def unusable(environment: Mapping[str, str], known: Mapping[Keys, object]) -> Iterator[str]:
    """Yield which of our variables set nothing, or cannot be what their setting is."""
    names = {"_".join(("INVOKE", settings.KEY, *keys)).upper(): keys for keys in known}
    for name in sorted(environment):
        if not name.startswith(f"INVOKE_{settings.KEY.upper()}_"):
            continue
        if name not in names:
            yield f"{name}: there is no such setting."
        elif not castable(environment[name], known[names[name]]):
            dotted = ".".join((settings.KEY, *names[name]))
            yield f"{name}: {dotted}: expected {kind(known[names[name]])}, got {environment[name]!r}."


def castable(text: str, value: object) -> bool:
    """Return whether a variable's text can replace a setting's value."""
    if isinstance(value, list | tuple):
        return False
    if isinstance(value, bool):
        # Invoke takes any other text for true, "false" included.
        return text in {"0", "1"}
    if isinstance(value, int | float):
        try:
            type(value)(text)
        except ValueError:
            return False
    return True


def kind(value: object) -> str:
    """Return what a value is, in a phrase for a person."""
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return "a list, which only a file can give"
    names = {dict: "a mapping", float: "a number", int: "a whole number", bool: "1 (true) or 0 (false)"}
    return names.get(type(value), repr(value))


def leaves(node: object, keys: Keys = ()) -> Iterator[tuple[Keys, object]]:
    """Yield each value below a mapping with the keys that lead to it."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, (*keys, str(name)))
    else:
        yield keys, node
