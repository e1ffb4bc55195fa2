"""The plan's sequences 1.6, 1.7 and 1.8: each environment alone, then both at once, as a person runs them.

Where the plan drops development's volumes for a clean slate, containers alone are removed here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

from dashtam_tasks.migration.boxes import Box, Evidence, Outcome
from dashtam_tasks.migration.verification import apartness, asking, looking
from dashtam_tasks.migration.verification.evidence import Done, looked
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.scene import Scene
from dashtam_tasks.migration.verification.subject import DEVELOPMENT, TESTS, sentences
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    box,
    failed,
    holds,
    not_applicable,
    ticked_in_turn,
)

KEPT = "Containers were removed, and volumes kept: the plan's `down -v` would drop development's data."
NO_TESTS = "The project has no test environment."


def development_alone(scene: Scene) -> Iterator[Box]:
    """Yield the boxes of step 1.6; development is stopped afterwards."""
    stand = scene.development
    yield from ticked_in_turn(
        "1.6",
        (
            (
                f"All {len(stand.services)} dev containers start successfully",
                partial(starts_anew, scene, stand, reason=KEPT),
            ),
            (at_port("App responds", " on port ", stand), partial(looking.app_answers, stand)),
            ("Database is accessible", partial(looking.database_answers, stand)),
            ("Redis is healthy", partial(looking.cache_answers, stand)),
            ("Callback server is running", partial(looking.callback_runs, stand)),
            ("No error messages in logs", partial(looking.logs_are_clean, stand)),
            ("Containers stop cleanly", partial(stops, scene, stand)),
        ),
    )


def tests_alone(scene: Scene) -> Iterator[Box]:
    """Yield the boxes of step 1.7; tests are stopped afterwards."""
    yield from with_tests(scene, "1.7", alone)


def alone(scene: Scene, stand: Stand) -> tuple[Line, ...]:
    """Return the list of step 1.7."""
    return (
        ("All test containers start on different ports", partial(starts_apart, scene, stand)),
        ("No port conflicts with dev", partial(conflicts_with_nothing, scene)),
        ("Tests run successfully", partial(suites_pass, scene, (scene.first_suite,))),
        ("Test database is isolated", partial(database_is_own, scene, stand)),
        ("Containers clean up properly (tmpfs)", partial(stops, scene, stand)),
        ("No leftover volumes", partial(leaves_no_volumes, stand)),
    )


def side_by_side(scene: Scene) -> Iterator[Box]:
    """Yield the boxes of step 1.8; both are stopped afterwards."""
    yield from with_tests(scene, "1.8", beside)


def beside(scene: Scene, stand: Stand) -> tuple[Line, ...]:
    """Return the list of step 1.8."""
    dev = scene.development
    numbers = ", ".join(map(str, sorted(stand.host_ports())))
    return (
        ("Dev and test run simultaneously without conflicts", partial(start_together, scene)),
        (at_port("Dev app accessible", " on ", dev), partial(looking.app_answers, dev)),
        (f"Test containers on different ports ({numbers})", partial(apartness.ports_apart, stand, dev)),
        ("Networks are isolated", partial(apartness.networks_apart, stand, dev)),
        ("Tests run successfully while dev runs", partial(suites_pass_beside, scene)),
        ("No cross-contamination of data", partial(apartness.data_apart, dev, stand)),
        ("Both environments stop cleanly", partial(stops, scene, stand, dev)),
    )


def at_port(text: str, preposition: str, stand: Stand) -> str:
    """Return a line of the plan with the application's own port, if it publishes one."""
    port = looking.app_port(stand)
    return f"{text}{preposition}{port}" if port else text


def with_tests(scene: Scene, step: str, lines: Callable[[Scene, Stand], tuple[Line, ...]]) -> Iterator[Box]:
    """Yield the boxes of a step that is about tests, not applicable where the project has none."""
    if scene.tests:
        yield from ticked_in_turn(step, lines(scene, scene.tests))
        return
    for text, _ in lines(scene, scene.development):
        yield box(step, text, not_applicable(NO_TESTS))


