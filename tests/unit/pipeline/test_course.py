import queue
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from dashtam_tasks.compose import Model
from dashtam_tasks.engine import Event
from dashtam_tasks.happenings import Ended, Happenings
from dashtam_tasks.pipeline import course
from dashtam_tasks.pipeline.course import Attendant, Course
from tests.unit.runs import NAME, Engine, container, event

ENDED = Ended(returncode=1, stderr="")
# The job needs a server and what a migration did; nobody needs the mail server.
MODEL = msgspec.convert(
    {
        "name": NAME,
        "services": {
            "app": {
                "depends_on": {
                    "postgres": {"condition": "service_healthy"},
                    "migrate": {"condition": "service_completed_successfully"},
                }
            },
            "postgres": {},
            "migrate": {"depends_on": {"postgres": {"condition": "service_healthy"}}},
            "mail": {},
        },
    },
    Model,
)

Attend = Callable[..., Course]


def happened(action: str, service: str = "app", **attributes: str) -> Event:
    return msgspec.json.decode(event(action, service, **attributes), type=Event)


def died(service: str = "app", *, code: int = 137, **attributes: str) -> Event:
    return happened("die", service, exitCode=str(code), **attributes)


class Script:
    """Happenings that come in this order, an exception being what the wait for the next one ends with."""

    def __init__(self, *steps: Event | Ended | type[BaseException]) -> None:
        self.steps = iter(steps)
        self.patience: list[float | None] = []

    def get(self, *, timeout: float | None = None) -> Any:
        self.patience.append(timeout)
        step = next(self.steps)
        if isinstance(step, type):
            raise step
        return step


def attend(*steps: Event | Ended | type[BaseException], timeout: float | None = None) -> Course:
    """Return how a run goes in which this happens."""
    attendant = Attendant(model=MODEL, job="app", timeout=timeout)
    return attendant.attend(cast("Happenings", Script(*steps)))


@pytest.fixture
def running(ci: Engine) -> Engine:
    """An engine on which the job and its server run."""
    ci.has(container("app", "running"), container("postgres", "running"))
    return ci


def test_a_job_that_ends_is_left_alone(running: Engine) -> None:
    # Compose stops the others then, and they may die of that.
    steps = (happened("start", "postgres"), happened("start"), died(code=1), died("postgres"), ENDED)
    assert attend(*steps) == Course(returncode=1, begun=True)
    assert running.fake.calls == ()


def test_a_job_that_never_runs_has_not_begun(ci: Engine) -> None:
    ci.has(container("app", "created"))
    assert attend(happened("start", "postgres"), died("postgres", code=1), ENDED).begun is False


def test_each_wait_is_for_what_is_left_of_the_timeout() -> None:
    script = Script(happened("start"), ENDED)
    Attendant(model=MODEL, job="app", timeout=60).attend(cast("Happenings", script))
    first, second = (patience or 0 for patience in script.patience)
    assert 0 < second <= first <= 60


def test_without_a_timeout_there_is_no_end_to_it() -> None:
    script = Script(happened("start"), ENDED)
    Attendant(model=MODEL, job="app", timeout=None).attend(cast("Happenings", script))
    assert script.patience == [None, None]


@pytest.mark.parametrize("code", [0, 1, 137])
def test_a_needed_service_that_dies_ends_the_job(running: Engine, code: int) -> None:
    casualty = died("postgres", code=code)
    later = (died("migrate", code=1), died("app", code=2), ENDED)
    expected = Course(returncode=1, begun=True, casualty=casualty)
    assert attend(happened("start"), casualty, *later) == expected
    assert running.fake.argvs[-1] == ("kill", "--signal", "INT", "id-app")
    assert running.told == ["id-app"]


@pytest.mark.parametrize(
    ("service", "code", "spoils"),
    [("migrate", 0, False), ("migrate", 1, True), ("mail", 0, False), ("mail", 1, True)],
)
def test_what_is_meant_to_end_or_is_not_needed_may_end_well(
    running: Engine, service: str, code: int, *, spoils: bool
) -> None:
    found = attend(happened("start"), died(service, code=code), ENDED)
    assert (found.casualty is not None) is spoils
    assert running.told == (["id-app"] if spoils else [])


def test_what_a_person_runs_beside_it_is_not_needed(running: Engine) -> None:
    one_off = msgspec.json.decode(event("die", "postgres", one_off="True", exitCode="1"), type=Event)
    assert attend(happened("start"), one_off, ENDED) == Course(returncode=1, begun=True)
    assert running.told == []


def test_a_service_that_dies_before_the_job_runs_ends_it_once_it_does(ci: Engine) -> None:
    attendant = Attendant(model=MODEL, job="app", timeout=None)
    ci.has(container("app", "created"))
    attendant.note(died("postgres"))
    assert ci.told == []
    ci.has(container("app", "running"))
    attendant.note(happened("start"))
    assert ci.told == ["id-app"]
    assert attendant.course == Course(begun=True, casualty=died("postgres"))


def test_a_job_that_is_late_is_told_once_and_then_given_up(running: Engine) -> None:
    assert attend(queue.Empty, queue.Empty, timeout=60) == Course(late=60)
    assert running.told == ["id-app"]


def test_a_job_that_does_not_end_after_a_service_died_is_given_up_and_was_not_late(running: Engine) -> None:
    casualty = died("postgres")
    assert attend(happened("start"), casualty, queue.Empty, timeout=60) == Course(
        begun=True, casualty=casualty
    )
    assert running.told == ["id-app"]


def test_a_late_job_gets_time_to_end(running: Engine) -> None:
    script = Script(queue.Empty, died(code=2), ENDED)
    found = Attendant(model=MODEL, job="app", timeout=0).attend(cast("Happenings", script))
    assert found == Course(returncode=1, late=0)
    first, second, _ = script.patience
    assert first == 0
    assert second is not None
    assert 0 < second <= course.GRACE_SECONDS
    assert running.told == ["id-app"]


def test_a_run_that_is_late_before_its_job_runs_is_given_up_at_once(ci: Engine) -> None:
    assert attend(queue.Empty, timeout=60) == Course(late=60)
    assert ci.told == []


def test_ctrl_c_lets_the_job_end_in_good_order(running: Engine) -> None:
    assert attend(happened("start"), KeyboardInterrupt, died(code=2), ENDED) == Course(
        returncode=1, begun=True, interrupted=True
    )
    assert running.told == ["id-app"]


def test_a_job_that_does_not_end_after_ctrl_c_is_given_up_and_was_not_late(running: Engine) -> None:
    assert attend(KeyboardInterrupt, queue.Empty, timeout=60) == Course(interrupted=True)
    assert running.told == ["id-app"]


def test_a_second_ctrl_c_ends_it_at_once(running: Engine) -> None:
    with pytest.raises(KeyboardInterrupt):
        attend(KeyboardInterrupt, KeyboardInterrupt)
    assert running.told == ["id-app"]


def test_ctrl_c_before_the_job_runs_ends_it_at_once(ci: Engine) -> None:
    ci.has(container("app", "created"), container("postgres", "running"))
    with pytest.raises(KeyboardInterrupt):
        attend(KeyboardInterrupt)
    assert ci.told == []


def test_a_job_that_cannot_be_told_is_not_waited_for(running: Engine) -> None:
    running.answer("kill", stderr="No such container: id-app\n", code=1)
    assert attend(queue.Empty, timeout=0) == Course(late=0)
