"""Markdown as these documents are written: tables, lists, and blocks of commands."""

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, empty without rows; a bar in a cell does not end it."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not cells:
        return ""
    lines = (headings, ["---"] * len(headings), *cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    """Return a text as code in a line, empty for none; one with backticks stands between two of them."""
    marks = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{marks}{pad}{text}{pad}{marks}" if text else ""


def codes(texts: Iterable[str]) -> str:
    """Return several texts as code in a line, each once."""
    return ", ".join(code(text) for text in dict.fromkeys(texts))


def commands(lines: Iterable[str]) -> str:
    """Return a block of commands for a shell."""
    return "".join(("```bash\n", *(f"{line}\n" for line in lines), "```\n"))


def bullets(items: Iterable[str]) -> str:
    """Return a list."""
    return "".join(f"- {item}\n" for item in items)


def document(*parts: str) -> str:
    """Return the parts that are there, a line apart."""
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part)


def section(heading: str, *parts: str) -> str:
    """Return a section with a heading, empty where none of its parts is there."""
    return document(heading, *parts) if any(parts) else ""


def series(words: Sequence[str]) -> str:
    """Return words as a sentence has them: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
