import pytest

from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.paths import ENV_FILE, RELATIVE_PATH, rebased
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import Stage, applied, unexplained

REBASED = {
    (".", "."): "..",
    ("./", "."): "../",
    ("./src", "."): "../src",
    ("src/", "."): "../src/",
    ("../other", "."): "../../other",
    (".././other", "."): "../../other",
    (".env", "."): "../.env",
    (".", "docker"): "../docker",
    ("..", "docker"): "..",
    ("./nginx.conf", "docker"): "../docker/nginx.conf",
    ("../src", "docker"): "../src",
    ("../../other", "docker"): "../../other",
    ("${DATA:-./data}", "."): "${DATA:-../data}",
    ("${ROOT:-.}/src", "."): "${ROOT:-..}/src",
    ("${ROOT-${OTHER:-.}}/src", "."): "${ROOT-${OTHER:-..}}/src",
    ("./${NAME}/src", "."): "../${NAME}/src",
    ("${DATA}", "."): "${DATA}",
    ("$DATA/x", "."): "$DATA/x",
    ("${DATA:?is needed}", "."): "${DATA:?is needed}",
    ("${DATA:-}", "."): "${DATA:-}",
    ("${DATA:-/srv}", "."): "${DATA:-/srv}",
    ("/srv", "."): "/srv",
    ("~/x", "."): "~/x",
    ("C:\\x", "."): "C:\\x",
    ("https://host/repository.git#main:folder", "."): "https://host/repository.git#main:folder",
    ("git@host:team/repository", "."): "git@host:team/repository",
    ("github.com/team/repository", "."): "github.com/team/repository",
    ("docker-image://alpine", "."): "docker-image://alpine",
    ("service:base", "."): "service:base",
}


@pytest.mark.parametrize(("path", "expected"), REBASED.items())
def test_path_counts_from_the_new_folder(path: tuple[str, str], expected: str) -> None:
    assert rebased(*path) == expected


FILES = {
    "docker-compose.yml": """\
name: shop
x-prose: ./docs
include:
  - parts/one.yml
  - path: [./parts/two.yml, parts/two.local.yml]
    project_directory: parts
    env_file: ./parts/two.env
  - path: parts/three.yml
    env_file: [parts/two.env]
services:
  web:
    build: .
    label_file: web.labels
    env_file: "./web.env"
    volumes:
      - .:/app
      - './web:/quoted'
      - ../beside:/beside:ro
      - ~/.npmrc:/root/.npmrc
      - /srv:/srv
      - ./anonymous
      - { type: bind, source: web, target: /web }
      - { type: volume, source: data, target: /long, volume: { subpath: ./x } }
  api:
    build:
      context: ./api # the context
      dockerfile: ./docker/Dockerfile
      additional_contexts:
        web: web
        base: docker-image://alpine
    label_file: [web.labels, ./api.labels]
    env_file: [web.env, ./api.env]
    develop:
      watch:
        - { action: sync, path: ./api/src, target: /app, ignore: [./x] }
  job:
    build:
      context: https://host/repository.git
      additional_contexts: [web=./web, other=service:web]
    env_file:
      - web.env
      - { path: api.env, format: raw }
      - { path: ./none.env, required: false }
  common:
    extends: { file: parts/common.yml, service: common }
  heir:
    extends: web
secrets:
  key: { file: ./key.pem }
  token: { environment: TOKEN }
configs:
  site: { file: site.conf }
volumes:
  data:
  bound:
    driver: local
    driver_opts: { type: none, o: bind, device: ./bound }
""",
    "parts/one.yml": "services: { one: { build: . } }\n",
    "parts/two.yml": "services: { two: { image: '${TWO}', volumes: ['./two:/two'] } }\n",
    "parts/two.local.yml": "services: { two: { command: x } }\n",
    "parts/two.env": "TWO=2\n",
    "parts/three.yml": "services: { three: { image: '${TWO}' } }\n",
    "parts/common.yml": "services: { common: { build: ../common, volumes: ['./x:/x'] } }\n",
    "web.env": "A=1\n",
    "api.env": "B=2\n",
    "web.labels": "c=3\n",
    "api.labels": "d=4\n",
}


