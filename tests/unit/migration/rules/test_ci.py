"""CI's file holds a job and what that needs, whatever the tests' file has beside them."""

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules import all_of, applied
from dashtam_tasks.migration.rules.ci import REPORTS_FOLDER, TRUSTING
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.jobs import Job
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import unexplained

JOB = Job(service="app", command=("pytest", "--junit-xml=/reports/junit.xml"), prepare=(("migrate",),))
COMMAND = ["sh", "-c", "migrate &&\nexec pytest \\\n  --junit-xml=/reports/junit.xml\n"]


def for_ci(text: str, job: Job = JOB) -> Draft:
    draft = Draft(document=Document(text, "c.yml"), environment="ci", project="shop")
    return applied(draft, all_of(taken=(), applications={}, job=job))


SHOP = """\
services:
  db:
    image: postgres:17
    container_name: shop-db
    environment: { POSTGRES_DB: shop, POSTGRES_PASSWORD: "${PASSWORD:-x}" }
    ports: ["5432:5432"]
    volumes: [db_data:/var/lib/postgresql/data]
    restart: always
  cache:
    image: redis:7
  stub:
    build: stub
    profiles: [bank]
  app:
    build: .
    profiles: [tests]
    command: sleep infinity
    environment:
      SSL_ENABLED: "false"
      DATABASE_URL: postgresql://shop@db/shop
      BANK_URL: http://stub:9000/
    ports: ["8000:8000"]
    volumes: ["./certs:/app/certs:ro", "./src:/app/src"]
    healthcheck: { test: curl localhost }
    depends_on: [cache]
    networks: [inside]
  proxy:
    image: nginx
    depends_on: [app]
    networks: [outside, inside]
  mailbox:
    image: mailpit
networks:
  inside:
  outside:
volumes:
  db_data:
"""


def test_the_job_runs_all_tests_beside_what_it_needs() -> None:
    document = for_ci(SHOP).document
    app = document.get(("services", "app"))
    assert document.keys(("services",)) == ("db", "cache", "stub", "app")
    assert app["command"] == COMMAND
    assert app["volumes"] == ["../src:/app/src", f"{REPORTS_FOLDER}:/reports"]
    assert not {"healthcheck", "profiles", "ports"} & app.keys()
    assert app["depends_on"] == {
        "cache": {"condition": "service_healthy"},
        "db": {"condition": "service_healthy"},
        "stub": {"condition": "service_started"},
    }
    db = document.get(("services", "db"))
    assert db["environment"] == {"POSTGRES_DB": "shop", "POSTGRES_HOST_AUTH_METHOD": "trust"}
    assert db["tmpfs"] == ["/var/lib/postgresql/data"]
    assert not {"ports", "restart", "volumes"} & db.keys()
    assert db["container_name"] == "shop-ci-db${INSTANCE_SUFFIX:-}"


def test_every_change_is_declared(make_stage: MakeStage) -> None:
    stage = make_stage({"docker-compose.yml": SHOP})
    after = applied(stage.draft("ci"), all_of(taken=(), applications={}, job=JOB))
    assert not list(unexplained(stage.differences(after), after.declared))


def test_a_job_that_names_nothing_has_every_well_known_server() -> None:
    text = (
        "services:\n  db: { image: postgres:17 }\n  other: { image: x }\n  app: { build: ., env_file: [x] }\n"
    )
    document = for_ci(text).document
    assert document.keys(("services",)) == ("db", "app")
    assert document.get(("services", "app", "depends_on")) == {"db": {"condition": "service_healthy"}}


SHARED = """\
services:
  web: &web
    build: .
    environment: &environment { MODE: test }
    depends_on: [db]
  app:
    <<: *web
    environment: { <<: *environment, X: "1" }
  base: { image: base, depends_on: [db] }
  db: { image: redis:7 }
"""


@pytest.mark.parametrize("said", ["<<: *web", "extends: base"])
def test_what_is_needed_as_text_alone_is_not_started(make_stage: MakeStage, said: str) -> None:
    stage = make_stage({"docker-compose.yml": SHARED.replace("<<: *web", said, 1)})
    after = applied(stage.draft("ci"), all_of(taken=(), applications={}, job=JOB))
    services = stage.after(after).model({})["services"]
    assert {name for name, service in services.items() if service.get("scale", 1)} == {"app", "db"}
    assert services["app"]["command"] == COMMAND
    assert not list(unexplained(stage.differences(after), after.declared))


def test_what_another_file_says_a_job_needs_is_there(make_stage: MakeStage) -> None:
    common = "services:\n  app: { image: app, depends_on: [db] }\n  db: { image: x, ports: ['1:1'] }\n"
    text = """\
services:
  app: { extends: { file: common.yml, service: app } }
  db: { extends: { file: common.yml, service: db } }
  proxy: { image: nginx, depends_on: [app] }
"""
    stage = make_stage({"common.yml": common, "docker-compose.yml": text})
    after = applied(stage.draft("ci"), all_of(taken=(), applications={}, job=JOB))
    services = stage.after(after).model({})["services"]
    assert set(services) == {"app", "db"}
    assert "ports" not in services["db"]
    assert not list(unexplained(stage.differences(after), after.declared))


AS_IT_IS = {
    "another runner's": ("command: go test ./...", ("go", "test")),
    "a script": ("command: sh -c 'warm-up; pytest'", ("pytest",)),
    "an entrypoint": ("entrypoint: [pytest]", ("pytest",)),
}


@pytest.mark.parametrize(("said", "command"), AS_IT_IS.values(), ids=AS_IT_IS)
def test_a_service_that_runs_tests_by_itself_goes_on_doing_so_with(
    said: str, command: tuple[str, ...]
) -> None:
    job = Job(service="app", command=command, inside=True)
    text = f"services:\n  app:\n    image: app\n    {said}\n"
    before, after = (one.get(("services", "app")) for one in (Document(text), for_ci(text, job).document))
    assert {key: after.get(key) for key in ("command", "entrypoint")} == {
        key: before.get(key) for key in ("command", "entrypoint")
    }


def test_reports_have_no_place_where_something_is_mounted() -> None:
    text = "services:\n  app:\n    image: app\n    volumes: [./out:/reports]\n"
    result = for_ci(text)
    assert result.document.get(("services", "app", "volumes")) == ["../out:/reports"]
    assert [one for one in result.remarks if "/reports" in one]


TRUSTS = {
    "environment: [POSTGRES_USER=x, POSTGRES_PASSWORD=y]": [
        "POSTGRES_USER=x",
        "POSTGRES_HOST_AUTH_METHOD=trust",
    ],
    "environment: [POSTGRES_PASSWORD=y]": ["POSTGRES_HOST_AUTH_METHOD=trust"],
    "environment: { POSTGRES_HOST_AUTH_METHOD: md5, POSTGRES_PASSWORD: y }": {
        "POSTGRES_HOST_AUTH_METHOD": "md5",
        "POSTGRES_PASSWORD": "y",
    },
    "env_file: [x]": None,
}


@pytest.mark.parametrize(("said", "environment"), TRUSTS.items(), ids=TRUSTS)
def test_postgresql_trusts_its_network_unless_it_says_otherwise(said: str, environment: object) -> None:
    text = f"services:\n  db:\n    image: postgres:17\n    {said}\n"
    draft = Draft(document=Document(text), environment="ci", project="shop")
    assert TRUSTING.apply(draft).document.get(("services", "db", "environment")) == environment
    other = Draft(document=Document(text.replace("postgres:17", "mysql:8")), environment="ci", project="shop")
    assert TRUSTING.apply(other) == other
