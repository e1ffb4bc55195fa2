"""The report: private, readable, and known to be stale once it is about other files; and the final checklist."""

import json
from collections.abc import Iterable

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.files import mode_of
from dashtam_tasks.migration.steps import OUTLINES
from dashtam_tasks.migration.verification import Box, Evidence, Outcome, checklist, of_step, report
from dashtam_tasks.migration.verification.final import TESTS_RAN
from dashtam_tasks.migration.verification.steps import LISTS
from tests.unit.migration.verification.projects import FACTS, Migrated

SEEN = Evidence(
    command="inv dev.up <now>", started="2026-11-23T07:00:00+00:00", seconds=1.5, output="a\n```\nb"
)


def made(step: str, text: str, outcome: Outcome = Outcome.PASSED, reason: str = "") -> Box:
    """Return a box."""
    return Box(step=step, text=text, outcome=outcome, reason=reason, evidence=(SEEN,))


def everything(*, failing: Iterable[tuple[str, str]] = ()) -> list[Box]:
    """Return boxes as a whole verification has them: one for each step, and those of the tests."""
    keys = {(one.number, f"line of {one.number}") for one in OUTLINES if one.number != "3.4"} | TESTS_RAN
    return [made(*key, Outcome.FAILED if key in set(failing) else Outcome.PASSED) for key in sorted(keys)]


def test_a_report_is_private_and_read_back(migrated: Migrated) -> None:
    boxes = (made("1.6", "one"), made("1.2", "two", Outcome.FAILED, "broken"))
    paths = report.write(migrated.path, boxes)
    assert [str(path.relative_to(migrated.path)) for path in paths] == [
        "reports/migration/verification.json",
        "reports/migration/verification.md",
    ]
    assert [mode_of(path) for path in paths] == [0o600, 0o600]
    found = report.read(migrated.path)
    assert found is not None
    assert found.boxes == (boxes[1], boxes[0])
    assert json.loads(paths[0].read_text())["boxes"][0]["outcome"] == "failed"


def test_of_two_boxes_for_a_line_the_last_counts(migrated: Migrated) -> None:
    report.write(migrated.path, (made("1.2", "one", Outcome.FAILED), made("1.2", "one")))
    found = report.read(migrated.path)
    assert found is not None
    assert [one.outcome for one in found.boxes] == [Outcome.PASSED]


def test_the_page_shows_lists_and_folds_evidence(migrated: Migrated) -> None:
    boxes = (
        made("1.6", "one"),
        made("1.6", "two", Outcome.FAILED, "it died\nof cold"),
        made("1.6", "three", Outcome.NOT_APPLICABLE, "no Redis"),
    )
    _, page = report.write(migrated.path, boxes)
    lines = page.read_text().splitlines()
    assert "## 1.6 Development, verified alone" in lines
    assert "- [x] one" in lines
    assert "- [ ] **failed:** two" in lines
    assert "  it died  " in lines
    assert "  not applicable: no Redis  " in lines
    assert "  <summary>inv dev.up &lt;now&gt; (1.5 s)</summary>" in lines
    assert "  ````text" in lines


def test_a_report_is_stale_once_a_compose_file_or_an_env_file_is_another(migrated: Migrated) -> None:
    assert report.read(migrated.path) is None
    report.write(migrated.path, ())
    found = report.read(migrated.path)
    assert found is not None
    assert report.is_current(migrated.path, found)
    migrated.replace("envs/.env.ci", "DEBUG=false", "DEBUG=true")
    assert report.is_current(migrated.path, found)
    migrated.replace("compose/docker-compose.ci.yml", "interval: 5s", "interval: 6s")
    assert not report.is_current(migrated.path, found)


def test_a_report_that_cannot_be_read_is_an_error_that_names_it(migrated: Migrated) -> None:
    path, _ = report.write(migrated.path, ())
    path.write_text("{")
    with pytest.raises(DashtamError, match=r"verification\.json is no report") as caught:
        report.read(migrated.path)
    assert caught.value.code == ExitCode.DATA


def test_the_checklist_holds_after_a_whole_verification(migrated: Migrated) -> None:
    report.write(migrated.path, everything())
    found = checklist(migrated.path, FACTS, tuple(LISTS), (), signed_off_by="Ada")
    assert [one for one in found if one.outcome is not Outcome.PASSED] == []
    assert {one.step for one in found} == {"3.4"}
    assert found[9].text == "Team sign-off obtained"
    assert found[9].reason == "Confirmed by Ada."


