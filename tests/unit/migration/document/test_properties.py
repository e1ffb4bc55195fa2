"""What holds for every document and every edit of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dashtam_tasks.migration.document import Document, composing, values
from dashtam_tasks.migration.document.nodes import Mapping, Sequence
from tests.unit.migration.document.yaml_texts import paths, texts

ROOT = Path(__file__).parents[4]
COMPOSE_FILES = sorted((*ROOT.glob("example/docker-compose*.yml"), *ROOT.glob("compose/*.yml")))

SCALARS = st.one_of(
    st.integers(-9, 99),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            "yes",
            "22:22",
            "8000:8000",
            "0777",
            "1_000",
            "~",
            "<<",
            "=",
            "---",
            "${A:-b}",
            "it's",
            'q"q',
            "\u2028",
        ]
    ),
    st.sampled_from(
        [
            "a: b",
            "#x",
            "- x",
            " x",
            "x ",
            "x\t",
            "l\nm",
            "l\nm\n",
            "l\n\n",
            "{x}",
            "*a",
            "&a",
            "!x",
            "%x",
            "@x",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["k", "é", "on", "a: b"]), inner, max_size=3)
    ),
    max_leaves=5,
)

# The same examples in every run, so that CI fails for a change of the code only.
examined = settings(
    max_examples=120,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def is_part(lines: Iterable[str], whole: Iterable[str]) -> bool:
    """Whether all of these lines are in the whole, in their order."""
    remaining = iter(whole)
    return all(line in remaining for line in lines)


def lines_of(text: str) -> list[str]:
    return text.removeprefix("\ufeff").split("\n")


def chosen(data: st.DataObject, candidates: list[Any]) -> Any:
    assume(candidates)
    return data.draw(st.sampled_from(candidates))


def in_block_style(document: Document, path: tuple[str | int, ...]) -> bool:
    node = document.tree.node(path)
    return isinstance(node, Mapping | Sequence) and not node.flow


def may_gain_a_line_break(text: str) -> bool:
    """Whether a block scalar might end the text, which says how it ends once something follows."""
    return not text.endswith("\n") and ("|" in text or ">" in text)


@examined
@given(texts(), st.data())
def test_the_value_that_is_there_changes_no_byte(text: str, data: st.DataObject) -> None:
    document = Document(text)
    path = chosen(data, paths(document.data))
    assert document.set(path, document.get(path)).text == text


@examined
@given(texts(), st.data(), VALUES)
def test_a_value_changes_its_own_place_alone(text: str, data: st.DataObject, value: Any) -> None:
    document = Document(text)
    path = chosen(data, paths(document.data))
    changed = document.set(path, value)
    assert values.same(changed.data, values.changed(document.data, path, value))
    above = document.line(path) - 1
    assert changed.text.split("\n")[:above] == text.split("\n")[:above]


@examined
@given(texts(), st.data(), SCALARS.filter(lambda value: "\n" not in str(value)))
def test_a_scalar_leaves_all_other_lines_alone(text: str, data: st.DataObject, value: Any) -> None:
    document = Document(text)
    candidates = [
        path
        for path in paths(document.data)
        if not isinstance(document.get(path), dict | list) and "\n" not in document.raw(path)
    ]
    path = chosen(data, candidates)
    old, new = text.split("\n"), document.set(path, value).text.split("\n")
    line = document.line(path) - 1
    assert old[:line] + old[line + 1 :] == new[:line] + new[line + 1 :]


@examined
@given(texts(), st.data(), VALUES)
def test_a_new_key_leaves_every_line_and_can_be_removed_again(
    text: str, data: st.DataObject, value: Any
) -> None:
    document = Document(text)
    mappings = [path for path in paths(document.data) if isinstance(document.get(path), dict)]
    parent = chosen(data, [(), *filter(document.get, mappings)])
    options = chosen(
        data, [{}, {"first": True}, {"comment": "New.\nA key."}, {"before": document.keys(parent)[-1]}]
    )
    changed = document.set((*parent, "new"), value, **options)
    assert values.same(changed.data, values.changed(document.data, (*parent, "new"), value))
    node = document.tree.node(parent)
    # The first line of a mapping may be shared with a dash.
    if document.tree.layout.starts_line(node.content) and in_block_style(document, parent):
        assert is_part(lines_of(text)[:-1], lines_of(changed.text)) or may_gain_a_line_break(text)
    assert changed.remove((*parent, "new")).text == text or may_gain_a_line_break(text)


@examined
@given(texts(), st.data(), VALUES)
def test_a_new_item_comes_where_it_is_asked_for_and_can_be_removed_again(
    text: str, data: st.DataObject, value: Any
) -> None:
    document = Document(text)
    lists = [
        path for path in paths(document.data) if isinstance(document.get(path), list) and document.get(path)
    ]
    parent = chosen(data, lists)
    path = (*parent, data.draw(st.integers(0, len(document.get(parent)))))
    changed = document.insert(path, value)
    assert values.same(changed.data, values.inserted(document.data, path, value))
    assert changed.remove(path).text == text or may_gain_a_line_break(text)


@examined
@given(texts(), st.data(), st.sampled_from(["new", "yes", "a: b", "новый", "1", " x"]))
def test_a_key_is_renamed_on_its_line_alone(text: str, data: st.DataObject, key: str) -> None:
    document = Document(text)
    path = chosen(data, [path for path in paths(document.data) if isinstance(path[-1], str)])
    assume(key not in document.keys(path[:-1]))
    renamed = document.rename(path, key)
    assert values.same(renamed.data, values.renamed(document.data, path, key))
    assert list(renamed.keys(path[:-1])) == [key if k == path[-1] else k for k in document.keys(path[:-1])]
    differing = [
        pair for pair in zip(text.split("\n"), renamed.text.split("\n"), strict=True) if pair[0] != pair[1]
    ]
    assert len(differing) == 1


@examined
@given(texts(), st.data(), st.booleans())
def test_what_is_removed_is_gone_and_the_other_lines_stay(
    text: str, data: st.DataObject, prune: bool
) -> None:
    document = Document(text)
    path = chosen(data, paths(document.data))
    changed = document.remove(path, prune=prune)
    assert values.same(changed.data, values.removed(document.data, path, prune=prune))
    tree = document.tree
    found = tree.find(path)
    assert found is not None
    if in_block_style(document, path[:-1]) and len(document.get(path[:-1])) > 1:
        # Its first line may be shared with a dash.
        first = 0 if tree.layout.starts_line(found.start) else document.line(path) + 1
        assert is_part(lines_of(changed.text)[first:], [*lines_of(text), ""])


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_every_value_of_our_own_files_can_be_set_again_without_a_change(file: Path) -> None:
    document = Document.read(file)
    for path in paths(document.data):
        assert document.set(path, document.get(path)) is document


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_every_written_scalar_of_our_own_files_can_be_changed_and_changed_back(file: Path) -> None:
    document = Document.read(file)
    written = [path for path in paths(document.data) if document.written(path)]
    scalars = [
        path for path in written if isinstance(document.get(path), str) and "\n" not in document.get(path)
    ]
    assert scalars
    for path in scalars[::3]:
        # The marker keeps what may be plain plain, and what is quoted quoted.
        changed = document.set(path, f"{document.get(path)}x", shared=True)
        assert changed.get(path) == f"{document.get(path)}x"
        old, new = document.text.split("\n"), changed.text.split("\n")
        assert [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b] == [
            document.line(path) - 1
        ]


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_both_parsers_of_pyyaml_place_every_node_alike(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = file.read_text()
    fast = composing.Composer(text, "file").root()
    monkeypatch.setattr(composing, "LOADER", yaml.SafeLoader)
    assert composing.Composer(text, "file").root() == fast
