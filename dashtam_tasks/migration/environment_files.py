"""Environment files: the steps that give an environment its Compose file and its env file."""

from collections.abc import Iterator, Mapping

from dashtam_tasks.files import PRIVATE, PUBLIC
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.operations import Copy, Move, Operation, Write
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.standalone import Source
from dashtam_tasks.migration.steps import Step, outline


def compose_file(source: Source, made: Draft, *, rewrites: bool = False) -> Write:
    """Return the operation that writes an environment's Compose file."""
    return Write(path=source.compose_file, data=made.document.text.encode(), rewrites=rewrites)


def development(
    found: Legacy, source: Source, made: Draft, moved: Mapping[str, str], volumes: tuple[Operation, ...]
) -> Iterator[Step]:
    """Yield steps 1.2 and 1.3. Data come before the file, so that nothing can be started on half of them."""
    yield Step(
        outline=outline("1.2"),
        operations=(*volumes, compose_file(source, made)),
        declared=made.declared,
        remarks=made.remarks,
    )
    yield Step(outline=outline("1.3"), operations=tuple(env_file(found, source, moved)))


def tests(found: Legacy, source: Source, made: Draft, moved: Mapping[str, str]) -> Step:
    """Return step 1.4."""
    return Step(
        outline=outline("1.4"),
        operations=(compose_file(source, made), *env_file(found, source, moved)),
        declared=made.declared,
        remarks=made.remarks,
    )


def env_file(found: Legacy, source: Source, moved: Mapping[str, str]) -> Iterator[Operation]:
    """Yield what brings an environment's env file and its example to their place; without one, an empty one."""
    there = bool(source.env_file) and (found.folder / source.env_file).is_file()
    if moved.get(source.env_file) != source.new_env_file:
        yield own_env_file(source, moved, there=there)
        return
    if there:
        yield Move(source=source.env_file, target=source.new_env_file)
    example = next((one.example for one in found.env_files if one.file == source.env_file), "")
    if example and (found.folder / example).is_file():
        yield Move(source=example, target=f"{source.new_env_file}.example", mode=PUBLIC)


def own_env_file(source: Source, moved: Mapping[str, str], *, there: bool) -> Operation:
    """Return what gives tests an env file of their own, where they were resolved with development's or none."""
    if there:
        return Copy(source=moved[source.env_file], target=source.new_env_file)
    default = f"# Values for {source.compose_file}; every variable has its default there.\n".encode()
    return Write(path=source.new_env_file, data=default, mode=PRIVATE)