def test_nobody_signed_off_is_said_and_no_failure(migrated: Migrated) -> None:
    report.write(migrated.path, everything())
    found = {one.text: one.outcome for one in checklist(migrated.path, FACTS, tuple(LISTS), ())}
    assert found["Team sign-off obtained"] is Outcome.NOT_APPLICABLE
    assert Outcome.FAILED not in found.values()


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        (
            ("1.6", "line of 1.6"),
            {"All Phase 1 steps completed and verified", "Dev environment works perfectly"},
        ),
        (
            ("1.7", "line of 1.7"),
            {"All Phase 1 steps completed and verified", "Test environment works perfectly"},
        ),
        (("2.3", "line of 2.3"), {"All Phase 2 steps completed and verified", "CI/CD ready"}),
        (
            ("2.1", "line of 2.1"),
            {"All Phase 2 steps completed and verified", "SSL testing capability added"},
        ),
        (("1.5", "line of 1.5"), {"All Phase 1 steps completed and verified", "Better developer experience"}),
        (("3.3", "line of 3.3"), {"All Phase 3 steps completed and verified", "Documentation complete"}),
        (
            ("3.1", "Tests pass"),
            {
                "All Phase 3 steps completed and verified",
                "Complete environment isolation",
                "No regressions",
                "All tests pass",
            },
        ),
        (
            ("1.8", "line of 1.8"),
            {
                "All Phase 1 steps completed and verified",
                "Parallel execution confirmed",
                "Dev and test run simultaneously without conflicts",
                "Complete environment isolation",
            },
        ),
        (
            ("2.2", "line of 2.2"),
            {"All Phase 2 steps completed and verified", "CI/CD ready", "CI/CD integration ready"},
        ),
    ],
)
def test_a_failed_box_fails_the_lines_that_rest_on_it(
    migrated: Migrated, key: tuple[str, str], lines: set[str]
) -> None:
    report.write(migrated.path, everything(failing=[key]))
    found = checklist(migrated.path, FACTS, tuple(LISTS), ())
    assert {one.text for one in found if one.outcome is Outcome.FAILED} == lines
    assert all(" ".join(key) in one.reason for one in found if one.outcome is Outcome.FAILED)


def test_a_stale_report_fails_what_had_to_be_run_alone(migrated: Migrated) -> None:
    report.write(migrated.path, everything())
    migrated.replace("compose/docker-compose.ci.yml", "interval: 5s", "interval: 6s")
    found = {one.text: one for one in checklist(migrated.path, FACTS, tuple(LISTS), ())}
    assert "is about other Compose or env files" in found["Dev environment works perfectly"].reason
    assert found["Better developer experience"].outcome is Outcome.PASSED


def test_nothing_verified_and_a_step_not_taken_are_said(migrated: Migrated) -> None:
    static = [box for number in LISTS for box in of_step(number, migrated.path, FACTS)]
    found = {one.text: one for one in checklist(migrated.path, FACTS, ("1.1",), static)}
    assert "1.6 was not verified." in found["Dev environment works perfectly"].reason
    assert "Step 1.2 was not taken. Run `dashtam-tasks migrate.apply`." in (
        found["All Phase 1 steps completed and verified"].reason
    )
    assert found["Better developer experience"].outcome is Outcome.PASSED
    complete = found["Documentation complete"]
    assert complete.outcome is Outcome.FAILED
    assert (
        complete.reason == "3.3 Tested rollback works was not verified. Run `dashtam-tasks migrate.verify`."
    )


def test_before_cleanup_it_is_cleanup_that_is_missing(migrated: Migrated) -> None:
    report.write(migrated.path, [one for one in everything() if one.step != "3.2"])
    taken = tuple(number for number in LISTS if number != "3.2")
    (found,) = (one for one in checklist(migrated.path, FACTS, taken, ()) if one.outcome is Outcome.FAILED)
    assert found.text == "All Phase 3 steps completed and verified"
    assert found.reason == "Step 3.2 was not taken. Run `dashtam-tasks migrate.cleanup`."


def test_files_as_they_are_now_count_more_than_the_report(migrated: Migrated) -> None:
    report.write(migrated.path, [*everything(), made("2.6", "Examples work", Outcome.FAILED)])
    before = {one.text: one.outcome for one in checklist(migrated.path, FACTS, tuple(LISTS), ())}
    now = of_step("2.6", migrated.path, FACTS)
    after = {one.text: one.outcome for one in checklist(migrated.path, FACTS, tuple(LISTS), now)}
    assert before["Documentation complete"] is Outcome.FAILED
    assert after["Documentation complete"] is Outcome.PASSED


def test_a_service_that_only_waits_fails_its_criterion(migrated: Migrated) -> None:
    report.write(migrated.path, everything())
    migrated.replace("compose/docker-compose.dev.yml", "[serve]", "[sleep, infinity]")
    found = {one.text: one for one in checklist(migrated.path, FACTS, tuple(LISTS), ())}
    assert found["No more `sleep infinity` workarounds"].outcome is Outcome.FAILED