MOVED_LINES = """\
  - ../parts/one.yml
  - path: [../parts/two.yml, ../parts/two.local.yml]
    project_directory: ../parts
    env_file: ../parts/two.env
  - path: ../parts/three.yml
    env_file: [../parts/two.env]
    build: ..
    label_file: ../web.labels
    env_file: "../web.env"
      - ..:/app
      - '../web:/quoted'
      - ../../beside:/beside:ro
      - { type: bind, source: ../web, target: /web }
      context: ../api # the context
        web: ../web
    label_file: [../web.labels, ../api.labels]
    env_file: [../web.env, ../api.env]
        - { action: sync, path: ../api/src, target: /app, ignore: [./x] }
      additional_contexts: [web=../web, other=service:web]
      - ../web.env
      - { path: ../api.env, format: raw }
      - { path: ../none.env, required: false }
    extends: { file: ../parts/common.yml, service: common }
  key: { file: ../key.pem }
  site: { file: ../site.conf }
    driver_opts: { type: none, o: bind, device: ../bound }
"""


def test_every_path_leads_to_the_same_file(make_stage: MakeStage) -> None:
    stage = make_stage(FILES)
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert changed_lines(stage, moved) == MOVED_LINES.splitlines()
    assert (moved.origin, moved.declared) == ("compose", ())
    assert stage.differences(moved) == ()
    assert applied(moved, RELATIVE_PATH) is moved


def test_path_that_is_not_moved_along_is_found_by_compose(make_stage: MakeStage) -> None:
    stage = make_stage({"docker-compose.yml": "name: shop\nservices: { web: { build: ./web } }\n"})
    moved = applied(stage.draft(), RELATIVE_PATH)
    forgotten = moved.edited(moved.document.set(("services", "web", "build"), "./web"))
    assert [one.place for one in stage.differences(forgotten)] == [("services", "web", "build", "context")]


def test_paths_of_a_file_in_a_folder_count_from_there(make_stage: MakeStage) -> None:
    text = """\
name: shop
services:
  web:
    build: { context: .., dockerfile: docker/Dockerfile }
    volumes: [./x:/x]
"""
    stage = make_stage({"docker/docker-compose.yml": text}, file="docker/docker-compose.yml")
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert changed_lines(stage, moved) == ["    volumes: [../docker/x:/x]"]
    assert stage.differences(moved) == ()


def test_path_that_services_share_is_changed_once_and_declared_where_it_stands(make_stage: MakeStage) -> None:
    text = """\
name: shop
x-web: &web
  volumes: &mounts
    - ./src:/src  # shared
services:
  web: { <<: *web, build: &here ./here }
  job:
    image: x
    volumes: *mounts
    working_dir: *here
"""
    stage = make_stage({"docker-compose.yml": text})
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert changed_lines(stage, moved) == [
        "    - ../src:/src  # shared",
        "  web: { <<: *web, build: &here ../here }",
        "    working_dir: ./here",
    ]
    assert [change.place for change in moved.declared] == [("x-web", "volumes")]
    assert list(unexplained(stage.differences(moved), moved.declared)) == []


def test_relative_value_of_a_variable_is_remarked_and_shows_as_a_difference(make_stage: MakeStage) -> None:
    compose = """\
name: shop
services:
  web:
    image: x
    volumes:
      - ${DATA}:/data
      - ${LOGS}:/logs
"""
    files = {"docker-compose.yml": compose, ".env": "DATA=./data\nLOGS=/var/log\n"}
    stage = make_stage(files, env_file=".env")
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert moved.document.text == compose
    assert [remark.removeprefix(f"{stage.root}/") for remark in moved.remarks] == [
        f"docker-compose.yml:{line}: services.web.volumes[{index}] begins with {name}:"
        " a relative value of it counts from compose/ now."
        for line, index, name in ((6, 0, "DATA"), (7, 1, "LOGS"))
    ]
    left = unexplained(stage.differences(moved), moved.declared)
    assert [one.place for one in left] == [("services", "web", "volumes", "/data", "source")]


def test_folder_of_the_command_is_remarked_and_the_home_folder_is_not(make_stage: MakeStage) -> None:
    compose = "services:\n  web:\n    image: x\n    volumes: ['$PWD/x:/x', '${HOME}/y:/y']\n"
    stage = make_stage({"docker-compose.yml": compose})
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert moved.document.text == compose
    (remark,) = moved.remarks
    assert remark.removeprefix(f"{stage.root}/") == (
        "docker-compose.yml:4: services.web.volumes[0] begins with the folder that a command is run in."
    )


def test_default_of_a_variable_leads_to_the_same_folder(make_stage: MakeStage) -> None:
    compose = """\
name: shop
services:
  web:
    build: "${APP_DIR:-.}"
    volumes:
      - ${DOCS_DIR:-./docs}:/docs
      - { type: bind, source: "${ROOT:-..}/x", target: /x }
"""
    stage = make_stage({"docker-compose.yml": compose})
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert changed_lines(stage, moved) == [
        '    build: "${APP_DIR:-..}"',
        "      - ${DOCS_DIR:-../docs}:/docs",
        '      - { type: bind, source: "${ROOT:-../..}/x", target: /x }',
    ]
    assert stage.after(moved).model({}) == stage.before.model({})


