"""Environment files: the steps that give each environment its Compose file and its env file."""

from collections.abc import Iterator

from dashtam_tasks import env_files
from dashtam_tasks.files import PRIVATE, PUBLIC
from dashtam_tasks.migration.operations import Copy, Move, Operation, Write
from dashtam_tasks.migration.planning import ci_env_file
from dashtam_tasks.migration.planning.choices import CI, DEVELOPMENT, TESTS
from dashtam_tasks.migration.planning.drafting import NO_SUITE, Drafted
from dashtam_tasks.migration.planning.standalone import Source
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.steps import Step, outline


def steps(drafted: Drafted) -> Iterator[Step]:
    """Yield the steps that write Compose files and bring env files to their place, in their order."""
    yield written("1.2", drafted.sources[DEVELOPMENT], drafted.drafts[DEVELOPMENT])
    yield Step(outline=outline("1.3"), operations=tuple(env_file(drafted, drafted.sources[DEVELOPMENT])))
    if drafted.over_http:
        yield from for_tests(drafted, drafted.over_http, drafted.sources[TESTS])


def for_tests(drafted: Drafted, over_http: Draft, source: Source) -> Iterator[Step]:
    """Yield the steps of tests and CI."""
    yield written("1.4", source, over_http, *env_file(drafted, source))
    tls = drafted.drafts[TESTS]
    if drafted.has_tls:
        yield written("2.1", source, tls, rewrites=True)
    else:
        yield Step(outline=outline("2.1"), remarks=tls.remarks)
    if CI not in drafted.drafts:
        yield Step(outline=outline("2.2"), remarks=(NO_SUITE,))
        return
    yield written("2.2", drafted.sources[CI], drafted.drafts[CI])
    yield mocks(drafted, source)


def written(number: str, source: Source, made: Draft, *further: Operation, rewrites: bool = False) -> Step:
    """Return the step that writes an environment's Compose file, with what else it does."""
    data = made.document.text.encode()
    file = Write(path=source.compose_file, data=data, rewrites=rewrites)
    return Step(
        outline=outline(number),
        operations=(file, *further),
        declared=made.declared,
        remarks=made.remarks,
    )


def env_file(drafted: Drafted, source: Source) -> Iterator[Operation]:
    """Yield what brings an environment's env file and its example to their place; without one, an empty one."""
    found, moved = drafted.found, drafted.moved
    there = bool(source.env_file) and (found.folder / source.env_file).is_file()
    if moved.get(source.env_file) != source.new_env_file:
        yield own_env_file(drafted, source, there=there)
        return
    if there:
        yield Move(source=source.env_file, target=source.new_env_file)
    example = next((one.example for one in found.env_files if one.file == source.env_file), "")
    if example and (found.folder / example).is_file():
        yield Move(source=example, target=f"{source.new_env_file}.example", mode=PUBLIC)


def own_env_file(drafted: Drafted, source: Source, *, there: bool) -> Operation:
    """Return what gives tests an env file of their own, where they were resolved with development's or none."""
    if there:
        return Copy(source=drafted.moved[source.env_file], target=source.new_env_file)
    default = f"# Values for {source.compose_file}; every variable has its default there.\n".encode()
    return Write(path=source.new_env_file, data=default, mode=PRIVATE)


def mocks(drafted: Drafted, tests: Source) -> Step:
    """Return step 2.3: CI's env file and its example, which are one, since nothing in them is real."""
    ci = drafted.sources[CI]
    values = tests.values(drafted.found.folder) or example_values(drafted, tests)
    data = ci_env_file.contents(values, drafted.drafts[CI])
    return Step(
        outline=outline("2.3"),
        operations=(
            Write(path=f"{ci.new_env_file}.example", data=data),
            Write(path=ci.new_env_file, data=data, mode=PRIVATE),
        ),
    )


def example_values(drafted: Drafted, tests: Source) -> dict[str, str]:
    """Return the values of the example of the tests' env file, where a fresh checkout has nothing else."""
    found = drafted.found
    example = next((one.example for one in found.env_files if one.file == tests.env_file), "")
    path = found.folder / example
    return env_files.read(path) if example and path.is_file() else {}