def starts_anew(scene: Scene, stand: Stand, *, reason: str = "") -> Verdict:
    """Decide whether an environment, its containers removed first, starts and is healthy."""
    before = scene.stop(stand)
    if before.problem:
        return failed(before.problem, before.evidence)
    stand.require_free_ports()
    done = scene.start(stand)
    verdict = runs(stand, done, before.evidence)
    return replace(verdict, reason="\n".join(filter(None, (verdict.reason, reason))))


def runs(stand: Stand, started: Done, *before: Evidence) -> Verdict:
    """Decide whether an environment that was started is healthy, every service of it."""
    problems = [started.problem] if started.problem else list(stand.unready())
    return holds(problems, *before, started.evidence, stand.listing())


def starts_apart(scene: Scene, stand: Stand) -> Verdict:
    """Decide whether tests start, on other ports than development's."""
    return together((starts_anew(scene, stand), apartness.ports_apart(stand, scene.development)))


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return verdicts as one, which holds if all of them do."""
    found = tuple(verdicts)
    wrong = (one.reason for one in found if one.outcome is Outcome.FAILED)
    return holds(wrong, *(seen for one in found for seen in one.evidence))


def conflicts_with_nothing(scene: Scene) -> Verdict:
    """Decide whether the files of tests and of development claim the same host port anywhere."""
    subject = scene.subject
    found = sentences(subject.findings(TESTS, "shared-port", beside=DEVELOPMENT), subject.folder)
    return holds(found, looked(subject, "inv isolation", "shared-port"))


def suites_pass(scene: Scene, suites: Iterable[str]) -> Verdict:
    """Decide whether suites of the settings pass."""
    done = [scene.test(one) for one in suites]
    return holds((one.problem for one in done if one.problem), *(one.evidence for one in done))


def suites_pass_beside(scene: Scene) -> Verdict:
    """Decide whether tests pass while development is asked all the time, and does not notice."""
    dev = scene.development
    before, service = looking.ids(dev), dev.service_of("app")
    with asking.asking(asking.urls(dev, service) if service else ()) as requests:
        verdict = suites_pass(scene, (scene.first_suite,))
    missed = (f"Development's application did not answer: {one}." for one in requests.silences[:3])
    seen = looked(scene.subject, "curl -k (again and again)", f"{requests.answers} answers")
    beside = holds(chain(missed, looking.same_containers(dev, before)), seen)
    return together((verdict, beside))


def database_is_own(scene: Scene, stand: Stand) -> Verdict:
    """Decide whether tests' database answers, and has no volume that development's has."""
    answers = looking.database_answers(stand)
    mine = {volume.name for volume in stand.model.volumes.values()}
    common = sorted(mine & {volume.name for volume in scene.development.model.volumes.values()})
    seen = looked(scene.subject, scene.subject.shown(TESTS), f"volumes: {', '.join(sorted(mine)) or 'none'}")
    if answers.outcome is Outcome.NOT_APPLICABLE:
        return answers
    return together((answers, holds((f"Volume {one} is development's, too." for one in common), seen)))


def start_together(scene: Scene) -> Verdict:
    """Decide whether tests start while development runs, which stays as it is."""
    dev, stand = scene.stands
    first = starts_anew(scene, dev)
    if first.outcome is Outcome.FAILED:
        return first
    before = looking.ids(dev)
    second = starts_anew(scene, stand)
    replaced = holds((*looking.same_containers(dev, before), *dev.unready()), dev.listing())
    return together((first, second, replaced))


def stops(scene: Scene, *stands: Stand) -> Verdict:
    """Decide whether environments stop, and leave neither containers nor networks nor nameless volumes."""
    done = [scene.stop(one) for one in stands]
    problems, seen = looking.nothing_left(*stands)
    failures = (one.problem for one in done if one.problem)
    return holds((*failures, *problems), *(one.evidence for one in done), *seen)


def leaves_no_volumes(stand: Stand) -> Verdict:
    """Decide whether tests left no volume at all."""
    left = list(stand.left_volumes())
    seen = looked(
        stand.subject, f"docker volume ls --filter label={stand.model.name}", "\n".join(left) or "none"
    )
    return holds((f"{stand.name} left {one}." for one in left), seen)
