"""What lives in memory waits for no disk; what is on a disk, or is somebody's own, stays as it is."""

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.durability import DURABILITY
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import unexplained

POSTGRES = "postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
REDIS = ["--save", "", "--appendonly", "no"]


def hurried(image: str, said: str = "", *, tmpfs: str = "tmpfs: /data", environment: str = "test") -> object:
    lines = (f"image: {image}", said, tmpfs)
    text = "services:\n  db:\n" + "".join(f"    {line}\n" for line in lines if line)
    result = DURABILITY.apply(Draft(document=Document(text), environment=environment, project="shop"))
    assert DURABILITY.apply(result).document == result.document
    return result.document.get(("services", "db", "command"))


CHANGED = {
    ("postgres:17", ""): POSTGRES.split(),
    ("postgis/postgis", "command: postgres -c max_connections=9"): [
        *"postgres -c max_connections=9".split(),
        *POSTGRES.split()[1:],
    ],
    ("postgres", "command: [postgres, -c, fsync=on]"): [
        *"postgres -c fsync=on".split(),
        *POSTGRES.split()[3:],
    ],
    ("redis:8", ""): ["redis-server", *REDIS],
    ("redis:8", "command: redis-server --appendonly yes --requirepass ${SECRET:-x}"): [
        "redis-server", "--requirepass", "${SECRET:-x}", *REDIS,
    ],
    ("redis:8", "command: [redis-server, /etc/redis.conf, --save, '60', '1', --loglevel, warning]"): [
        "redis-server", "/etc/redis.conf", "--loglevel", "warning", *REDIS,
    ],
    ("valkey/valkey", ""): ["valkey-server", *REDIS],
}  # fmt: skip


@pytest.mark.parametrize(("given", "command"), CHANGED.items(), ids=map(" ".join, CHANGED))
def test_a_database_in_memory_writes_nothing_for_good(given: tuple[str, str], command: list[str]) -> None:
    assert hurried(*given) == command


LEFT = {
    "its data are on a disk": ("postgres", "", ""),
    "another image": ("mysql:8", "", "tmpfs: /var/lib/mysql"),
    "a shell's script": ("redis", "command: sh -c 'redis-server --appendonly yes'", "tmpfs: /data"),
    "a variable with a space": ("redis", "command: redis-server ${OPTIONS:-a b}", "tmpfs: /data"),
    "an entrypoint": ("postgres", "entrypoint: /start.sh", "tmpfs: /data"),
}


@pytest.mark.parametrize("given", LEFT.values(), ids=LEFT)
def test_nothing_changes_with(given: tuple[str, str, str]) -> None:
    image, said, tmpfs = given
    command = said.removeprefix("command: ") if said.startswith("command") else None
    assert hurried(image, said, tmpfs=tmpfs) == command


def test_development_waits_for_its_disk() -> None:
    assert hurried("postgres", environment="dev") is None


def test_every_change_is_declared(make_stage: MakeStage) -> None:
    text = "services:\n  db: { image: redis, tmpfs: [/data] }\n  more: { extends: db }\n"
    stage = make_stage({"docker-compose.yml": text})
    after = DURABILITY.apply(stage.draft("test"))
    found = stage.differences(after)
    assert {one.place[1] for one in found} == {"db", "more"}
    assert not list(unexplained(found, after.declared))
