"""Equivalence: what Compose resolves before and after a step, compared as models.

Both sides are resolved with the same values, once with those of the env files and once with stand-ins, so that a
variable which was replaced by its value shows. Whatever differs must be declared by a rule.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode

# The keys by which Compose itself merges these lists: compose-spec, 13-merge.md, "Unique resources".
IDENTITIES = {
    "ports": ("target", "protocol"),
    "volumes": ("target",),
    "secrets": ("target", "source"),
    "configs": ("target", "source"),
}
ANY = "*"
# What has names that other places refer to.
NAMED = ("services", "networks", "volumes", "secrets", "configs")

Place = tuple[str, ...]
Places = dict[Place, object]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A change that a rule makes on purpose: where in the model, and why, as half a sentence.

    A place covers all below it; `*` in it stands for any one name.
    """

    rule: str
    place: Place
    why: str

    def covers(self, place: Place) -> bool:
        """Return whether a place is this one or below it."""
        pairs = zip(self.place, place, strict=False)
        return len(self.place) <= len(place) and all(mine in {ANY, other} for mine, other in pairs)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A place of the model with its values before and after; None where it is not there."""

    place: Place
    before: object
    after: object

    def __str__(self) -> str:
        return f"{'.'.join(self.place)}: {json.dumps(self.before)} became {json.dumps(self.after)}"


@dataclass(frozen=True, kw_only=True)
class Resolvable:
    """Compose files as they are used together, the first one's folder being the project's.

    `root` is the project's folder, or where a copy of it stands.
    """

    root: Path
    files: tuple[Path, ...]

    def argv(self, *arguments: str) -> list[str]:
        """Return the command line of `docker compose ARGUMENTS`; no env file is read by itself."""
        files = [part for path in self.files for part in ("--file", str(path))]
        return ["docker", "compose", *files, "--env-file", "/dev/null", "--profile", "*", *arguments]

    def variables(self) -> dict[str, str]:
        """Return the variables that the files name, with their defaults, empty where there is none.

        Raises DashtamError (DATA) with Compose's own words when the files cannot be read.
        """
        output = self.run("config", "--no-interpolate", "--variables", values={})
        rows = (line.split() for line in output.splitlines()[1:] if line.strip())
        return {row[0]: row[2] if len(row) > len(("name", "required")) else "" for row in rows}

    def model(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return what Compose resolves the files to, with nothing but `values` to interpolate.

        Raises DashtamError (DATA) with Compose's own words when it cannot.
        """
        found: dict[str, Any] = json.loads(self.run("config", "--format", "json", values=values))
        return found

    def run(self, *arguments: str, values: Mapping[str, str]) -> str:
        """Return what `docker compose ARGUMENTS` prints.

        Raises DashtamError (DATA) with its own words when it fails.
        """
        done = processes.run(self.argv(*arguments), environment=values)
        if done.returncode:
            raise DashtamError(
                f"Compose cannot resolve {', '.join(map(str, self.files))}.",
                code=ExitCode.DATA,
                details=done.stderr,
            )
        return done.stdout


def undeclared(
    before: Resolvable, after: Resolvable, *, values: Mapping[str, str], declared: Sequence[Declared]
) -> tuple[Difference, ...]:
    """Return how the models differ where no declared change covers it, each place once.

    `values` are those of the env files. Raises DashtamError (DATA) when one of the two cannot be resolved.
    """
    names = before.variables() | after.variables()
    samples = names | {name: values[name] for name in names if values.get(name)}
    model = before.model(values)
    known = {name for kind in NAMED for name in model.get(kind) or ()}
    stand_ins = {
        name: stand_in(name, sample, number)
        for number, (name, sample) in enumerate(sorted(samples.items()))
        # What a volume is called may be a variable too, and then only a volume that there is will do.
        if sample not in known and not processes.is_inherited(name)
    }
    found: dict[Place, Difference] = {}
    others = {name: values[name] for name in samples if name in values}
    for chosen in (values, {**others, **stand_ins}):
        # A staged project links to what it leaves as it is, and Compose follows some links.
        places = places_of(before, chosen), places_of(after, chosen, linked=before.root)
        for one in differences(*places):
            found.setdefault(one.place, one)
    return tuple(one for one in found.values() if not any(change.covers(one.place) for change in declared))


def stand_in(name: str, sample: str, number: int) -> str:
    """Return a value for a variable that no other one has, and that may stand wherever `sample` may."""
    if sample.isdecimal():
        return str(20_000 + number)
    if sample.lower() in {"true", "false"}:
        return "false" if sample.lower() == "true" else "true"
    # A relative path means another one where the file stands elsewhere, and its default says so.
    leading = "/" if sample.startswith(("/", ".", "~")) else ""
    return f"{leading}stand-in-{name.lower().replace('_', '-')}"


def places_of(resolvable: Resolvable, values: Mapping[str, str], *, linked: Path | None = None) -> Places:
    """Return every place of the resolved model with its value; paths in the project begin with a dot.

    `linked` is where the project's own links lead, if they lead out of it.
    """
    roots = tuple(str(one) for one in (resolvable.root, linked) if one)
    return dict(flattened(resolvable.model(values), (), roots))


def flattened(node: object, place: Place, roots: Sequence[str]) -> Iterator[tuple[Place, object]]:
    """Yield the places below a node of the model; a list that Compose merges by keys is read by them."""
    if isinstance(node, dict) and node:
        for name, value in node.items():
            yield from flattened(value, (*place, name), roots)
    elif isinstance(node, list) and is_keyed(node, place):
        for name, value in keyed(node, IDENTITIES[place[-1]]):
            yield from flattened(value, (*place, name), roots)
    else:
        yield place, relocated(node, roots)


def is_keyed(node: Sequence[object], place: Place) -> bool:
    """Return whether a list has keys by which its items are told apart."""
    return bool(node) and place[-1] in IDENTITIES and all(isinstance(one, dict) for one in node)


def keyed(items: Iterable[Mapping[str, object]], identity: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Yield each item with its key; a second one of the same key gets a number."""
    seen: dict[str, int] = {}
    for item in items:
        key = "/".join(str(item[name]) for name in identity if item.get(name) is not None)
        seen[key] = seen.get(key, 0) + 1
        yield (key if seen[key] == 1 else f"{key} ({seen[key]})"), item


def relocated(value: object, roots: Sequence[str]) -> object:
    """Return a value whose paths in the project begin with a dot, wherever the project stands."""
    if isinstance(value, list):
        return [relocated(one, roots) for one in value]
    if isinstance(value, dict):
        return {name: relocated(one, roots) for name, one in value.items()}
    inside = [one for one in roots if isinstance(value, str) and f"{value}/".startswith(f"{one}/")]
    return f".{str(value).removeprefix(inside[0])}" if inside else value


def differences(before: Places, after: Places) -> Iterator[Difference]:
    """Yield the places whose values differ, in the order of the model before, new ones last."""
    for place in dict.fromkeys((*before, *after)):
        one = Difference(place=place, before=before.get(place), after=after.get(place))
        if one.before != one.after:
            yield one
