from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration.legacy import Legacy, survey
from tests.unit.migration.legacy.conftest import MakeProject

pytestmark = pytest.mark.usefixtures("no_engine")

SHOP = "services:\n  app: {image: shop}\n"


def services_of(found: Legacy) -> set[str]:
    model = found.resolutions[0].model
    assert model is not None
    return set(model.services)


def only(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = findings
    return finding


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"])
def test_each_of_composes_names_is_a_base(make_project: MakeProject, name: str) -> None:
    found = survey(make_project({name: SHOP}))
    assert (found.base, found.override, found.tests, found.refusals) == (name, "", (), ())


def test_the_first_in_composes_order_is_taken_with_its_override(make_project: MakeProject) -> None:
    files = {
        "docker-compose.yml": "services:\n  old: {image: shop}\n",
        "compose.yml": SHOP,
        "docker-compose.override.yml": "services:\n  extra: {image: shop}\n",
    }
    found = survey(make_project(files))
    assert (found.base, found.override) == ("compose.yml", "docker-compose.override.yml")
    assert services_of(found) == {"app", "extra"}
    assert [(one.kind, one.where) for one in found.findings if one.kind != "engine-not-asked"] == [
        ("shadowed", "docker-compose.yml")
    ]


def test_env_may_choose_the_files(make_project: MakeProject) -> None:
    files = {
        ".env": "# COMPOSE_FILE=no.yml\nCOMPOSE_FILE=deploy/base.yml:more.yml\n",
        "deploy/base.yml": SHOP,
        "more.yml": "services:\n  more: {image: shop}\n",
        "docker-compose.yml": "services:\n  other: {image: shop}\n",
    }
    found = survey(make_project(files))
    assert (found.base, services_of(found)) == ("deploy/base.yml", {"app", "more"})
    assert [(use.where, use.files) for use in found.uses] == [(".env:2", ("deploy/base.yml", "more.yml"))]


def test_a_base_in_a_folder_below_is_found_by_its_use(make_project: MakeProject) -> None:
    files = {
        "deploy/app.yml": SHOP,
        "deploy/docker-compose.tests.yml": SHOP,
        "Makefile": "up:\n\tdocker compose -f deploy/app.yml up\n",
    }
    found = survey(make_project(files))
    assert (found.base, [one.file for one in found.tests]) == (
        "deploy/app.yml",
        ["deploy/docker-compose.tests.yml"],
    )
    assert found.project.name == "deploy"


@pytest.mark.parametrize(
    "name",
    [
        "docker-compose.test.yml",
        "compose.test.yaml",
        "docker-compose-tests.yml",
        "docker-compose.integration-test.yaml",
        "docker/docker-compose.test.yml",
        ".docker/compose.testing.yml",
        "tests/docker-compose.yml",
    ],
)
def test_a_test_file_is_known_by_its_name_or_its_folder(make_project: MakeProject, name: str) -> None:
    found = survey(make_project({"docker-compose.yml": SHOP, name: SHOP}))
    assert [one.file for one in found.tests] == [name]


def test_other_files_are_listed_with_what_their_names_say(make_project: MakeProject) -> None:
    files = {
        "docker-compose.prod.yml": SHOP,
        "deploy/compose-ci.yaml": SHOP,
        "docker-compose.latest.yml": SHOP,
    }
    found = survey(make_project({"docker-compose.yml": SHOP, **files}))
    assert found.others == tuple(sorted(files))
    assert {one.variant for one in found.compose_files} == {"", "prod", "ci", "latest"}


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("services:\n  app:\n\timage: shop\n", "compose.yaml:3", "This is not YAML"),
        ("services:\n  app: [\n", "compose.yaml:3", "This is not YAML"),
        ("services:\n  # \x07\n", "compose.yaml:2", "a character that YAML does not allow"),
        ("a: 1\n---\nb: 2\n", "compose.yaml:2", "This is not YAML"),
        ("services:\n  app:\n    image: a\n    image: b\n", "compose.yaml:4", "The key image is there twice"),
    ],
)
def test_broken_yaml_is_refused_with_its_place(
    make_project: MakeProject, text: str, where: str, words: str
) -> None:
    refusal = only(survey(make_project({"compose.yaml": text})).refusals)
    assert (refusal.kind, refusal.where) == ("broken-yaml", where)
    assert words in refusal.message


