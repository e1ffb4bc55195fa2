"""What can speak HTTPS gets a twin that does, in forms of every kind; nothing else of the file changes."""

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.ssl import ssl
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import unexplained

SHOP = """\
services:
  db:
    image: postgres:17
  app:
    image: app
    container_name: shop-test-app${INSTANCE_SUFFIX:-}
    command: ["serve", "--reload"]
    environment:
      SSL_ENABLED: ${SSL_ENABLED:-false}
      PUBLIC_URL: http://localhost:${APP_PORT:-8001}
      CALLBACK_URL: ${CALLBACK_URL:-http://127.0.0.1:${CALLBACK_PORT:-8183}/back}
      INNER_URL: http://callback:8182/x
      LOGO_URL: http://localhost:80010/
      PLAIN: 1
    ports:
      - "127.0.0.1:${APP_PORT:-8001}:8000"
    volumes:
      - ../certs:/app/certs:ro
    depends_on:
      db:
        condition: service_healthy
  callback:
    image: callback
    environment:
      - SSL_ENABLED=false
      - API_URL=http://localhost:8001/api
    ports:
      - "127.0.0.1:${CALLBACK_PORT:-8183}:8182"
    volumes:
      - ../certs:/certs:ro
    networks: { default: { aliases: [back] } }
    depends_on: [app, db]
"""

TWINS = {
    "app-ssl": {
        "profiles": ["ssl"],
        "image": "app",
        "container_name": "shop-test-app-ssl${INSTANCE_SUFFIX:-}",
        "command": ["serve", "--reload"],
        "environment": {
            "SSL_ENABLED": "true",
            "PUBLIC_URL": "https://app-ssl:8000",
            "CALLBACK_URL": "https://callback-ssl:8182/back",
            "INNER_URL": "https://callback-ssl:8182/x",
            "LOGO_URL": "http://localhost:80010/",
            "PLAIN": 1,
        },
        "volumes": ["../certs:/app/certs:ro"],
        "depends_on": {"db": {"condition": "service_healthy"}},
    },
    "callback-ssl": {
        "profiles": ["ssl"],
        "image": "callback",
        "environment": ["SSL_ENABLED=true", "API_URL=https://app-ssl:8000/api"],
        "volumes": ["../certs:/certs:ro"],
        "networks": {"default": None},
        "depends_on": ["app-ssl", "db"],
    },
}


def secured(text: str, **folders: str) -> Draft:
    draft = Draft(document=Document(text, "c.yml"), environment="test", project="shop", origin="compose")
    return ssl(folders).apply(draft)


def test_each_gets_a_twin_that_names_the_others() -> None:
    result = secured(SHOP)
    assert result.document.text.startswith(SHOP)
    assert '    profiles: ["ssl"]\n' in result.document.text
    assert {name: result.document.get(("services", name)) for name in TWINS} == TWINS
    assert [one.place for one in result.declared] == [("services", name) for name in TWINS]
    assert secured(result.document.text).document == result.document


def test_every_change_is_declared(make_stage: MakeStage) -> None:
    stage = make_stage({"compose/docker-compose.test.yml": SHOP}, file="compose/docker-compose.test.yml")
    after = ssl({}).apply(stage.draft("test"))
    found = stage.differences(after)
    assert not list(unexplained(found, after.declared))
    assert {one.place[1] for one in found} == set(TWINS)


MINIMAL = "services:\n  app:\n    image: app\n    environment: { SSL_ENABLED: 'false' }\n"


def test_certificates_are_mounted_where_another_file_has_them() -> None:
    result = secured(MINIMAL, app="/tls")
    for name in ("app", "app-ssl"):
        assert result.document.get(("services", name, "volumes")) == ["../certs:/tls:ro"]
    assert ("services", "app", "volumes", "/tls") in [one.place for one in result.declared]
    remarks = secured(MINIMAL).remarks
    assert [one.partition(",")[0] for one in remarks] == ["app mounts no certificates"]


CHECKS = {
    "curl -f http://localhost:80/health": "curl -k -f https://localhost:80/health",
    "wget -q http://127.0.0.1/ || exit 1": "wget --no-check-certificate -q https://127.0.0.1/ || exit 1",
    "curl -f http://elsewhere/health": "curl -f http://elsewhere/health",
    "pgrep app": "pgrep app",
}


@pytest.mark.parametrize(("test", "expected"), CHECKS.items(), ids=CHECKS)
def test_a_check_of_its_own_goes_over_https_too(test: str, expected: str) -> None:
    shell = secured(f"{MINIMAL}    healthcheck: {{ test: '{test}' }}\n")
    assert shell.document.get(("services", "app-ssl", "healthcheck", "test")) == expected
    words = test.split()
    listed = secured(f"{MINIMAL}    healthcheck: {{ test: {['CMD', *words]} }}\n")
    assert listed.document.get(("services", "app-ssl", "healthcheck", "test")) == ["CMD", *expected.split()]


LEFT = {
    "it has no switch": ("services:\n  app: { image: app }\n", True),
    "it speaks HTTPS already": (MINIMAL.replace("false", "true"), False),
    "it has a twin": (f"{MINIMAL}  app-ssl: {{ image: app }}\n", False),
    "it is behind a profile": (f"{MINIMAL}    profiles: [x]\n", False),
    "a twin would publish what it extends": (
        f"{MINIMAL}    extends: base\n  base: {{ image: x, ports: ['1:1'] }}\n",
        False,
    ),
}


@pytest.mark.parametrize(("text", "told"), LEFT.values(), ids=LEFT)
def test_there_is_no_twin_if(text: str, told: bool) -> None:
    result = secured(text)
    assert result.document.text == text
    assert not result.declared
    assert bool(result.remarks) == told
