from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration import backup, conditions
from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.planning import plan
from dashtam_tasks.migration.planning.choices import Choices, Volumes
from dashtam_tasks.migration.planning.equivalence import Difference
from dashtam_tasks.migration.planning.plan import Plan
from tests.unit.conftest import FakeDocker
from tests.unit.migration.undertakings import EMPTY, Stages

pytestmark = pytest.mark.shapes


@dataclass(frozen=True)
class Told:
    """What volumes say of copies."""

    findings: tuple[Finding, ...]

    def __call__(self, *_: object, **__: object) -> tuple[Finding, ...]:
        return self.findings


@pytest.fixture
def made(shop: Path, engine: FakeDocker) -> Plan:
    """The plan of a project with data."""
    engine.answer("volume", "ls", stdout="shop_data\tshop\tdata\n")
    engine.answer("image", "inspect", stdout="[]")
    return plan.make(shop, Choices())


def test_every_reason_of_a_refusal_is_told(made: Plan) -> None:
    conditions.require_sound(made)
    refusal = Finding(kind="x", where="docker-compose.yml:4", message="It cannot be.", hint="Change it.")
    step = replace(made.steps[1], unproven=(Difference(place=("services", "web"), before=1, after=2),))
    for wrong in (replace(made, refusals=(refusal,)), replace(made, steps=(step,))):
        with pytest.raises(DashtamError, match=r"^This project cannot be migrated as it is\.$") as caught:
            conditions.require_sound(wrong)
        assert caught.value.code == ExitCode.DATA
        known = (
            "docker-compose.yml:4: It cannot be. Change it." if wrong.refusals else "step 1.2: services.web"
        )
        assert known in caught.value.details


def test_warnings_about_volumes_are_told_and_errors_end_it(
    made: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = Finding(
        kind="w", where="shop_data", message="Its collation differs.", severity=Severity.WARNING
    )
    errors = [
        Finding(kind="e", where=name, message="Too little space.", hint="Free some.") for name in ("a", "b")
    ]
    told: list[str] = []
    monkeypatch.setattr("dashtam_tasks.migration.volumes.problems", Told((warning,)))
    conditions.require_copyable(made, notify=told.append)
    assert told == ["shop_data: Its collation differs."]
    monkeypatch.setattr("dashtam_tasks.migration.volumes.problems", Told((warning, *errors)))
    with pytest.raises(DashtamError) as caught:
        conditions.require_copyable(made, notify=told.append)
    assert caught.value.reason == "a: Too little space.\nb: Too little space."
    assert (caught.value.code, caught.value.hint) == (ExitCode.DATA, "Free some.")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(("mode", "known"), [("copy", False), ("adopt", False), ("none", True)])
def test_without_an_engine_only_who_wants_no_data_goes_on(shop: Path, mode: str, known: bool) -> None:
    choices = Choices(volumes=Volumes(mode))
    found = plan.make(shop, choices)
    assert conditions.are_volumes_known(found, choices) == known


@pytest.mark.usefixtures("no_engine")
def test_a_project_without_volumes_needs_no_engine(shop: Path) -> None:
    text = (shop / "docker-compose.yml").read_text().partition("volumes:\n  data:")[0]
    (shop / "docker-compose.yml").write_text(text.replace('["data:/var/lib/postgresql/data"]', "[]"))
    conditions.require_known_volumes(plan.make(shop, Choices()), Choices())


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (Choices(), ""),
        (EMPTY, ""),
        (Choices(volumes=Volumes.ADOPT), "with --volumes=none"),
        (Choices(volumes=Volumes.COPY), "with --volumes=none"),
        (Choices(project="other"), "without --project"),
    ],
)
def test_only_another_choice_is_refused(stages: Stages, tmp_path: Path, choices: Choices, said: str) -> None:
    saved = saved_plan.load(stages.copied("1.2", tmp_path))
    assert saved
    if not said:
        conditions.require_same(saved, choices)
        return
    with pytest.raises(DashtamError, match=f"^The migration under way was planned {said}\\.$") as caught:
        conditions.require_same(saved, choices)
    assert caught.value.code == ExitCode.USAGE


def test_a_copy_is_told_with_the_containers_that_go(made: Plan, engine: FakeDocker) -> None:
    assert conditions.consequences(made.steps) == (
        "shop_data is copied to shop-dev_dev_data, and stays as it is",
    )
    assert conditions.consequences([one for one in made.steps if one.outline.number != "1.2"]) == ()
    engine.answer("ps", code=1, stderr="Cannot connect")
    with pytest.raises(DashtamError) as caught:
        conditions.consequences(made.steps)
    assert caught.value.code == ExitCode.UNAVAILABLE


@pytest.mark.usefixtures("made")
def test_that_nothing_is_taken_along_is_told(shop: Path) -> None:
    empty = plan.make(shop, Choices(volumes=Volumes.NONE))
    (told,) = conditions.consequences(empty.steps)
    assert told.startswith("DEVELOPMENT STARTS WITH EMPTY VOLUMES (--volumes=none)")


def test_who_came_back_to_a_copied_volume_is_named(
    shop: Path, made: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.facts is not None
    saved = saved_plan.save(shop, made.steps, made.facts, {}, "pre-migration-20000101")
    monkeypatch.setattr("dashtam_tasks.migration.volumes.holder_names", lambda _: ("shop-db",))
    monkeypatch.setattr("dashtam_tasks.migration.volumes.is_complete", lambda *_, **__: False)
    conditions.require_copies_current(shop, saved)
    monkeypatch.setattr("dashtam_tasks.migration.volumes.is_complete", lambda *_, **__: True)
    with pytest.raises(DashtamError, match=r"^shop-db uses shop_data again") as caught:
        conditions.require_copies_current(shop, saved)
    assert caught.value.code == ExitCode.BUSY
    assert caught.value.hint == "migrate.rollback, and then migrate.apply, takes all of it along."
    monkeypatch.setattr("dashtam_tasks.migration.volumes.holder_names", lambda _: ())
    monkeypatch.setattr("dashtam_tasks.migration.volumes.is_outdated", lambda *_, **__: False)
    conditions.require_copies_current(shop, saved)
    monkeypatch.setattr("dashtam_tasks.migration.volumes.is_outdated", lambda *_, **__: True)
    with pytest.raises(DashtamError, match=r"written to shop_data since it was copied") as caught:
        conditions.require_copies_current(shop, saved)
    assert caught.value.code == ExitCode.DATA


def test_dumps_are_looked_for_where_they_are_kept(shop: Path) -> None:
    copy = CopyVolume(
        source="shop_data", target="new", labels={}, service="db", image="i", path="/p", is_postgres=True
    )
    assert conditions.dumps_of(shop, [copy]) == {"shop_data": ()}
    taken = backup.take(shop, ("docker-compose.yml",), today=date(2000, 1, 1))
    for volume, database in (("shop_data", ""), ("shop_data", "shop"), ("other", "shop")):
        file = shop / "made"
        file.write_text(volume + database)
        taken = backup.add_dump(
            taken, file, volume=volume, service="db", database=database, objects=1, server_version="17.1"
        )
    for name in ("before.dump", "script.sql", "notes.md"):
        (shop / "backups" / name).touch()
    names = [path.name.split(".")[:2] for path in conditions.dumps_of(shop, [copy])["shop_data"]]
    assert names == [["shop_data", "shop"], ["before", "dump"], ["script", "sql"]]
    assert conditions.dumps_of(shop, [replace(copy, is_postgres=False)]) == {}
