from collections.abc import Mapping

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.applications import Application
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.health import HEALTH_CHECK, health_check
from dashtam_tasks.migration.rules.runtimes import BY_SWITCH, PLAIN
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import applied, unexplained


def draft(text: str, environment: str = "dev") -> Draft:
    return Draft(document=Document(text, "c.yml"), environment=environment, project="shop")


def checked(*lines: str, image: str = "postgres:17") -> str:
    check = "".join(f"      {line}\n" for line in lines)
    return f"services:\n  db:\n    image: {image}\n" + (f"    healthcheck:\n{check}" if lines else "")


def test_a_well_known_image_gets_a_check() -> None:
    result = HEALTH_CHECK.apply(draft(checked()))
    assert result.document.text == checked(
        'test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "postgres"]',
        "interval: 2s",
        "timeout: 5s",
        "retries: 5",
        "start_period: 60s",
        "start_interval: 250ms",
    )
    assert HEALTH_CHECK.apply(result) == result
    assert "interval: 1s" in HEALTH_CHECK.apply(draft(checked(), "ci")).document.text


def test_a_check_that_is_there_stays_and_is_quicker_to_pass() -> None:
    legacy = ("test: redis-cli ping # ours", "interval: 10s", "retries: 3")
    starts = ("start_period: 30s", "start_interval: 250ms")
    for environment, interval in (("dev", "2s"), ("test", "2s"), ("ci", "1s")):
        result = HEALTH_CHECK.apply(draft(checked(*legacy, image="redis"), environment))
        expected = (legacy[0], f"interval: {interval}", legacy[2], *starts)
        assert result.document.text == checked(*expected, image="redis")
        assert HEALTH_CHECK.apply(result) == result


UNCHANGED = {
    "it is quick": ("test: redis-cli ping", "interval: 500ms", "start_period: 1m", "start_interval: 1s"),
    "a variable says how quick": (
        "test: redis-cli ping", "interval: ${EVERY:-1m}", "start_period: 1m", "start_interval: 1s",
    ),
    "it is switched off": ("disable: true",),
    "there is none on purpose": ("test: ['NONE']",),
}  # fmt: skip


@pytest.mark.parametrize("lines", UNCHANGED.values(), ids=UNCHANGED)
def test_a_check_stays_as_it_is_if(lines: tuple[str, ...]) -> None:
    result = HEALTH_CHECK.apply(draft(checked(*lines, image="redis"), "test"))
    assert result.document.text == checked(*lines, image="redis")
    assert bool(result.remarks) == (len(lines) == 1)


def test_a_check_on_the_socket_asks_over_tcp() -> None:
    lines = (
        'test: ["CMD-SHELL", "pg_isready -U ${DB_USER:-shop}"]',
        "interval: 1s",
        "start_period: 9s",
        "start_interval: 1s",
    )
    result = HEALTH_CHECK.apply(draft(checked(*lines)))
    assert result.document.text == checked(lines[0].replace("-U", "-h 127.0.0.1 -U"), *lines[1:])
    elsewhere = checked(*lines) + "    environment: [PGHOST=/tmp]\n"
    assert HEALTH_CHECK.apply(draft(elsewhere)).document.text == elsewhere


BUILT = "services:\n  app:\n    build: .\n    ports: [{ports}]\n{more}"
CONNECTS = "import socket; socket.create_connection(('127.0.0.1', 8000), 3)"


def built_upon(bases: Mapping[str, str], route: str = "", *, job: str = "") -> Rule:
    return health_check({name: Application(base=base, route=route) for name, base in bases.items()}, job=job)


def asked(text: str, bases: Mapping[str, str], route: str = "") -> Draft:
    return built_upon(bases, route).apply(draft(text))


def test_what_is_built_is_asked_by_its_own_runtime_on_its_one_port() -> None:
    result = asked(BUILT.format(ports='"80:8000", "53:53/udp"', more=""), {"app": "python:3.13"})
    assert result.document.get(("services", "app", "healthcheck", "test")) == [
        "CMD",
        "python",
        "-c",
        CONNECTS,
    ]
    assert not result.remarks
    assert asked(result.document.text, {"app": "python:3.13"}).document == result.document


