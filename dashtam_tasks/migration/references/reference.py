"""A reference: a place that names what is called otherwise now."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A place and the text that was found there; `becomes` is what it should say, empty where nobody knows."""

    file: str
    line: int
    text: str
    becomes: str = ""
    note: str = ""

    @property
    def where(self) -> str:
        """Its place, as `file:line`."""
        return f"{self.file}:{self.line}"

    def __str__(self) -> str:
        words = f"{self.where}: `{self.text}`"
        new = f" should be `{self.becomes}`" if self.becomes else ""
        return f"{words}{new}{f'; {self.note}' if self.note else ''}"
