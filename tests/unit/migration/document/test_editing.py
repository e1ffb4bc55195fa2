# ruff: noqa: E501 - a case is easiest to read as one line
from collections.abc import Callable
from typing import Any

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import Document, Flow

Edit = Callable[[Document], Document]

SET: dict[str, tuple[str, str | tuple[str | int, ...], Any, str]] = {
    "plain": ("a: x\n", "a", "y", "a: y\n"),
    "spacing and comment": ("a:   x   # about a\n", "a", "y", "a:   y   # about a\n"),
    "double quotes": ('a: "x"\n', "a", "y", 'a: "y"\n'),
    "single quotes": ("a: 'x'\n", "a", "it's", "a: 'it''s'\n"),
    "single quotes that cannot hold it": ("a: 'x'\n", "a", "\x1b", 'a: "\\x1b"\n'),
    "quotes where needed": ("a: x\n", "a", "y: z", 'a: "y: z"\n'),
    "the quotes of the file": ("a: x\nb: 'y'\n", "a", "no", "a: 'no'\nb: 'y'\n"),
    "a sexagesimal number": ("a: x\n", "a", "22:22", 'a: "22:22"\n'),
    "a port mapping": ("a: x\n", "a", "8000:8000", "a: 8000:8000\n"),
    "an interpolation": ("a: x\n", "a", "${A:-b}", "a: ${A:-b}\n"),
    "a number for a text": ('a: "x"\n', "a", 5433, "a: 5433\n"),
    "a text for a number": ("a: 1\n", "a", "1", 'a: "1"\n'),
    "none": ("a: x  # c\nb: 1\n", "a", None, "a:  # c\nb: 1\n"),
    "a value for none": ("a:  # c\nb: 1\n", "a", "x", "a: x  # c\nb: 1\n"),
    "a tab in a value": ("a: x\ty\nb: z\n", "b", "u\tv", 'a: x\ty\nb: "u\\tv"\n'),
    "wide characters": ("ключ: 😀 é # 漢\nb: 1\n", "ключ", "é😀", "ключ: é😀 # 漢\nb: 1\n"),
    "a key in quotes": ("'a b': 1\n", "a b", 2, "'a b': 2\n"),
    "a plain text of two lines": ("a: x\n  y\nb: 1\n", "a", "z", "a: z\nb: 1\n"),
    "a literal": ("a: |\n  x\n  y\n\nb: 1\n", "a", "u\nv\n", "a: |\n  u\n  v\n\nb: 1\n"),
    "a literal with an indentation indicator": ("a: |2-\n    x\nb: 1\n", "a", "y\nz", "a: |-\n  y\n  z\nb: 1\n"),
    "a folded text, by one line": ("a: >-  # c\n  x\n  y\nb: 1\n", "a", "z", "a: z  # c\nb: 1\n"),
    "a literal for a plain text": ("a: x # c\nb: 1\n", "a", "y\nz\n", "a: | # c\n  y\n  z\nb: 1\n"),
    "lines between quotes": ('a: "x"\n', "a", "y\nz", 'a: "y\\nz"\n'),
    "a list for a text": ("a: x # c\nb:\n- y\n", "a", ["z"], "a: # c\n- z\nb:\n- y\n"),
    "a mapping for a list": ("a: # c\n  - x # d\n  # e\nb: 1\n", "a", {"k": "v"}, "a: # c\n  k: v\nb: 1\n"),
    "a text for a mapping": ("a:\n  # about b\n  b: 1\n\nc: 1\n", "a", "x", "a: x\n\nc: 1\n"),
    "the mapping step of the file": ("a:\n    b: 1\nc: 1\n", "c", {"d": {"e": 1}}, "a:\n    b: 1\nc:\n    d:\n        e: 1\n"),
    "an item of a list": ("a:\n  -   x # c\n  - y\n", ("a", 0), "z", "a:\n  -   z # c\n  - y\n"),
    "a mapping for an item": ("a:\n  -   x # c\n", ("a", 0), {"k": 1, "l": 2}, "a:\n  -   k: 1 # c\n      l: 2\n"),
    "a text for an item's mapping": ("a:\n  - k: 1 # c\n    l: 2\n  - y\n", ("a", 0), "x", "a:\n  - x\n  - y\n"),
    "an empty item": ("a:\n-\n- y\n", ("a", 0), "x", "a:\n- x\n- y\n"),
    "a value in braces": ("a: { b: 1, c: [x, y] }\n", ("a", "c", 1), "z, z", 'a: { b: 1, c: [x, "z, z"] }\n'),
    "an empty value in braces": ("a: {b, c: }\n", ("a", "b"), 1, "a: {b: 1, c: }\n"),
    "a mapping in brackets": ("a: [x, y]\n", ("a", 0), {"k": [1, None]}, "a: [{ k: [1, null] }, y]\n"),
    "an anchor stays": ("a: &x 1\n", "a", 2, "a: &x 2\n"),
    "an anchor of a mapping stays": ("a: &x # c\n  b: 1\n", "a", "y", "a: &x y # c\n"),
    "a tag of Compose stays": ("a: !override\n  - x\n", ("a",), "y", "a: !override y\n"),
    "a tag of YAML goes": ("a: !!str 1\n", "a", 2, "a: 2\n"),
    "only the items that differ": ("a:\n  - x # 1\n  # 2\n  - y\n  - z # 3\n", "a", ["x", "w", "z"], "a:\n  - x # 1\n  # 2\n  - w\n  - z # 3\n"),
    "only the keys that differ": ("a:\n  b: 1 # 1\n  c: 2 # 2\n", "a", {"b": 1, "d": 3}, "a:\n  b: 1 # 1\n  d: 3\n"),
    "a new key": ("a: 1\nb: 2 # c\n", "c", 3, "a: 1\nb: 2 # c\nc: 3\n"),
    "a new key, without an end of line": ("a: 1\nb: 2", "c", 3, "a: 1\nb: 2\nc: 3"),
    "a new key with CRLF": ("a:\r\n  b: 1\r\n", ("a", "c"), ["x"], "a:\r\n  b: 1\r\n  c:\r\n    - x\r\n"),
    "a new key below a byte order mark": ("\ufeffa: 1\n", "b", 2, "\ufeffa: 1\nb: 2\n"),
    "a new key before what follows": (
        "a:\n  b: 1\n    # deeper\n\n# about c\nc: 1\n", ("a", "d"), 2, "a:\n  b: 1\n    # deeper\n  d: 2\n\n# about c\nc: 1\n",
    ),
    "a new section": ("a:\n  b: 1\n", "c", {"d": 1}, "a:\n  b: 1\n\nc:\n  d: 1\n"),
    "a new key set apart as the others are": (
        "s:\n  a:\n    b: 1\n\n  c:\n    d: 1\n\nv: 1\n", ("s", "e"), 1, "s:\n  a:\n    b: 1\n\n  c:\n    d: 1\n\n  e: 1\n\nv: 1\n",
    ),
    "a new key in quotes as the others are": ('{"a": 1, "b": 2}\n', "c", 3, '{"a": 1, "b": 2, "c": 3}\n'),
    "a new key in lines in braces": ("a: {\n    b: 1, # 1\n    c: 2 # 2\n  }\n", ("a", "d"), 3, "a: {\n    b: 1, # 1\n    c: 2, # 2\n    d: 3\n  }\n"),
    "parents": ("a: 1\n", ("b", "c", "d"), 1, "a: 1\nb:\n  c:\n    d: 1\n"),
    "into nothing": ("v: # c\nw: 1\n", ("v", "data"), None, "v: # c\n  data:\nw: 1\n"),
    "into an empty mapping": ("v: {}\nw: 1\n", ("v", "data"), {"x": 1}, "v:\n  data:\n    x: 1\nw: 1\n"),
    "behind a literal that ends the text": ("a: |\n  x", "b", 1, "a: |-\n  x\n\nb: 1"),
    "a list in flow style": ("a:\n  b: 1\n", ("a", "c"), Flow(["CMD", "x"]), 'a:\n  b: 1\n  c: ["CMD", "x"]\n'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "value", "expected"), SET.values(), ids=SET.keys())
