from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from dashtam_tasks.compose import Compose
from dashtam_tasks.engine import Event
from dashtam_tasks.happenings import Ended, Happenings, following
from tests.unit.shown import PROJECT, event

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

Up = AbstractContextManager[Happenings]


@pytest.fixture
def compose(project: "Project") -> Compose:
    return Compose(file=project.compose_file, env_files=(project.env_file,))


def up(compose: Compose, **streams: Any) -> Up:
    return following(compose, PROJECT, ("up", "--build"), **streams)


def is_over(fake: "FakeDocker", *ended: str) -> bool:
    """Return whether no process is left, these having been told to end, and no others."""
    told = {command for call in fake.calls if call.pid in fake.signals for command in call.argv}
    gone = not any(psutil.pid_exists(call.pid) for call in fake.calls)
    return gone and {"up", "events"} & told == set(ended)


def test_events_and_composes_end_come_as_they_happen(compose: Compose, fake_docker: "FakeDocker") -> None:
    seen = fake_docker.channel("seen")
    fake_docker.answer(
        "events", stdout=event("start") + event("die", one_off="True", exitCode="1"), holds=True
    )
    fake_docker.answer("compose", "up", awaits=seen, stderr="no such image\n", code=17)
    with up(compose) as happenings:
        first, second = happenings.get(timeout=60), happenings.get(timeout=60)
        assert isinstance(first, Event)
        assert isinstance(second, Event)
        assert (first.action, first.service, first.actor.id) == ("start", "app", "id-app")
        # What a person runs beside it is no service.
        assert (second.action, second.service) == ("die", "")
        Path(seen).write_bytes(b"")
        assert happenings.get(timeout=60) == Ended(returncode=17, stderr="no such image\n")
    assert is_over(fake_docker, "events")


def test_what_compose_shows_itself_is_not_told_again(
    compose: Compose, fake_docker: "FakeDocker", capfd: pytest.CaptureFixture[str]
) -> None:
    fake_docker.answer("events", holds=True)
    fake_docker.answer("compose", "up", stdout="3 passed\n", stderr="built\n")
    with up(compose, stdout=None, stderr=None) as happenings:
        assert happenings.get(timeout=60) == Ended(returncode=0, stderr="")
    assert capfd.readouterr() == ("3 passed\n", "built\n")
    assert [argv[-2:] for argv in fake_docker.argvs if "up" in argv] == [("up", "--build")]


def test_events_are_those_of_the_project_from_before_compose_runs(
    compose: Compose, fake_docker: "FakeDocker"
) -> None:
    watched = fake_docker.channel("watched")
    fake_docker.answer("events", tells=watched, holds=True)
    fake_docker.answer("compose", "up", awaits=watched)
    with up(compose) as happenings:
        happenings.get(timeout=60)
    (asked,) = [argv for argv in fake_docker.argvs if argv[0] == "events"]
    assert f"label=com.docker.compose.project={PROJECT}" in asked
    assert float(asked[asked.index("--since") + 1]) > 0


def test_leaving_ends_what_still_runs(compose: Compose, fake_docker: "FakeDocker") -> None:
    begun = fake_docker.channel("begun")
    fake_docker.answer("events", stdout=event("start"), holds=True)
    fake_docker.answer("compose", "up", tells=begun, holds=True)

    def leave() -> None:
        with up(compose) as happenings:
            happenings.get(timeout=60)
            Path(begun).read_bytes()
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        leave()
    assert is_over(fake_docker, "up", "events")
