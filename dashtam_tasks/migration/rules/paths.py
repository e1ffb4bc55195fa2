"""Rules about paths: the file moves to a folder of its own, and names the same files from there.

What Compose counts from the file's folder is in compose-go, paths/resolve.go; what a short mount is, in
https://docs.docker.com/reference/compose-file/services/#volumes.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.planning.equivalence import ANY
from dashtam_tasks.migration.rules.draft import COMPOSE_FOLDER, Draft, Rule
from dashtam_tasks.migration.rules.places import Named, declare_all, matches, mounts, remark_at, rewritten

PATTERNS = (
    "services.*.build services.*.build.context services.*.build.additional_contexts.* services.*.build.ssh.*"
    " services.*.env_file services.*.env_file.* services.*.env_file.*.path"
    " services.*.label_file services.*.label_file.* services.*.extends.file services.*.develop.watch.*.path"
    " secrets.*.file configs.*.file include.* include.*.path include.*.path.* include.*.project_directory"
    " include.*.env_file include.*.env_file.*"
).split()
# In their list form these are NAME=PATH.
ASSIGNED = ("additional_contexts", "ssh")

NESTED = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*"
WITH_DEFAULT = re.compile(rf"(?P<head>\$\{{\w+:?[-+])(?P<default>{NESTED})(?P<rest>\}}.*)", re.DOTALL)
VARIABLE = re.compile(r"\$\{?(?P<name>\w+)")
# Absolute, in a home folder, on Windows, or elsewhere: an image, another service, a repository.
ELSEWHERE = re.compile(r"[/~]|[A-Za-z]:[\\/]|\\\\|[\w+.-]+://|service:|[\w.-]+@[\w.-]+:|github\.com/")


def relocate(draft: Draft) -> Draft:
    """Return the draft with every path counted from the folder that its file will stand in."""
    if draft.origin == COMPOSE_FOLDER:
        return draft
    document = draft.document
    texts = {one.place: one.becoming(rebased(one.text, draft.origin)) for one in paths(document)}
    for place, text in (*variable_paths(document), *devices_elsewhere(document)):
        draft = remark_at(draft, place, text)
    draft = rewritten(draft, texts, rule="relative-path", why="it is a path, and counts from compose/")
    return replace(draft, origin=COMPOSE_FOLDER)


def point_to_env_files(draft: Draft) -> Draft:
    """Return the draft where what names an env file names the place that it goes to."""
    texts: dict[Path, str] = {}
    for one in paths(draft.document):
        text = moved_env_file(one.text, draft)
        if text != one.text:
            texts[one.place] = one.becoming(text)
            why = f"{one.text} has become {draft.env_files.get(located(one.text, draft.origin), text)}"
            draft = declare_all(draft, "env-file", shown(draft.document, one), why)
        elif one.target and (name := env_file_within(one.text, draft)):
            reason = f"mounts the folder that {name} leaves: {one.target} will not have it."
            draft = remark_at(draft, one.place, reason)
    return rewritten(draft, texts, rule="env-file", why="an env file has gone to envs/")


RELATIVE_PATH = Rule(
    name="relative-path",
    purpose="The file stands in compose/ and names every file and folder from there.",
    apply=relocate,
)
ENV_FILE = Rule(
    name="env-file",
    purpose="Env files stand in envs/, one for each environment.",
    apply=point_to_env_files,
)


def paths(document: Document) -> Iterator[Named]:
    """Yield what Compose counts from the file's folder, if it is relative."""
    for pattern in PATTERNS:
        for place, value in matches(document.data, tuple(pattern.split("."))):
            if isinstance(value, str):
                is_assigned = isinstance(place[-1], int) and place[-2] in ASSIGNED
                name, equals, path = value.partition("=") if is_assigned else ("", "", value)
                yield Named(place=place, text=path, before=name + equals)
    yield from (
        one for one in mounts(document) if one.kind == "bind" or (not one.kind and is_folder(one.text))
    )
    yield from (one for one in devices(document) if is_bound_by_compose(document, one.place))


def is_folder(source: str) -> bool:
    """Return whether the source of a short mount is a path, and not a volume's name, as far as the file tells."""
    found = WITH_DEFAULT.match(source)
    return is_folder(found["default"]) if found else source.startswith((".", "$"))


def devices(document: Document) -> Iterator[Named]:
    """Yield the folders that volumes are made of."""
    for place, options in matches(document.data, ("volumes", ANY, "driver_opts")):
        device = options.get("device") if isinstance(options, dict) else None
        if isinstance(device, str) and "bind" in str(options.get("o")).split(","):
            yield Named(place=(*place, "device"), text=device)


def is_bound_by_compose(document: Document, device: Path) -> bool:
    """Return whether Compose counts a volume's device from the file's folder; others stay as they are."""
    driver, options = document.get((*device[:2], "driver")), document.get((*device[:-1], "o"))
    return bool(driver == "local" and options == "bind")


def rebased(text: str, origin: str) -> str:
    """Return a path that counts from a folder of the project as it counts from the new file's folder."""
    if found := WITH_DEFAULT.match(text):
        return found["head"] + rebased(found["default"], origin) + found["rest"]
    if not text or ELSEWHERE.match(text) or VARIABLE.match(text):
        return text
    steps, slash, rest = [step for step in origin.split("/") if step != "."], "/", text
    while rest in {".", ".."} or rest.startswith(("./", "../")):
        step, slash, rest = rest.partition("/")
        if step == "..":
            steps = steps[:-1] if steps and steps[-1] != ".." else [*steps, ".."]
    return "/".join(["..", *steps]) + slash + rest


def moved_env_file(text: str, draft: Draft) -> str:
    """Return the path of an env file as it will be, from the folder that the draft's paths count from."""
    found = WITH_DEFAULT.fullmatch(text)
    if found and found["rest"] == "}":
        return found["head"] + moved_env_file(found["default"], draft) + "}"
    new = draft.env_files.get(located(text, draft.origin))
    if new is None:
        return text
    path = posixpath.relpath(new, draft.origin)
    return path if path.startswith("../") else f"./{path}"


def located(text: str, origin: str) -> str:
    """Return a path as it is from the project's folder."""
    return posixpath.normpath(posixpath.join(origin, text))


def env_file_within(text: str, draft: Draft) -> str:
    """Return an env file that leaves a mounted folder; nothing where there is none."""
    folder = located(text, draft.origin)
    inside = (name for name in draft.env_files if folder == "." or name.startswith(f"{folder}/"))
    return next(inside, "")


def shown(document: Document, one: Named) -> Iterator[tuple[str, ...]]:
    """Yield the places of the resolved model with a path; of an env file, Compose shows nothing but the values."""
    if one.target:
        yield from one.sources(document)
    elif one.place[0] in {"secrets", "configs"}:
        yield tuple(map(str, one.place))


def variable_paths(document: Document) -> Iterator[tuple[Path, str]]:
    """Yield what a person should know of paths that begin with a variable's value."""
    for one in paths(document):
        found = VARIABLE.match(one.text)
        if found and found["name"] == "PWD":
            yield one.place, "begins with the folder that a command is run in."
        elif found and found["name"] != "HOME":
            yield (
                one.place,
                f"begins with {found['name']}: a relative value of it counts from {COMPOSE_FOLDER}/ now.",
            )


def devices_elsewhere(document: Document) -> Iterator[tuple[Path, str]]:
    """Yield what a person should know of volumes whose folder does not count from the file's."""
    for one in devices(document):
        if not is_bound_by_compose(document, one.place) and not ELSEWHERE.match(one.text):
            yield one.place, f"is {one.text}, which does not count from the file's folder and stays."
