import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.data import TMPFS
from dashtam_tasks.migration.rules.draft import Draft
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import applied, unexplained


def draft(text: str, environment: str = "test") -> Draft:
    return Draft(document=Document(text, "c.yml"), environment=environment, project="shop")


def db(*lines: str, image: str = "postgres:17", more: str = "") -> str:
    return f"services:\n  db:\n    image: {image}\n" + "".join(f"    {line}\n" for line in lines) + more


PLACE = "/var/lib/postgresql/data"
DATA = {
    "a volume": (["volumes:", f"  - pg:{PLACE}"], ["tmpfs:", f"  - {PLACE}"]),
    "no volume": (["tty: true"], ["tty: true", "tmpfs:", f"  - {PLACE}"]),
    "scripts of the first start": (
        ["volumes:", f"  - pg:{PLACE}/", "  - ./init:/docker-entrypoint-initdb.d:ro # rows"],
        ["volumes:", "  - ./init:/docker-entrypoint-initdb.d:ro # rows", "tmpfs:", f"  - {PLACE}"],
    ),
    "long syntax": (
        ["volumes:", f"  - {{ type: volume, source: pg, target: {PLACE} }}", "  - a:/a"],
        ["volumes:", "  - a:/a", "tmpfs:", f"  - {PLACE}"],
    ),
    "another tmpfs": (["tmpfs: /run"], ["tmpfs:", "  - /run", f"  - {PLACE}"]),
    "a tmpfs": ([f"tmpfs: ['{PLACE}:size=1g']"], [f"tmpfs: ['{PLACE}:size=1g']"]),
    "a tmpfs among the volumes": (
        [f"volumes: [{{ type: tmpfs, target: {PLACE} }}]"],
        [f"volumes: [{{ type: tmpfs, target: {PLACE} }}]"],
    ),
    "a user's number": (["user: '9:8'"], ["user: '9:8'", "tmpfs:", f"  - '{PLACE}:uid=9,gid=8,mode=0700'"]),
    "a user's name": (["user: postgres"], ["user: postgres"]),
    "a client": (["command: pg_dump -h other"], ["command: pg_dump -h other"]),
}  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), DATA.values(), ids=DATA)
def test_tests_keep_data_in_memory(written: list[str], expected: list[str]) -> None:
    result = TMPFS.apply(draft(db(*written)))
    assert result.document.data == Document(db(*expected)).data
    assert TMPFS.apply(result) == result
    assert TMPFS.apply(draft(db(*written), "dev")) == draft(db(*written), "dev")


def test_a_volume_that_nobody_mounts_any_more_goes() -> None:
    more = "  other:\n    image: x\n    volumes: [b:/b]\nvolumes:\n  # rows\n  pg:\n  b:\n"
    result = TMPFS.apply(draft(db(f"volumes: [pg:{PLACE}]", more=more)))
    assert result.document.text.endswith("\nvolumes:\n  b:\n")


def test_data_that_somebody_prepared_are_named() -> None:
    result = TMPFS.apply(draft(db(f"volumes: [./rows:{PLACE}]")))
    assert result.remarks == (f"db mounted ./rows in {PLACE}, where tests now start with no data.",)


def test_what_is_not_certain_stays_on_disk_and_is_named() -> None:
    legacy = db(
        "command: server /data",
        "volumes: [objects:/data]",
        image="minio/minio",
        more="volumes: { objects: }\n",
    )
    result = TMPFS.apply(draft(legacy))
    assert (result.document.text, len(result.remarks)) == (legacy, 1)
    unknown = draft(db("volumes: [a:/data]", image="acme/redis"))
    assert TMPFS.apply(unknown) == unknown


EVERY = """\
x-db: &db
  image: postgres:16
  volumes: &volumes
    - pg:/var/lib/postgresql/data
    - ./init:/docker-entrypoint-initdb.d
services:
  db: *db
  second:
    <<: *db
    volumes: ["second:/var/lib/postgresql/data"]
  child:
    extends: second
    tmpfs: /run
  app:
    image: x
    volumes: *volumes
  mongo: { image: "mongo:7", volumes: ["rows:/data/db", "settings:/data/configdb"] }
  cache: { image: valkey/valkey, volumes: ["/data"] }
volumes: { pg: , second: , rows: , settings: , }
"""


@pytest.mark.parametrize("environment", ["test", "ci"])
def test_every_change_is_declared(make_stage: MakeStage, environment: str) -> None:
    stage = make_stage({"docker-compose.yml": EVERY})
    after = TMPFS.apply(stage.draft(environment))
    found = stage.differences(after)
    assert not list(unexplained(found, after.declared))
    assert {one.place[1] for one in found} == {
        "db",
        "second",
        "child",
        "mongo",
        "cache",
        "rows",
        "settings",
    }
    assert applied(after, TMPFS) == after