def test_a_file_in_another_encoding_is_refused_with_its_line(make_project: MakeProject) -> None:
    folder = make_project({"compose.yaml": SHOP})
    (folder / "compose.yaml").write_bytes(b"services:\n  # caf\xe9\n  app: {image: a}\n")
    refusal = only(survey(folder).refusals)
    assert (refusal.kind, refusal.where) == ("broken-yaml", "compose.yaml:2")


def test_composes_own_tags_and_aliases_are_no_trouble(make_project: MakeProject) -> None:
    base = "x-a: &a {image: shop}\nservices:\n  app: *a\n  more: {<<: *a, <<: *a, ports: ['80']}\n"
    test = "services:\n  more: {ports: !reset []}\n"
    found = survey(make_project({"compose.yaml": base.replace(", <<: *a", "", 1), "compose.test.yaml": test}))
    assert found.refusals == ()


def test_what_is_extended_or_included_belongs_to_it(make_project: MakeProject) -> None:
    files = {
        "compose.yaml": "include: [parts/db.yml]\nservices:\n  app: {extends: {file: common.yml, service: any}}\n",
        "parts/db.yml": "services:\n  db: {image: '${DB_IMAGE:?}'}\n",
        "common.yml": "services:\n  any: {image: '${APP_IMAGE:?}', tty: '${TTY}'}\n",
    }
    found = survey(make_project(files))
    assert found.refusals == ()
    assert (found.others, services_of(found)) == (("common.yml", "parts/db.yml"), {"app", "db"})


def test_a_base_that_does_not_resolve_is_refused_in_composes_words(make_project: MakeProject) -> None:
    base = "services:\n  app: {image: shop, depends_on: [nobody]}\n"
    refusal = only(survey(make_project({"compose.yaml": base})).refusals)
    assert (refusal.kind, refusal.where) == ("does-not-resolve", "compose.yaml")
    assert 'depends on undefined service "nobody"' in refusal.message


def test_a_folder_without_compose_files_is_refused(tmp_path: Path) -> None:
    refusal = only(survey(tmp_path).refusals)
    assert refusal.kind == "no-compose-file"


def test_a_project_that_is_migrated_is_refused(make_project: MakeProject) -> None:
    found = survey(make_project({"docker-compose.yml": SHOP, "compose/docker-compose.dev.yml": SHOP}))
    refusal = only(found.refusals)
    assert (refusal.kind, refusal.where) == ("already-migrated", "compose/docker-compose.dev.yml")


def test_a_file_that_is_named_and_not_there_is_told(make_project: MakeProject) -> None:
    found = survey(make_project({"compose.yaml": SHOP, "run.sh": "docker compose -f gone.yml up\n"}))
    assert found.refusals == ()
    assert ("missing-file", "run.sh:1") in [(one.kind, one.where) for one in found.findings]


@pytest.mark.parametrize("name", ["gone", "file"])
def test_what_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DashtamError, match="is not a folder") as failure:
        survey(tmp_path / name)
    assert failure.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("compose.ci.yaml",), ["compose.ci.yaml"]),
        (("compose.e2e.yaml",), ["compose.e2e.yaml"]),
        (("compose.test.yaml", "compose.ci.yaml"), ["compose.test.yaml"]),
        (("compose.prod.yaml",), []),
    ],
)
def test_what_a_pipeline_lays_over_the_base_is_for_tests_if_nothing_else_is(
    make_project: MakeProject, files: tuple[str, ...], expected: list[str]
) -> None:
    lines = "".join(f"docker compose -f compose.yaml -f {name} up\n" for name in files)
    found = survey(make_project({"compose.yaml": SHOP, "run.sh": lines, **dict.fromkeys(files, SHOP)}))
    assert [one.file for one in found.tests] == expected