def test_default_of_a_variable_may_be_the_name_of_a_volume(make_stage: MakeStage) -> None:
    stage = make_stage(
        {"docker-compose.yml": "services: { web: { volumes: ['${DATA:-data}:/data', 'data:/more'] } }\n"}
    )
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert changed_lines(stage, moved) == []
    assert moved.remarks == ()


def test_device_that_compose_leaves_to_the_engine_is_remarked(make_stage: MakeStage) -> None:
    compose = """\
name: shop
services:
  web: { image: x, volumes: ["a:/a", "b:/b"] }
volumes:
  a: { driver_opts: { type: none, o: bind, device: ./a } }
  b: { driver_opts: { type: none, o: bind, device: /srv/b } }
"""
    stage = make_stage({"docker-compose.yml": compose})
    moved = applied(stage.draft(), RELATIVE_PATH)
    assert moved.document.text == compose
    (remark,) = moved.remarks
    assert remark.removeprefix(f"{stage.root}/") == (
        "docker-compose.yml:5: volumes.a.driver_opts.device is ./a,"
        " which does not count from the file's folder and stays."
    )
    assert stage.differences(moved) == ()


ENV_FILES = {
    ".env": "A=1\n",
    "docker-compose.yml": """\
name: shop
services:
  web:
    image: x
    secrets: [all]
    env_file: [.env, ./web.env]
    volumes:
      - ./.env:/app/./.env:ro
      - "${ENV_FILE:-.env}:${APP:-/app}/other.env"
      - ./web.env:/web.env
      - { type: bind, source: .env, target: /long/.env }
      - ./:/all
  job:
    extends: web
    env_file:
      - path: .env
        required: false
secrets:
  all: { file: ./.env }
""",
    "web.env": "B=2\n",
}


@pytest.mark.parametrize("rules", [(ENV_FILE, RELATIVE_PATH), (RELATIVE_PATH, ENV_FILE)])
def test_env_file_is_named_where_it_goes(make_stage: MakeStage, rules: tuple[Rule, Rule]) -> None:
    stage = make_stage(ENV_FILES, env_file=".env")
    changed = applied(stage.draft(), *rules)
    assert changed_lines(stage, changed) == [
        "    env_file: [../envs/.env.dev, ../web.env]",
        "      - ../envs/.env.dev:/app/./.env:ro",
        '      - "${ENV_FILE:-../envs/.env.dev}:${APP:-/app}/other.env"',
        "      - ../web.env:/web.env",
        "      - { type: bind, source: ../envs/.env.dev, target: /long/.env }",
        "      - ../:/all",
        "      - path: ../envs/.env.dev",
        "  all: { file: ../envs/.env.dev }",
    ]
    assert applied(changed, *rules) == changed


def test_env_file_declares_the_source_of_its_mounts_and_no_other(make_stage: MakeStage) -> None:
    files = {
        **ENV_FILES,
        "docker-compose.yml": ENV_FILES["docker-compose.yml"].replace("${APP:-/app}", "/app"),
    }
    stage = make_stage(files, env_file=".env")
    changed = applied(stage.draft(), ENV_FILE)
    targets = ("/app/.env", "/app/other.env", "/long/.env")
    expected = {
        *(("services", name, "volumes", target, "source") for name in ("web", "job") for target in targets),
        ("secrets", "all", "file"),
    }
    assert {change.place for change in changed.declared} == expected
    assert {one.place for one in stage.differences(changed)} == expected


def test_folder_that_an_env_file_leaves_is_remarked(make_stage: MakeStage) -> None:
    stage = make_stage(ENV_FILES, env_file=".env")
    changed = applied(stage.draft(), ENV_FILE, RELATIVE_PATH, ENV_FILE)
    assert [remark.removeprefix(f"{stage.root}/") for remark in changed.remarks[:1]] == [
        "docker-compose.yml:12: services.web.volumes[4] mounts the folder that .env leaves: /all will not have it."
    ]


def changed_lines(stage: Stage, changed: Draft) -> list[str]:
    """Return the lines of a draft that are not as in the file that it was made from."""
    before = stage.draft().document.text.splitlines()
    pairs = zip(before, changed.document.text.splitlines(), strict=True)
    return [new for old, new in pairs if new != old]
