from dataclasses import replace

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.services import ENDLESS_SLEEP, INIT, RESTART, SERVICE_HEALTHY
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import applied, unexplained


def draft(text: str, environment: str = "test", base: str = "") -> Draft:
    return Draft(
        document=Document(text, "c.yml"),
        environment=environment,
        project="shop",
        base=Document(base, "b.yml") if base else None,
    )


def app(*lines: str) -> str:
    return "services:\n  app:\n    image: x\n" + "".join(f"    {line}\n" for line in lines)


# What sleeps, what development runs, and what tests run then.
SLEEPS = {
    "a command": (["command: sleep infinity"], [], []),
    "a command with a reason": (["# until tests", 'command: ["tail", "-f", "/dev/null"]'], [], []),
    "a variable's default": (["command: ${RUN:-sleep infinity}"], [], []),
    "after work": (["command: bash -c 'prepare && sleep infinity'"], [], []),
    "development's command": (["command: sleep infinity"], ["command: serve -r"], ["command: serve -r"]),
    "development's list": (["command: sleep 1d"], ['command: ["a", "b c"]'], ['command: ["a", "b c"]']),
    "development sleeps, too": (["command: sleep infinity"], ["command: tail -f /dev/null"], []),
    "an entrypoint": (["entrypoint: sleep infinity"], ["entrypoint: /go"], ["entrypoint: /go"]),
    "an entrypoint above a command": (["entrypoint: sleep infinity", "command: serve"], [], ["command: serve"]),
    "a command below an entrypoint": (
        ["entrypoint: tini --", "command: sleep infinity"],
        ["command: serve"],
        ["entrypoint: tini --", "command: serve"],
    ),
    "a shell's operand": (['entrypoint: ["sh", "-c"]', 'command: ["sleep infinity"]'], [], []),
    "work": (["command: serve"], ["command: other"], ["command: serve"]),
    "a pause": (["command: sh -c 'sleep 5; serve'"], [], ["command: sh -c 'sleep 5; serve'"]),
}  # fmt: skip


@pytest.mark.parametrize(("written", "base", "expected"), SLEEPS.values(), ids=SLEEPS)
def test_tests_do_not_sleep_for_ever(written: list[str], base: list[str], expected: list[str]) -> None:
    result = ENDLESS_SLEEP.apply(draft(app(*written), base=app(*base)))
    assert result.document.text == app(*expected)
    assert ENDLESS_SLEEP.apply(result) == result


def test_a_person_hears_that_the_images_own_command_runs_now() -> None:
    result = ENDLESS_SLEEP.apply(draft(app("command: sleep infinity"), "dev"))
    assert result.document.text == app()
    assert result.remarks == ("app waited for ever as its command; now its image's own command runs in it.",)
    assert not ENDLESS_SLEEP.apply(draft(app("command: sleep 1h; true"), base=app("command: x"))).remarks


INITS = {
    "what is built": ("build: .", True),
    "PostgreSQL": ("image: ${IMAGE:-postgres:17}", True),
    "an image with an init of its own": ("image: elasticsearch:8.15.1", False),
    "an unknown image": ("image: acme/bank", False),
    "one that says no": ("{ build: ., init: false }", False),
    "one that is started by an init": ("{ build: ., command: /usr/bin/tini -- serve }", False),
    "one among the host's processes": ("{ build: ., pid: host }", False),
}


@pytest.mark.parametrize(("service", "gets"), INITS.values(), ids=INITS)
def test_services_get_an_init_process_if_they_can_do_with_one(service: str, *, gets: bool) -> None:
    text = f"services:\n  a: {service}\n" if service.startswith("{") else f"services:\n  a:\n    {service}\n"
    result = INIT.apply(draft(text))
    assert result.document.text == (f"{text}    init: true\n" if gets else text)
    assert INIT.apply(result) == result


WAITING = """\
services:
  app:
    build: .
    depends_on: [db, mail] # both
  job:
    build: .
    depends_on:
      db: { condition: service_started, restart: true, required: false }
      seed:
        condition: service_completed_successfully
  off:
    build: .
    depends_on: [mail, none]
  db:
    image: postgres:17
    healthcheck:
      test: [CMD, x]
  mail:
    image: mail
  seed: { image: x, healthcheck: { test: y } }
  none: { image: x, healthcheck: { test: y, disable: true } }
"""


def test_services_wait_for_healthy_ones_where_there_is_a_check() -> None:
    result = SERVICE_HEALTHY.apply(draft(WAITING))
    assert result.document.data["services"]["app"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "mail": {"condition": "service_started"},
    }
    assert "db: { condition: service_healthy, restart: true, required: false }" in result.document.text
    assert result.document.get(("services", "job", "depends_on", "seed", "condition")).endswith(
        "_successfully"
    )
    assert "depends_on: [mail, none]" in result.document.text
    assert SERVICE_HEALTHY.apply(result) == result


def test_nothing_is_started_again_in_tests() -> None:
    legacy = app("restart: always # so", "deploy:", "  restart_policy: { condition: any }")
    result = RESTART.apply(draft(legacy))
    assert result.document.text == app("deploy:", "  restart_policy: { condition: any }")
    assert [remark.split()[0] for remark in result.remarks] == ["app"]
    assert RESTART.apply(result) == result
    assert RESTART.apply(draft(legacy, "dev")) == draft(legacy, "dev")


SHARED = """\
x-app: &app
  build: .
  restart: always
  command: sleep infinity
  depends_on: &needs
    db:
      condition: service_started
services:
  web: &web
    <<: *app
    ports: ["8000:80"]
  worker:
    <<: *web
    ports: []
    depends_on:
      <<: *needs
      web: { condition: service_started }
  child:
    extends: web
    entrypoint: tini --
  other:
    image: redis:7
    restart: &restart unless-stopped
    depends_on: *needs
    command: &sleep [sleep, infinity]
  last:
    image: x
    restart: *restart
    command: *sleep
  db:
    image: postgres:17
    healthcheck: { test: [CMD, pg_isready] }
"""


@pytest.mark.parametrize("environment", ["dev", "test", "ci"])
def test_every_change_is_declared(make_stage: MakeStage, environment: str) -> None:
    stage = make_stage({"docker-compose.yml": SHARED})
    before = replace(
        stage.draft(environment), base=Document(SHARED.replace("sleep infinity", "serve"), "b.yml")
    )
    for one in (ENDLESS_SLEEP, INIT, SERVICE_HEALTHY, RESTART):
        after = one.apply(before)
        found = stage.differences(after)
        assert not list(unexplained(found, after.declared))
        assert bool(found) == (one is not RESTART or environment != "dev")
        assert applied(after, one) == after
