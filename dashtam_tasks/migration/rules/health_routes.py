"""Health routes: where an application's own sources say that it can be asked for its health."""

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

# As most frameworks' documents call them, and as Kubernetes does.
ROUTE = re.compile(
    r"""["'](?P<route>(?:/[\w-]+){0,3}/(?:_?health(?:z|y|[-_]?check)?|livez|readyz)/?)["']""", re.IGNORECASE
)
SUFFIXES = frozenset({".py"})
# What is here asks for a route, and has none; or it is somebody else's code.
LEFT_OUT = frozenset("test tests node_modules site-packages venv __pycache__".split())
# A search that nobody waits for, whatever is mounted.
MOST_FILES, MOST_BYTES = 1000, 256 * 1024


def route_in(places: Iterable[Path]) -> str:
    """Return the health route that files name, or those in folders, the shortest of several; empty for none."""
    files = islice((file for place in places for file in sources(place)), MOST_FILES)
    found = {one["route"] for file in files for one in ROUTE.finditer(text_of(file))}
    return min(found, key=lambda route: (len(route), route), default="")


def sources(place: Path) -> Iterator[Path]:
    """Yield a source file itself, or those in a folder, in order; links out of it are not followed."""
    if place.is_file() and place.suffix in SUFFIXES:
        yield place
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("."))
        files = (Path(folder, name) for name in sorted(names))
        yield from (file for file in files if file.suffix in SUFFIXES and file.is_file())


def text_of(file: Path) -> str:
    """Return the text of a file that is no larger than people write them; a larger one is empty."""
    small = file.stat().st_size <= MOST_BYTES and os.access(file, os.R_OK)
    return file.read_text(encoding="utf-8", errors="replace") if small else ""
