from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.names import CONTAINER_NAME, NETWORK, PROJECT_NAME, VOLUME
from dashtam_tasks.migration.rules.paths import ENV_FILE, RELATIVE_PATH
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import Stage, applied, migrated_shapes, shaped, unexplained

pytestmark = pytest.mark.shapes

NAMES = (PROJECT_NAME, CONTAINER_NAME, NETWORK, VOLUME)
# Its HOME is a variable that no stand-in may be given for: Docker finds its plugins there.
SHAPES = [name for name in migrated_shapes() if name != "variable-paths"]


def draft(text: str, environment: str = "dev", project: str = "shop") -> Draft:
    """Return the draft of a file of some text."""
    document = Document(text, "docker-compose.yml")
    return Draft(document=document, environment=environment, project=project)


def places(one: Draft) -> set[str]:
    """Return the places that are declared."""
    return {".".join(change.place) for change in one.declared}


NAMED = {
    "where there is none": ("services: {}\n", "name: shop-dev${INSTANCE_SUFFIX:-}\nservices: {}\n"),
    "below what the file says of itself": (
        '# Ours.\n\nversion: "3"\nservices: {}\n',
        '# Ours.\n\nname: shop-dev${INSTANCE_SUFFIX:-}\nversion: "3"\nservices: {}\n',
    ),
    "in the place of another": (
        "services: {}\nname: 'shop' # ours\n",
        "services: {}\nname: 'shop-dev${INSTANCE_SUFFIX:-}' # ours\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), NAMED.values(), ids=NAMED.keys())
def test_project_has_a_name_of_its_own(text: str, expected: str) -> None:
    assert applied(draft(text), PROJECT_NAME).document.text == expected


def test_project_name_declares_what_compose_names_after_it_and_nothing_else() -> None:
    changed = applied(
        draft(
            "services: {web: {image: x, hostname: '${COMPOSE_PROJECT_NAME}-web'}, job: {extends: web}}\n"
            "networks: {back: , proxy: {external: true}, fixed: {name: here}}\n"
            "volumes: {data: , old: {external: true}, fixed: {name: here}}\n"
            "secrets: {key: {file: key.pem}}\n"
        ),
        PROJECT_NAME,
    )
    assert places(changed) == {
        "name",
        "networks.default.name",
        "networks.back.name",
        "volumes.data.name",
        "secrets.key.name",
        "services.web.hostname",
        "services.job.hostname",
    }


CONTAINERS = {
    "shop-web": "shop-dev-web${INSTANCE_SUFFIX:-}",
    "shop_web": "shop-dev_web${INSTANCE_SUFFIX:-}",
    "shop-dev-web": "shop-dev-web${INSTANCE_SUFFIX:-}",
    "shop": "shop-dev${INSTANCE_SUFFIX:-}",
    "shopping-web": "shopping-web-dev${INSTANCE_SUFFIX:-}",
    "web": "web-dev${INSTANCE_SUFFIX:-}",
    "web-dev": "web-dev${INSTANCE_SUFFIX:-}",
    "${PREFIX:-shop}-web": "${PREFIX:-shop}-web-dev${INSTANCE_SUFFIX:-}",
    "${COMPOSE_PROJECT_NAME}-web": "${COMPOSE_PROJECT_NAME}-web",
}


@pytest.mark.parametrize(("name", "expected"), CONTAINERS.items())
def test_container_has_the_environment_and_the_instance_in_its_name(name: str, expected: str) -> None:
    text = 'services:\n  web:\n    container_name: "{}" # its name\n'
    once = applied(draft(text.format(name)), CONTAINER_NAME)
    assert once.document.text == text.format(expected)
    assert applied(once, CONTAINER_NAME) == once


@pytest.mark.parametrize("said", ["", "    container_name:\n"])
def test_container_without_a_name_stays_without(said: str) -> None:
    one = draft(f"services:\n  web:\n    image: x\n{said}")
    assert applied(one, CONTAINER_NAME) == one


def test_host_that_is_a_container_by_its_old_name_is_remarked() -> None:
    changed = applied(
        draft(
            "services:\n"
            "  web:\n"
            "    environment:\n"
            "      - DB=postgres://shop-db:5432/shop\n"
            "      - OTHER=shop-db-2\n"
            "  db:\n"
            "    container_name: shop-db\n"
        ),
        CONTAINER_NAME,
    )
    (remark,) = changed.remarks
    assert remark == (
        "docker-compose.yml:4: services.web.environment[0] may mean the container shop-db,"
        " which is not called that now."
    )


def test_service_that_extends_another_file_is_remarked_once() -> None:
    one = draft("services:\n  web:\n    extends: { file: common.yml, service: web }\n")
    changed = applied(one, CONTAINER_NAME, CONTAINER_NAME)
    (remark,) = changed.remarks
    assert remark == (
        "docker-compose.yml:3: services.web.extends leads to another file:"
        " a fixed name or a port from there stays as it is."
    )


NETWORKS = """\
x-joined: &joined
  shop-network: { aliases: [api] }
services:
  web:
    image: x
    networks:
      - shop-network  # to the database
      - back
  api:
    image: x
    networks: *joined
  job:
    image: x
    networks:
      <<: *joined
      back:
        ipv4_address: 172.30.0.9
  cron:
    extends: web
networks:
  # All of it.
  shop-network:
    name: 'shop-network'
  back:
    ipam:
      config:
        - subnet: 172.30.0.0/16
"""


def test_networks_are_renamed_with_all_that_joins_them(make_stage: MakeStage) -> None:
    stage = make_stage({"docker-compose.yml": NETWORKS})
    changed = applied(stage.draft(), NETWORK)
    renamed = NETWORKS.replace("shop-network:", "dev-network:").replace("- shop-network", "- dev-network")
    expected = renamed.replace("'shop-network'", "'shop-dev-network${INSTANCE_SUFFIX:-}'")
    assert changed.document.text == expected
    (remark,) = changed.remarks
    assert remark.partition(": ")[2] == (
        "networks.back.ipam.config[0].subnet can belong to one network at a time:"
        " two environments that have it do not start side by side."
    )
    prove(stage, changed)
    assert applied(changed, NETWORK) == changed


def test_network_of_a_key_that_is_taken_is_refused() -> None:
    one = draft("services: {}\nnetworks:\n  shop-back:\n  dev-back:\n")
    with pytest.raises(DashtamError, match=r"docker-compose\.yml:4: networks\.dev-back is there") as caught:
        applied(one, NETWORK)
    assert caught.value.code == ExitCode.DATA


def test_volume_that_a_variable_may_name_keeps_its_key() -> None:
    one = draft("services:\n  web:\n    volumes: ['${DATA:-data}:/data']\nvolumes:\n  data:\n", "test")
    assert applied(one, VOLUME) == one


def test_drive_of_windows_is_no_volume() -> None:
    text = "services:\n  web:\n    volumes: ['d:/d']\nvolumes:\n  d:\n"
    changed = applied(draft(text), VOLUME)
    assert changed.document.get(("services", "web", "volumes")) == ["d:/d"]


VOLUMES = """\
x-mounts: &mounts
  - data:/data:ro
  - ./data:/folder
services:
  web:
    image: x
    volumes: *mounts
  api:
    image: x
    volumes:
      - type: volume
        source: data
        target: /data
        volume: { subpath: data }
      - { type: bind, source: data, target: /folder }
      - "uploads:/uploads/"
      - data
  cron:
    extends: api
volumes:
  data: # kept
  uploads:
    name: shop_uploads
"""

NAMED_VOLUMES = (
    VOLUMES.replace("- data:/data:ro", "- dev_data:/data:ro")
    .replace("source: data\n", "source: dev_data\n")
    .replace('"uploads:', '"dev_uploads:')
    .replace("  data: # kept\n  uploads:\n", "  dev_data: # kept\n  dev_uploads:\n")
    .replace("name: shop_uploads", "name: shop-dev_uploads${INSTANCE_SUFFIX:-}")
)


def test_volumes_are_renamed_with_all_that_mounts_them(make_stage: MakeStage) -> None:
    stage = make_stage({"docker-compose.yml": VOLUMES})
    changed = applied(stage.draft(), VOLUME)
    assert changed.document.text == NAMED_VOLUMES
    prove(stage, changed)
    assert applied(changed, VOLUME) == changed


EXTERNAL = """\
services:
  web:
    image: x
    networks: [default, proxy, monitoring]
    volumes: [pages:/pages]
networks:
  proxy: &theirs
    name: traefik-public
    external: true
  monitoring: *theirs
volumes:
  pages:
    external: true
    name: wiki_pages
"""


def test_development_keeps_what_is_external_and_says_so(make_stage: MakeStage) -> None:
    stage = make_stage({"docker-compose.yml": EXTERNAL})
    changed = applied(stage.draft(), NETWORK, VOLUME)
    assert changed.document.text == EXTERNAL
    assert changed.declared == ()
    assert [remark.partition(": ")[2].partition(" is external")[0] for remark in changed.remarks] == [
        "networks.proxy",
        "volumes.pages",
    ]
    assert stage.differences(changed) == ()


@pytest.mark.parametrize("environment", ["test", "ci"])
def test_tests_share_nothing_that_is_external(make_stage: MakeStage, environment: str) -> None:
    stage = make_stage({"docker-compose.yml": EXTERNAL})
    changed = applied(stage.draft(environment), NETWORK, VOLUME)
    assert changed.document.data["networks"] == {"proxy": {}, "monitoring": {}}
    assert changed.document.data["volumes"] == {f"{environment}_pages": {}}
    assert changed.document.data["services"]["web"]["volumes"] == [f"{environment}_pages:/pages"]
    prove(stage, changed)


def test_volume_that_nobody_mounts_goes_in_tests_and_stays_in_development() -> None:
    text = "services:\n  web:\n    image: x\n\nvolumes:\n  data: &local\n    driver: local\n  more: *local\n"
    assert applied(draft(text, "test"), VOLUME).document.text == "services:\n  web:\n    image: x\n"
    assert set(applied(draft(text), VOLUME).document.data["volumes"]) == {"dev_data", "dev_more"}


def test_name_that_another_place_shares_as_something_else_stays_there() -> None:
    text = "services:\n  web:\n    container_name: &web shop-web\n    image: *web\n"
    changed = applied(draft(text), CONTAINER_NAME)
    assert changed.document.get(("services", "web", "image")) == "shop-web"
    assert changed.document.get(("services", "web", "container_name")) == CONTAINERS["shop-web"]


RULED: dict[str, tuple[Rule, str]] = {
    "project-name": (PROJECT_NAME, "services: {web: {image: x}}\n"),
    "container-name": (
        CONTAINER_NAME,
        "services:\n  web: &web\n    image: x\n    container_name: shop-web\n  job:\n    image: x\n",
    ),
    "network": (NETWORK, "services: {web: {image: x, networks: [n]}}\nnetworks: {n: {name: shop-n}}\n"),
    "volume": (VOLUME, "services: {web: {image: x, volumes: ['data:/d']}}\nvolumes: {data: }\n"),
}


@pytest.mark.parametrize(("rule", "text"), RULED.values(), ids=RULED.keys())
def test_each_rule_declares_what_it_changes_under_its_own_name(
    make_stage: MakeStage, rule: Rule, text: str
) -> None:
    stage = make_stage({"docker-compose.yml": text})
    changed = applied(stage.draft(), rule)
    assert {change.rule for change in changed.declared} == {rule.name}
    prove(stage, changed)


@pytest.mark.parametrize(("name", "environment"), [*((name, "dev") for name in SHAPES), ("external", "test")])
def test_every_shape_is_equivalent_but_for_what_is_declared(
    tmp_path: Path, name: str, environment: str
) -> None:
    stage = shaped(tmp_path, name)
    once = applied(stage.draft(environment), ENV_FILE, RELATIVE_PATH, *NAMES)
    prove(stage, once)
    again = applied(once, ENV_FILE, RELATIVE_PATH, *NAMES)
    assert (again.document.text, again.declared, again.remarks) == (
        once.document.text,
        once.declared,
        once.remarks,
    )


def prove(stage: Stage, changed: Draft) -> None:
    """Assert that all that differs is declared, and that each rule about names had to declare it."""
    differences = stage.differences(changed)
    assert [str(one) for one in unexplained(differences, changed.declared)] == []
    for rule in {change.rule for change in changed.declared} & {rule.name for rule in NAMES}:
        others = [change for change in changed.declared if change.rule != rule]
        assert list(unexplained(differences, others))


def test_a_label_that_names_a_network_is_told_of_however_its_variable_is_written() -> None:
    changed = applied(
        draft(
            "services:\n"
            "  web:\n"
            "    networks: [public]\n"
            "    labels:\n"
            "      - traefik.docker.network=${STACK?Not set}-public\n"
            "      - traefik.port=80\n"
            "networks:\n"
            "  public: {name: '${STACK:-shop}-public'}\n"
        ),
        NETWORK,
    )
    (remark,) = changed.remarks
    assert remark == (
        "docker-compose.yml:5: services.web.labels[0] may mean the network ${STACK:-shop}-public, which is not "
        "called that now."
    )


@pytest.mark.parametrize("name", ["shop_db_test", "shop-db-test"])
def test_a_name_that_ends_in_its_environment_does_so_once(name: str) -> None:
    text = f"services: {{db: {{container_name: {name}}}}}\n"
    changed = applied(draft(text, "test"), CONTAINER_NAME)
    assert changed.document.get(("services", "db", "container_name")) == f"{name}${{INSTANCE_SUFFIX:-}}"