LEFT = {
    "it publishes nothing": ("", "", {"app": "python:3"}),
    "it publishes two ports": ("'1:1', '2:2'", "", {"app": "python:3"}),
    "its port is not known": ("'80:${PORT}'", "", {"app": "python:3"}),
    "its runtime is not known": ("'80:80'", "", {}),
    "another service is made of it": (
        "'80:80'",
        "  child: { image: x, extends: app }\n",
        {"app": "python:3"},
    ),
}


@pytest.mark.parametrize(("ports", "more", "bases"), LEFT.values(), ids=LEFT)
def test_what_is_built_is_left_to_a_person_if(ports: str, more: str, bases: dict[str, str]) -> None:
    legacy = BUILT.format(ports=ports, more=more)
    result = asked(legacy, bases)
    assert result.document.text == legacy


def test_the_job_of_ci_ends_and_needs_no_check() -> None:
    legacy = draft(BUILT.format(ports="'80:80'", more=""), "ci")
    assert built_upon({"app": "python:3"}, job="app").apply(legacy) == legacy
    assert built_upon({"app": "python:3"}).apply(legacy).document.has(("services", "app", "healthcheck"))


SWITCH = "    environment: { SSL_ENABLED: 'true' }\n"


@pytest.mark.parametrize("more", ["", SWITCH], ids=["plain", "switched"])
def test_a_python_service_with_a_health_route_is_asked_for_its_health(more: str) -> None:
    text = BUILT.format(ports="'80:8000'", more=more)
    result = asked(text, {"app": "python:3"}, "/healthz")
    script = BY_SWITCH if more else PLAIN
    test = ["CMD", "python", "-ISc", script, "8000", "/healthz"]
    assert result.document.get(("services", "app", "healthcheck", "test")) == test
    assert asked(result.document.text, {"app": "python:3"}, "/healthz").document == result.document


def test_a_server_that_its_command_gives_a_certificate_is_asked_for_a_connection_alone() -> None:
    command = "    command: uvicorn app:app --ssl-certfile cert.pem\n"
    text = BUILT.format(ports="'80:8000'", more=command)
    result = asked(text, {"app": "python:3"}, "/health")
    assert result.document.get(("services", "app", "healthcheck", "test")) == [
        "CMD",
        "python",
        "-c",
        CONNECTS,
    ]


def test_an_unknown_image_is_named_and_left() -> None:
    legacy = checked(image="acme/bank:2.3")
    result = HEALTH_CHECK.apply(draft(legacy))
    assert result.document.text == legacy
    assert [remark.split(" of ")[0] for remark in result.remarks] == ["The image acme/bank:2.3"]
    assert HEALTH_CHECK.apply(result) == result


EVERY = """\
x-check: &check
  interval: 30s
  retries: 3
services:
  app:
    build: .
    ports: ["8000:8000"]
  db:
    image: postgres:16
    environment: [POSTGRES_USER=shop, "POSTGRES_DB=${DB:-shop}"]
    healthcheck: &db
      <<: *check
      test: pg_isready
  second:
    image: postgres:16
    healthcheck: *db
  third: { image: redis:7, healthcheck: { <<: *check } }
  child:
    extends: third
  bank: { image: acme/bank }
"""


@pytest.mark.parametrize("environment", ["dev", "test", "ci"])
def test_every_change_is_declared(make_stage: MakeStage, environment: str) -> None:
    rule = built_upon({"app": "node:22"}, job="app" if environment == "ci" else "")
    stage = make_stage({"docker-compose.yml": EVERY})
    after = rule.apply(stage.draft(environment))
    found = stage.differences(after)
    assert not list(unexplained(found, after.declared))
    built = {"app"} if environment != "ci" else set()
    assert {one.place[1] for one in found} == {"db", "second", "third", "child"} | built
    assert applied(after, rule) == after
