"""Sections: a page gets one, at its end, in its own line ends, and a second run changes nothing."""

from pathlib import Path

import pytest

from dashtam_tasks.migration.documents import sections
from dashtam_tasks.migration.operations import Write
from tests.unit.migration.blueprints import blueprint_of, copied
from tests.unit.migration.documents.conftest import Documented

PAGES = {
    "a plain page": b"# A\n",
    "CRLF": b"# A\r\n\r\nText.\r\n",
    "no newline at the end": b"# A",
    "nothing": b"",
    "no UTF-8": b"# Gr\xfc\xdfe\n",
}
BEGIN, END = sections.BEGIN.encode(), sections.END.encode()


@pytest.mark.parametrize("case", PAGES)
def test_a_section_is_added_once_and_every_byte_stays(case: str) -> None:
    before = PAGES[case]
    after = sections.with_section(before, "## B\n\nText.\n")
    assert after.startswith(before)
    assert after.count(BEGIN) == after.count(END) == 1
    assert sections.with_section(after, "## B\n\nText.\n") == after
    if b"\r\n" in before:
        assert after.count(b"\n") == after.count(b"\r\n")


def test_another_section_takes_the_place_of_the_old_one() -> None:
    before = sections.with_section(b"# A\n", "old \\1\n") + b"\nMore.\n"
    after = sections.with_section(before, "new \\1\n")
    assert after == before.replace(b"old", b"new")


@pytest.mark.parametrize("torn", [BEGIN, END, END + b"\n" + BEGIN])
def test_a_page_with_torn_markers_is_left_as_it_is(torn: bytes) -> None:
    assert sections.with_section(b"# A\n" + torn, "new\n") == b"# A\n" + torn


def documented(folder: Path) -> Documented:
    blueprint, steps = blueprint_of(folder)
    return Documented(blueprint=blueprint, steps=steps, accounts=())


def pages(project: Documented) -> dict[str, str]:
    done = sections.writes(project.blueprint, ())
    return {one.path: one.data.decode() for one in done}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with pages of many names, without tests."""
    made = copied("byte-order-mark", tmp_path)
    for name in (
        "ReadMe.MD",
        "WARP.md",
        "docs/Architecture_Guide.md",
        "docs/other.md",
        "src/README.md",
        "README.rst",
    ):
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text("# A\n", encoding="utf-8")
    return made


def test_the_pages_that_people_read_first_get_a_section(folder: Path) -> None:
    found = pages(documented(folder))
    assert sorted(found) == ["ReadMe.MD", "WARP.md", "docs/Architecture_Guide.md"]
    assert "[MIGRATION_GUIDE.md](../MIGRATION_GUIDE.md)" in found["docs/Architecture_Guide.md"]
    assert "[MIGRATION_GUIDE.md](MIGRATION_GUIDE.md)" in found["WARP.md"]
    assert "networks" in found["docs/Architecture_Guide.md"]
    assert "networks" not in found["WARP.md"]
    assert not [text for text in found.values() if "test" in text.lower()]


def test_a_second_run_changes_no_page(folder: Path) -> None:
    project = documented(folder)
    for one in sections.writes(project.blueprint, ()):
        assert isinstance(one, Write)
        assert one.rewrites
        (folder / one.path).write_bytes(one.data)
    assert pages(project) == {}


def test_what_a_person_has_to_write_is_said(folder: Path) -> None:
    (folder / "WARP.md").write_bytes(BEGIN)
    told = documented(folder).guide_step().remarks
    assert "README.rst: it is no Markdown; let it name MIGRATION_GUIDE.md" in told
    assert [one for one in told if one.startswith("WARP.md: one of `<!-- dashtam-tasks:begin -->`")]
