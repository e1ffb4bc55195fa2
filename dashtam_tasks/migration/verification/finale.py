"""The plan's sequence 3.1, and what is seen on its way: health checks, tests over HTTPS, and CI."""

from collections.abc import Iterator
from functools import partial
from itertools import chain

from dashtam_tasks.compose import Compose
from dashtam_tasks.migration.boxes import Box
from dashtam_tasks.migration.verification import apartness, health, looking, plays, reloading, tls
from dashtam_tasks.migration.verification.compose_files import job_of
from dashtam_tasks.migration.verification.evidence import ran, typed
from dashtam_tasks.migration.verification.scene import SUITE_SECONDS, Scene
from dashtam_tasks.migration.verification.subject import CI
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    decided,
    failed,
    holds,
    not_applicable,
    passed,
    ticked,
    ticked_in_turn,
)
from dashtam_tasks.pipeline import slots

ISOLATION_SECONDS = 120
# An exit code that nothing gives by accident, and no test runner gives at all.
TOLD_CODE = 43
NO_CI = "The project has no environment for CI."


def end_to_end(scene: Scene) -> Iterator[Box]:
    """Yield the boxes of steps 3.1, 2.4 and 2.1 that have to be run; all is stopped afterwards."""
    yield from ticked_in_turn("3.1", working(scene))
    yield from ticked(health.STEP, health.lines(scene.subject, scene.stands))
    yield from ticked("2.1", (("OAuth tests work with HTTPS", partial(works_over_https, scene)),))
    yield from ticked("3.1", ending(scene))


def working(scene: Scene) -> tuple[Line, ...]:
    """Return the list of step 3.1."""
    return (
        ("Dev environment works end-to-end", partial(development_works, scene)),
        ("Test environment works end-to-end", partial(tests_work, scene)),
        ("Both run in parallel", partial(both_run, scene)),
        ("No conflicts or errors", partial(meet_nowhere, scene)),
        ("Ports listen on the loopback address only", partial(apartness.on_loopback, *scene.stands)),
        ("Hot reload works in dev", partial(reloading.verdict, scene.development)),
        ("Tests pass", partial(tests_pass, scene)),
    )


def ending(scene: Scene) -> tuple[Line, ...]:
    """Return what holds at the very end, beyond the plan's list."""
    return (
        ("Development's data are all there", partial(keeps_rows, scene)),
        ("Both environments stop and leave nothing behind", partial(plays.stops, scene, *scene.stands)),
    )


def keeps_rows(scene: Scene) -> Verdict:
    """Decide whether development's database has every row that it had at first."""
    return looking.rows_kept(scene.development, scene.rows)


def development_works(scene: Scene) -> Verdict:
    """Decide whether development starts, and its application, database and cache answer."""
    dev = scene.development
    started = plays.starts_anew(scene, dev)
    checks = (looking.app_answers, looking.database_answers, looking.cache_answers, looking.callback_runs)
    return plays.together((started, *(decided(partial(check, dev)) for check in checks)))


def tests_work(scene: Scene) -> Verdict:
    """Decide whether tests start beside development, and their database and cache answer."""
    if not scene.tests:
        return not_applicable(plays.NO_TESTS)
    started = plays.starts_anew(scene, scene.tests)
    checks = (looking.app_answers, looking.database_answers, looking.cache_answers)
    return plays.together((started, *(decided(partial(check, scene.tests)) for check in checks)))


def both_run(scene: Scene) -> Verdict:
    """Decide whether all services of both environments run at once, healthy."""
    if not scene.tests:
        return not_applicable(plays.NO_TESTS)
    seen = [one.listing() for one in scene.stands]
    return holds(chain.from_iterable(one.unready() for one in scene.stands), *seen)


def meet_nowhere(scene: Scene) -> Verdict:
    """Decide whether isolation finds nothing in what runs, and no service wrote of an error."""
    scene.notify("looking for what environments share")
    done = typed(scene.subject, "isolation", timeout=ISOLATION_SECONDS)
    return plays.together((holds([done.problem] if done.problem else [], done.evidence), logs(scene)))


def logs(scene: Scene) -> Verdict:
    """Decide whether the logs of development are clean; tests may provoke errors on purpose."""
    return looking.logs_are_clean(scene.development)


def tests_pass(scene: Scene) -> Verdict:
    """Decide whether the suites pass while development runs."""
    return plays.suites_pass(scene, scene.suites) if scene.tests else not_applicable(plays.NO_TESTS)


def works_over_https(scene: Scene) -> Verdict:
    """Decide whether the suite over HTTPS passes, where there is one."""
    if not scene.tests:
        return not_applicable(plays.NO_TESTS)
    stated = tls.has_suite(scene.subject)
    return plays.suites_pass(scene, (tls.SUITE,)) if tls.missing_for(scene.subject) == () else stated


def pipeline(scene: Scene) -> Iterator[Box]:
    """Yield the boxes of step 2.2 that have to be run."""
    yield from ticked_in_turn(
        "2.2",
        (
            ("Tests run automatically", partial(runs, scene)),
            ("Exit code reflects test results", partial(reflects_its_job, scene)),
        ),
    )


def runs(scene: Scene) -> Verdict:
    """Decide whether a run of CI passes."""
    if not scene.subject.has(CI):
        return not_applicable(NO_CI)
    scene.notify("running CI")
    done = typed(scene.subject, "ci.run", timeout=SUITE_SECONDS)
    return holds([done.problem] if done.problem else [], done.evidence)


def reflects_its_job(scene: Scene) -> Verdict:
    """Decide whether a run of CI ends with its job's exit code: of one that was told its code, by Compose alone.

    What the job waits for is left out, since the run is only about its end.
    """
    subject = scene.subject
    if not subject.has(CI):
        return not_applicable(NO_CI)
    job = job_of(subject)
    if job is None:
        return failed("dashtam.environments.ci.job names no service of CI's Compose file.")
    with slots.taken(subject.settings, instance=None, task="migrate.verify", waiting=scene.notify) as taken:
        compose = taken.compose
        overlaid = Compose(
            file=compose.file, env_files=compose.env_files, variables=compose.variables, overlay=True
        )
        arguments = ("up", "--no-deps", "--no-build", "--exit-code-from", job[0], job[0])
        done = ran(subject, overlaid.argv(*arguments), environment=overlaid.variables, stdin=told(job[0]))
    if done.code == TOLD_CODE:
        return passed(done.evidence)
    return failed(f"A job that ended with {TOLD_CODE} gave the run exit code {done.code}.", done.evidence)


def told(job: str) -> str:
    """Return a Compose file that makes a job end at once, with an exit code that we know."""
    return f"""\
services:
  {job}:
    entrypoint: ["sh", "-c", "exit {TOLD_CODE}"]
    command: []
    healthcheck: {{ disable: true }}
"""