def test_set(text: str, path: str | tuple[str | int, ...], value: Any, expected: str) -> None:
    path = (path,) if isinstance(path, str) else path
    changed = Document(text).set(path, value)
    assert changed.text == expected
    assert changed.get(path) == value
    assert changed.set(path, value) is changed


OTHERS: dict[str, tuple[str, Edit, str]] = {
    "first, below the head of the file": (
        "---\n# About the file.\nservices:\n  a: 1\n", lambda d: d.set(("name",), "x", first=True),
        "---\n# About the file.\nname: x\nservices:\n  a: 1\n",
    ),
    "first, above the comment on the first key": (
        "# About the file.\n\n# About services.\nservices:\n  a: 1\n\nv: 1\n", lambda d: d.set(("name",), "x", first=True),
        "# About the file.\n\nname: x\n\n# About services.\nservices:\n  a: 1\n\nv: 1\n",
    ),
    "before a key, with a comment": (
        "s:\n  a: 1\n  # about b\n  b: 2\n", lambda d: d.set(("s", "n"), 1, before="b", comment="About n:\nnew."),
        "s:\n  a: 1\n  # About n:\n  # new.\n  n: 1\n  # about b\n  b: 2\n",
    ),
    "first behind a dash": ("a:\n- x\n- k: 1\n  l: 2\n", lambda d: d.set(("a", 1, "j"), 0, first=True), "a:\n- x\n- j: 0\n  k: 1\n  l: 2\n"),
    "append": ("a:\n  -  x # c\n  # - y\nb: 1\n", lambda d: d.append(("a",), "z"), "a:\n  -  x # c\n  -  z\n  # - y\nb: 1\n"),
    "append without indentation": ("a:\n- x\nb: 1\n", lambda d: d.append(("a",), {"k": 1, "l": [2]}), "a:\n- x\n- k: 1\n  l:\n  - 2\nb: 1\n"),
    "append between quotes": ('a:\n  - "1:1"\n', lambda d: d.append(("a",), "2:2", comment="new"), 'a:\n  - "1:1"\n  # new\n  - "2:2"\n'),
    "append in brackets": ("a: [x, y ]\n", lambda d: d.append(("a",), "z"), "a: [x, y, z ]\n"),
    "append behind a last comma": ("a: [\n    x, # c\n  ]\n", lambda d: d.append(("a",), "z"), "a: [\n    x, # c\n    z,\n  ]\n"),
    "append to nothing": ("a:\nb: 1\n", lambda d: d.append(("a",), "z"), "a:\n  - z\nb: 1\n"),
    "append to what is missing": ("b:\n- 1\n", lambda d: d.append(("a",), "z"), "b:\n- 1\n\na:\n- z\n"),
    "append to an empty list": ("a: [] # c\nb: 1\n", lambda d: d.append(("a",), "z"), "a: # c\n  - z\nb: 1\n"),
    "insert": ("a:\n  # on x\n  - x\n  - y\n", lambda d: d.insert(("a", 0), "w"), "a:\n  - w\n  # on x\n  - x\n  - y\n"),
    "rename": ("# 1\na: # 2\n  b: 1\n", lambda d: d.rename(("a",), "dev_a"), "# 1\ndev_a: # 2\n  b: 1\n"),
    "rename between quotes": ('"a": 1\n', lambda d: d.rename(("a",), "b"), '"b": 1\n'),
    "rename to what needs quotes": ("a: {b: 1}\n", lambda d: d.rename(("a", "b"), "on"), 'a: {"on": 1}\n'),
    "rename to itself": ("a: 1\n", lambda d: d.rename(("a",), "a"), "a: 1\n"),
    "remove with its comments": (
        "s:\n  # on a\n  a: 1\n  # on b\n  # and b\n  b: # b\n    # in b\n    c: 1\n      # below b\n  # on d\n  d: 1\n",
        lambda d: d.remove(("s", "b")), "s:\n  # on a\n  a: 1\n  # on d\n  d: 1\n",
    ),
    "remove between blank lines": ("a: 1\n\n# on b\nb: 2\n\nc: 3\n", lambda d: d.remove(("b",)), "a: 1\n\nc: 3\n"),
    "remove, not a comment apart": ("a: 1\n# section\n\nb: 2\nc: 3\n", lambda d: d.remove(("b",)), "a: 1\n# section\n\nc: 3\n"),
    "remove the first, below the head of the file": ("# file\na: 1\n\nb: 2\n", lambda d: d.remove(("a",)), "# file\nb: 2\n"),
    "remove the last, without an end of line": ("a: 1\r\nb: 2", lambda d: d.remove(("b",)), "a: 1"),
    "remove behind kept blank lines": ("a: |+\n  x\n\nb: 1\nc: 2\n", lambda d: d.remove(("b",)), "a: |+\n  x\n\nc: 2\n"),
    "remove an item": ("a:\n- x # 1\n# on y\n- y # 2\n- z # 3\n", lambda d: d.remove(("a", 1)), "a:\n- x # 1\n- z # 3\n"),
    "remove behind a dash": ("a:\n- k: 1\n  l: 2\n", lambda d: d.remove(("a", 0, "k")), "a:\n- l: 2\n"),
    "remove behind a dash, comments kept": ("a:\n- k: 1 # 1\n  # on l\n  l: 2\n", lambda d: d.remove(("a", 0, "k")), "a:\n-\n  # on l\n  l: 2\n"),
    "remove in brackets": ("a: [x, y , z]\n", lambda d: d.remove(("a", 1)), "a: [x, z]\n"),
    "remove the last in brackets": ("a: [ x, y ]\n", lambda d: d.remove(("a", 1)), "a: [ x ]\n"),
    "remove a line in brackets": ("a: [\n    x, # 1\n    # on y\n    y # 2\n  ]\n", lambda d: d.remove(("a", 1)), "a: [\n    x # 1\n  ]\n"),
    "remove all": ("a: # 1\n  # on b\n  b: 1\nc: 1\n", lambda d: d.remove(("a", "b")), "a: {} # 1\nc: 1\n"),
    "remove all items": ("a:\n- x\nc: 1\n", lambda d: d.remove(("a", 0)), "a: []\nc: 1\n"),
    "remove all in braces": ("a: { b: 1 }\n", lambda d: d.remove(("a", "b")), "a: {}\n"),
    "remove all at the top": ("# file\na: 1 # x\n", lambda d: d.remove(("a",), prune=True), "# file\n{}\n"),
    "prune": ("a:\n  b:\n    c: [x]\nd: 1\n", lambda d: d.remove(("a", "b", "c", 0), prune=True), "d: 1\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "edit", "expected"), OTHERS.values(), ids=OTHERS.keys())
def test_edit(text: str, edit: Edit, expected: str) -> None:
    document = Document(text)
    assert edit(document).text == expected
    assert document.text == text


SHARED = """\
x-env: &env
  A: 1  # about A
  B: "two"
x-list: &list [a, b]
services:
  app: &app
    environment: *env  # shared
    networks: *list
    image: x
  worker:
    <<: *app
    command: w
"""

COPIES: dict[str, tuple[Edit, tuple[str, str]]] = {
    "a key behind a merge": (
        lambda d: d.set(("services", "worker", "image"), "y"),
        ("    command: w\n", "    command: w\n    image: y\n"),
    ),
    "a key in what is merged": (
        lambda d: d.set(("services", "worker", "environment", "C"), 3),
        (
            "    command: w\n",
            '    command: w\n    environment:\n      A: 1  # about A\n      B: "two"\n      C: 3\n',
        ),
    ),
    "an item of what is merged": (
        lambda d: d.append(("services", "worker", "networks"), "c"),
        ("    command: w\n", "    command: w\n    networks: [a, b, c]\n"),
    ),
    "a key gone from what is merged": (
        lambda d: d.remove(("services", "worker", "environment", "A")),
        ("    command: w\n", '    command: w\n    environment:\n      B: "two"\n'),
    ),
    "a whole alias": (
        lambda d: d.set(("services", "app", "networks"), ["z"], shared=True),
        ("networks: *list\n", "networks:\n      - z\n"),
    ),
    "an alias, where others follow": (
        lambda d: d.rename(("services", "app", "environment", "A"), "Z", shared=True),
        ("environment: *env  # shared\n", 'environment:  # shared\n      Z: 1  # about A\n      B: "two"\n'),
    ),
    "an anchor, where all follow": (
        lambda d: d.set(("x-env", "A"), 2, shared=True),
        ("A: 1 ", "A: 2 "),
    ),
    "an anchored mapping, where all follow": (
        lambda d: d.set(("x-env",), {"B": "two"}, shared=True),
        ("  A: 1  # about A\n", ""),
    ),
    "an anchored key": (
        lambda d: d.rename(("x-env",), "x-other"),
        ("x-env:", "x-other:"),
    ),
    "nothing but the merge": (
        lambda d: d.detach(("services", "worker", "image")),
        ("    command: w\n", "    command: w\n    image: x\n"),
    ),
}


@pytest.mark.parametrize(("edit", "difference"), COPIES.values(), ids=COPIES.keys())
def test_what_is_shared_is_copied_before_it_is_changed(edit: Edit, difference: tuple[str, str]) -> None:
    assert SHARED.count(difference[0]) == 1
    assert edit(Document(SHARED)).text == SHARED.replace(*difference)


def test_a_copy_keeps_tags_and_quotes_and_gives_no_anchor_twice() -> None:
    text = "a: &a !override\n  - &b 'x'  # c\n  - *b\n  - |2\n      y\nd:\n  e: *a\nf: *b\n"
    copy = Document(text).append(("d", "e"), "z")
    assert copy.text == text.replace(
        "  e: *a\n", "  e: !override\n    - 'x'  # c\n    - *b\n    - |2\n        y\n    - z\n"
    )
    assert copy.tag(("d", "e")) == "!override"
    assert copy.raw(("d", "e", 0)) == "'x'"


REFUSED: dict[str, tuple[Edit, str]] = {
    "an anchor that others refer to": (
        lambda d: d.set(("x-env", "A"), 2),
        "the document:2: x-env.A is shared as &env, and would change in line 7, too.",
    ),
    "an anchor that a merge refers to": (
        lambda d: d.set(("services", "app", "image"), "y"),
        "the document:9: services.app.image is shared as &app, and would change in line 11, too.",
    ),
    "an anchor away": (
        lambda d: d.remove(("x-list",), shared=True),
        "the document:4: x-list is shared as &list, and would change in line 8, too.",
    ),
    "a merged key away": (
        lambda d: d.remove(("services", "worker", "image")),
        "the document:9: services.worker.image is merged in with <<, so it cannot be removed here alone.",
    ),
    "a merged key's name": (
        lambda d: d.rename(("services", "worker", "image"), "y"),
        "the document:9: services.worker.image is merged in with <<, so it cannot be renamed here alone.",
    ),
    "a key before a merged one": (
        lambda d: d.set(("services", "worker", "x"), 1, before="image"),
        "the document:9: services.worker.image is merged in with <<, so nothing can come before it.",
    ),
    "a merge itself": (
        lambda d: d.set(("services", "worker", "<<", "x"), 1),
        "the document:10: services.worker.<<.x is in a mapping that is written where it is merged.",
    ),
    "a name that is taken": (
        lambda d: d.rename(("services", "app"), "worker", shared=True),
        "the document:10: services.worker is there already.",
    ),
    "an item's name": (
        lambda d: d.rename(("x-list", 0), "y"),
        "the document:4: x-list[0] is an item of a list, and has no key.",
    ),
    "what is not there": (
        lambda d: d.remove(("services", "db")),
        "the document:5: services.db does not exist, so it cannot be removed.",
    ),
    "a key of a text": (
        lambda d: d.set(("services", "app", "image", "x"), 1),
        "the document:9: services.app.image has no place for x.",
    ),
    "a key of a list": (
        lambda d: d.set(("x-list", "x"), 1),
        "the document:4: x-list has no place for x.",
    ),
    "an item far behind the end": (
        lambda d: d.set(("x-list", 5), 1),
        "the document:4: x-list has no place for [5].",
    ),
    "an item of a text": (
        lambda d: d.append(("services", "app", "image"), "x"),
        "the document:9: services.app.image is no list, so nothing can be appended.",
    ),
    "an item at no place": (
        lambda d: d.insert(("x-list", 3), "x"),
        "the document:4: x-list[3] is no place in a list.",
    ),
    "a key before nothing": (
        lambda d: d.set(("name",), "x", before="version"),
        "the document:1: version does not exist.",
    ),
}


@pytest.mark.parametrize(("edit", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_change_something_else_is_refused_by_line(edit: Edit, reason: str) -> None:
    with pytest.raises(DashtamError) as error:
        edit(Document(SHARED))
    assert (error.value.reason, error.value.code) == (reason, ExitCode.DATA)
    assert error.value.hint


def test_an_edit_that_a_text_cannot_take_is_refused() -> None:
    # Between brackets, a pair without braces has room for one key only.
    with pytest.raises(DashtamError) as error:
        Document("a: [b: 1]\n").set(("a", 0, "c"), 2)
    assert (
        error.value.reason
        == "the document:1: a[0].c cannot be changed in place without changing something else."
    )
