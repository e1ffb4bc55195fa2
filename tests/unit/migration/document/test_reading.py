from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import Document

SHARED = """\
x-env: &env
  A: 1
x-list: &list [a, b]
services:
  app: &app
    environment: *env
    networks: *list
  worker:
    <<: *app
    ports: !reset []
    "quoted": !override
      - x
  third:
    <<: [{A: 0, C: 3}, *env]
    B: 2
"""


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [\n", 3, "flow"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is a duplicate of the one on line 1"),
        ("a:\n  '1': 1\n  1: 2\n", 3, "duplicate"),
        ("a: {b: 1, b: 2}\n", 1, "duplicate"),
        ("a: &a {}\nb:\n  <<: *a\n  <<: *a\n", 4, "duplicate"),
        ("a:\n\tb: 1\n", 2, "a tab indents this line"),
        ("a: 1\n---\nb: 2\n", 3, "a second document starts here"),
        ("- a\n", 1, "a mapping is expected at the top"),
        ("text\n", 1, "a mapping is expected at the top"),
        ("", 1, "a mapping is expected at the top"),
        ("# nothing\n", 1, "a mapping is expected at the top"),
        ("a: 1\n? [b, c]\n: 2\n", 2, "a key is to be a simple text"),
        ("a: 1\n? b\n: 2\n", 2, "a key is to be a simple text"),
        ("a: &a x\n*a : 1\n", 2, "a key is to be a simple text"),
        ("a:\n  : 1\n", 2, "did not find expected key"),
        ("a: *b\n", 1, "*b stands for no node"),
        ("a: &a\n  b: *a\n", 2, "*a stands for no node"),
        ("a: &a x\nb:\n  <<: *a\n", 3, "<< merges a mapping"),
        ("a: 1\nb: \x01\n", 2, "U+0001"),
        ("a: 'x\n", 2, "while scanning a quoted scalar from line 1 on, found unexpected end of stream"),
    ],
)
def test_what_is_no_compose_file_is_refused_by_file_and_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(text)
    with pytest.raises(DashtamError) as error:
        Document.read(file)
    assert error.value.reason.startswith(f"{file}:{line}: ")
    assert words in error.value.reason
    assert error.value.code == ExitCode.DATA
    assert file.read_text() == text


@pytest.mark.parametrize(("data", "line"), [(b"a: 1\nb: \xff\n", 2), ("a: 1\n".encode("utf-16"), 1)])
def test_other_encodings_are_refused_by_line(tmp_path: Path, data: bytes, line: int) -> None:
    file = tmp_path / "compose.yaml"
    file.write_bytes(data)
    with pytest.raises(DashtamError) as error:
        Document.read(file)
    assert error.value.reason == f"{file}:{line}: this is not UTF-8 text."


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DashtamError) as error:
        Document.read(tmp_path)
    assert error.value.reason == f"{tmp_path} cannot be read: Is a directory."


def test_the_text_of_a_file_is_kept_to_the_byte(tmp_path: Path) -> None:
    data = "\ufeff# é 😀\r\na:\t1  \r\n\r\nb: 2".encode()
    file = tmp_path / "compose.yaml"
    file.write_bytes(data)
    document = Document.read(file)
    assert document.text.encode() == data
    assert document.data == {"a": 1, "b": 2}
    assert document.line(("b",)) == 4


# What Compose 2 shows for each of these in `environment`, which is the outcome of yaml.v3.
@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("22:22", "22:22"),
        ("True", True),
        ("0777", 511),
        ("0o777", 511),
        ("1_000", 1000),
        ("08000", 8000.0),
        ("0x1F", 31),
        ("0b11", 3),
        ("+5", 5),
        ("1e3", 1000.0),
        ("1.50", 1.5),
        ("~", None),
        ("", None),
        ('""', ""),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ("a_1", "a_1"),
        ("-x", "-x"),
        (".", "."),
        ("2001-01-01", "2001-01-01"),
    ],
)
def test_a_scalar_means_what_it_means_to_compose(raw: str, value: Any) -> None:
    data = Document(f"a: {raw}\n").data
    assert (type(data["a"]), data["a"]) == (type(value), value)


def test_aliases_and_merges_are_resolved_own_keys_first() -> None:
    document = Document(SHARED)
    assert document.data["services"] == {
        "app": {"environment": {"A": 1}, "networks": ["a", "b"]},
        "worker": {"ports": [], "quoted": ["x"], "environment": {"A": 1}, "networks": ["a", "b"]},
        "third": {"B": 2, "A": 0, "C": 3},
    }
    assert document.keys(("services", "worker")) == ("ports", "quoted", "environment", "networks")
    assert document.keys(("services", "worker", "ports")) == ()
    assert document.keys(("nothing",)) == ()


@pytest.mark.parametrize(
    ("path", "has", "written", "origin", "line"),
    [
        ((), True, True, (), 1),
        (("services", "app"), True, True, ("services", "app"), 5),
        (("services", "app", "environment"), True, False, ("x-env",), 6),
        (("services", "app", "environment", "A"), True, False, ("x-env", "A"), 2),
        (("services", "worker", "networks", 1), True, False, ("x-list", 1), 3),
        (("services", "worker", "ports"), True, True, ("services", "worker", "ports"), 10),
        (("services", "third", "C"), True, False, ("services", "third", "<<", 0, "C"), 14),
        (("services", "third", "Z"), False, False, None, 13),
        (("services", "app", "networks", 2), False, False, None, 7),
        (("services", "app", "networks", "a"), False, False, None, 7),
        (("services", "worker", "<<"), False, False, None, 8),
    ],
)
def test_a_path_tells_where_its_value_is_written(
    path: tuple[str | int, ...], has: bool, written: bool, origin: tuple[str | int, ...] | None, line: int
) -> None:
    document = Document(SHARED)
    assert document.has(path) is has
    assert document.written(path) is written
    assert document.line(path) == line
    if origin is not None:
        assert document.origin(path) == origin


def test_tags_and_raw_texts_can_be_seen() -> None:
    document = Document(SHARED)
    assert document.tag(("services", "worker", "ports")) == "!reset"
    assert document.tag(("services", "worker", "quoted")) == "!override"
    assert document.tag(("services", "app", "environment")) == ""
    assert document.raw(("services", "worker", "quoted")) == "- x"
    assert Document('a: &x !t "8000:8000"  # port\n').raw(("a",)) == '"8000:8000"'
    assert Document("a: |\n  text\n\n# about b\nb:\n").raw(("a",)) == "|\n  text"
    with pytest.raises(DashtamError) as error:
        document.raw(("services", "none"))
    assert error.value.reason == "the document:4: services.none does not exist."
