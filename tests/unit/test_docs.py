import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml
from invoke.config import Config
from msgspec import inspect

from dashtam_tasks import settings
from dashtam_tasks.settings import Settings

PAGE = Path(__file__).parent.parent.parent / "docs/settings.md"
ROW = re.compile(
    r"^\| `(?P<key>\S+)` \| (?P<type>.+?) \| (?P<default>.+?) \| (?P<meaning>.+) \|$", re.MULTILINE
)
FENCED_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REQUIRED = "required"
PATTERNS = {
    "^[a-z0-9][a-z0-9_-]*$": "name",
    r"^(https?|\$[A-Za-z_][A-Za-z0-9_]*)$": "`http`, `https` or `$VARIABLE`",
}
WORDINGS = {
    inspect.StrType: "text",
    inspect.BoolType: "`true` or `false`",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.DictType: "mapping",
    inspect.VarTupleType: "list",
}


@dataclass(frozen=True)
class Setting:
    type: str
    default: Any


def documented() -> dict[str, Setting]:
    return {
        row["key"]: Setting(
            row["type"], row["default"] if row["default"] == REQUIRED else from_code(row["default"])
        )
        for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))
    }


def from_code(cell: str) -> Any:
    return json.loads(cell.removeprefix("`").removesuffix("`"))


def settable(struct: inspect.StructType, prefix: str = "") -> Iterator[tuple[str, Setting]]:
    for field in struct.fields:
        key = f"{prefix}{field.encode_name}"
        match field.type:
            case inspect.StructType() as section:
                yield from settable(section, f"{key}.")
                continue
            case inspect.DictType(value_type=inspect.StructType() as entry):
                yield from settable(entry, f"{key}.NAME.")
            case inspect.VarTupleType(item_type=inspect.StructType() as entry):
                yield from settable(entry, f"{key}.[].")
        yield key, Setting(wording(field.type), default(field))


def default(field: inspect.Field) -> Any:
    if field.required:
        return REQUIRED
    return written(value_by_default(field))


def value_by_default(field: inspect.Field | msgspec.structs.FieldInfo) -> Any:
    has_factory = field.default_factory is not msgspec.NODEFAULT
    return field.default_factory() if has_factory else field.default


def written(value: Any) -> Any:
    """Return a default as the page has it: what is a default itself is left out."""
    match value:
        case msgspec.Struct():
            fields = msgspec.structs.fields(value)
            set_here = [one for one in fields if getattr(value, one.name) != value_by_default(one)]
            return {one.encode_name: written(getattr(value, one.name)) for one in set_here}
        case dict():
            return {key: written(one) for key, one in value.items()}
        case tuple():
            return [written(one) for one in value]
    return value


def wording(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType(pattern=str() as pattern):
            return PATTERNS[pattern]
        case inspect.UnionType(types=(one, inspect.NoneType())):
            return f"{wording(one)}, or `null`"
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(item_type=inspect.StrType()):
            return "list of text"
    return WORDINGS[type(kind)]


def test_the_page_lists_every_setting_and_no_other() -> None:
    root = inspect.type_info(Settings)
    assert isinstance(root, inspect.StructType)
    assert documented() == dict(settable(root))


def test_the_examples_on_the_page_are_valid_settings(tmp_path: Path) -> None:
    examples = FENCED_YAML.findall(PAGE.read_text(encoding="utf-8"))
    loaded = [
        settings.load(Config(defaults=settings.defaults(tmp_path), overrides=yaml.safe_load(text)))
        for text in examples
    ]
    assert loaded[0].readiness.timeout == 300
    assert loaded[1].services == settings.Services(app="web", database="db", cache="valkey")
    assert [probe.service for probe in loaded[1].readiness.probes] == ["web"]
    assert loaded[2].suites["smoke"].paths == ("tests/smoke",)
    assert [name for name, suite in loaded[2].suites.items() if suite.where == "host"] == ["browser"]
