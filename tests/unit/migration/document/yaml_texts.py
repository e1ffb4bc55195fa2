"""YAML texts of all styles, as Hypothesis strategies that write them character by character."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

KEYS = ["app", "db", "x-y", "é", "my key", '"quoted"', "'on'", "8080", "no", "ключ", "a.b", "😀"]
SCALARS = [
    "x", '"8000:8000"', "'it''s'", "true", "12", "~", "22:22", "yes", "1_000", "0777", "1.50", "2001-01-01",
    "http://x:80/#y", "😀 é", "${V:-d}", '"a\\tb # no comment"', "a\tb", "'# no comment'", '"{}"', "null", "a  b",
]  # fmt: skip
MULTILINE = [
    ["|", "  # text", "    deeper", "", "  end"],
    [">-  # about", "  folded", "  text"],
    ["|+", "  kept"],
    ["|2", "    indicated", "  text"],
    ["plain", "  goes on"],
    ['"quoted', "  goes on\\", '  "'],
]
COMMENTS = ["# comment", "#", "# a: b", "#- x", "# é 😀"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A document with comments, blank lines, every style of scalars and collections, and any line ends."""
    lines = [*header(draw), *block_mapping(draw, 0, 0)]
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = newline.join(lines) + draw(st.sampled_from([newline, newline, ""]))
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


def header(draw: st.DrawFn) -> list[str]:
    return draw(st.sampled_from([[], ["# header"], ["---"], ["# header", "---"], ["---", "# header", ""]]))


def block_mapping(draw: st.DrawFn, column: int, depth: int) -> list[str]:
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    lines: list[str] = []
    for key in keys:
        if lines:
            lines += between(draw, column)
        lines += valued(draw, f"{' ' * column}{key}:", column, depth)
    return lines


def block_sequence(draw: st.DrawFn, column: int, depth: int) -> list[str]:
    gap = draw(st.sampled_from([" ", " ", "   "]))
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        if lines:
            lines += between(draw, column)
        dash = f"{' ' * column}-"
        if depth < 3 and draw(st.integers(0, 3)) == 0:
            inner = draw(st.sampled_from([block_mapping, block_sequence]))(
                draw, column + 1 + len(gap), depth + 1
            )
            lines += [f"{dash}{gap}{inner[0].lstrip()}", *inner[1:]]
        else:
            lines += valued(draw, dash, column, depth, gap=gap, nested=False)
    return lines


def valued(
    draw: st.DrawFn, start: str, column: int, depth: int, *, gap: str = " ", nested: bool = True
) -> list[str]:
    """A key or a dash with its value."""
    kinds = ["scalar", "scalar", "empty", "multiline", "flow", "lined", "mapping", "sequence"]
    kind = draw(st.sampled_from(kinds))
    if nested and depth < 3 and kind in {"mapping", "sequence"}:
        write: Callable[..., list[str]] = block_mapping if kind == "mapping" else block_sequence
        width = draw(st.sampled_from([2, 4] if kind == "mapping" else [0, 2, 2]))
        return [
            start + trailing(draw),
            *comments(draw, column + width),
            *write(draw, column + width, depth + 1),
        ]
    if kind == "multiline":
        head, *rest = draw(st.sampled_from(MULTILINE))
        return [f"{start}{gap}{head}", *(" " * column + line if line else "" for line in rest)]
    if kind == "lined":
        return [f"{start}{gap}[", *lined_flow(draw, column + 2), f"{' ' * (column + 1)}]"]
    if kind == "empty":
        return [start + trailing(draw)]
    value = flow(draw, 0) if kind == "flow" else draw(st.sampled_from(SCALARS))
    return [f"{start}{gap}{value}{trailing(draw)}"]


def flow(draw: st.DrawFn, depth: int) -> str:
    parts = [
        flow(draw, depth + 1)
        if depth < 2 and draw(st.integers(0, 3)) == 0
        else draw(st.sampled_from(SCALARS))
        for _ in range(draw(st.integers(0, 3)))
    ]
    # A plain text may not hold these between brackets.
    parts = ["x" if part.startswith("$") else part for part in parts]
    separator = draw(st.sampled_from([", ", ",", " , "]))
    if draw(st.booleans()):
        return f"[{separator.join(parts)}]"
    keys = draw(st.permutations(["a", '"b"', "é"]))
    padding = draw(st.sampled_from(["", " "]))
    inside = separator.join(f"{key}: {part}" for key, part in zip(keys, parts, strict=False))
    return f"{{{padding}{inside}{padding if inside else ''}}}"


def lined_flow(draw: st.DrawFn, column: int) -> list[str]:
    """The items of a list in flow style, each on a line of its own, with and without a comma at the end."""
    count = draw(st.integers(1, 3))
    commas = [","] * (count - 1) + [draw(st.sampled_from(["", ","]))]
    lines: list[str] = []
    for comma in commas:
        lines += [*comments(draw, column), f"{' ' * column}{flow(draw, 1)}{comma}{trailing(draw)}"]
    return lines


def trailing(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", "", "", "  # end of line", " # é"]))


def comments(draw: st.DrawFn, column: int) -> list[str]:
    return [" " * column + draw(st.sampled_from(COMMENTS))] if draw(st.integers(0, 4)) == 0 else []


def between(draw: st.DrawFn, column: int) -> list[str]:
    """What stands between two members: nothing, a blank line, comments of any indentation."""
    blank = [""] if draw(st.integers(0, 3)) == 0 else []
    indent = draw(st.sampled_from([column, column, column + 2, 0]))
    return [*blank, *comments(draw, indent)]


def paths(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path into `data`."""
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [found for step, value in steps for found in [(*path, step), *paths(value, (*path, step))]]
