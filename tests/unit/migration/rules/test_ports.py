from dataclasses import replace

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.ports import LOOPBACK, PORT, port
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import applied, unexplained


def draft(text: str, environment: str = "dev", offset: int = 0) -> Draft:
    return Draft(document=Document(text, "c.yml"), environment=environment, project="shop", offset=offset)


def publishing(*items: str, service: str = "app", more: str = "") -> str:
    lines = "".join(f"      - {item}\n" for item in items)
    return f"services:\n  {service}:\n    image: x\n    ports:\n{lines}{more}"


# What is written, what development makes of it, and what tests make of it.
NUMBERS = {
    "a literal one": ("8182:8182", "${APP_PORT:-8182}:8182", "${APP_PORT:-8183}:8182"),
    "one in quotes": ("'22:22'", "'${APP_PORT:-22}:22'", "'${APP_PORT:-23}:22'"),
    "an own default": ("${WEB:-8000}:80", "${WEB:-8000}:80", "${WEB:-8001}:80"),
    "an own default without a colon": ("${WEB-8000}:80", "${WEB-8000}:80", "${WEB-8001}:80"),
    "a nested default": ("${WEB:-${P:-8000}}:80", "${WEB:-${P:-8000}}:80", "${WEB:-${P:-8001}}:80"),
    "UDP": ("53:53/udp", "${APP_PORT:-53}:53/udp", "${APP_PORT:-54}:53/udp"),
    "a host address": ("10.0.0.1:80:80", "10.0.0.1:${APP_PORT:-80}:80", "10.0.0.1:${APP_PORT:-81}:80"),
    "an IPv6 address": ('"[::1]:80:80"', '"[::1]:${APP_PORT:-80}:80"', '"[::1]:${APP_PORT:-81}:80"'),
    "a range": ("3000-3005:3000-3005", "3000-3005:3000-3005", "3006-3011:3000-3005"),
    "any of a range": ("8000-8009:80", "8000-8009:80", "8010-8019:80"),
    "a range by default": ("${R:-5000-5001}:50-51", "${R:-5000-5001}:50-51", "${R:-5002-5003}:50-51"),
    "the container's alone": ("3000", "3000", "3000"),
    "any on an address": ("127.0.0.1::3000", "127.0.0.1::3000", "127.0.0.1::3000"),
    "no default": ("${WEB}:80", "${WEB}:80", "${WEB}:80"),
    "a number that is composed": ("80${N:-1}:80", "80${N:-1}:80", "80${N:-1}:80"),
    "all in one variable": ("${WEB:-80:80}", "${WEB:-80:80}", "${WEB:-80:80}"),
}


@pytest.mark.parametrize(("text", "development", "tests"), NUMBERS.values(), ids=NUMBERS)
def test_a_host_port_has_a_variable_and_in_tests_another_number(
    text: str, development: str, tests: str
) -> None:
    legacy = publishing(text)
    assert PORT.apply(draft(legacy)).document.text == legacy.replace(text, development)
    moved = PORT.apply(draft(legacy, "test", 1))
    assert moved.document.text == legacy.replace(text, tests)
    assert PORT.apply(moved) == moved


def test_long_syntax_keeps_its_other_fields() -> None:
    legacy = publishing(
        "{ name: web, target: 80, published: 8080, mode: host }", 'target: 9\n        published: "9"'
    )
    assert PORT.apply(draft(legacy, "test", 2)).document.text == publishing(
        '{ name: web, target: 80, published: "${APP_PORT:-8082}", mode: host }',
        'target: 9\n        published: "${APP_PORT_9:-11}"',
    )


NAMES = {
    "a second port": (("80:80", "9000:9001"), ("${APP_PORT:-80}:80", "${APP_PORT_9001:-9000}:9001")),
    "one number by two protocols": (("53:53", "53:53/udp"), ("${APP_PORT:-53}:53", "${APP_PORT:-53}:53/udp")),
    "a name that is in use": (("${APP_PORT:-1}:1", "2:1"), ("${APP_PORT:-1}:1", "${APP_PORT_1:-2}:1")),
    "two for one target": (("80:80", "81:80", "82:80"), ("${APP_PORT:-80}:80", "${APP_PORT_80:-81}:80", "${APP_PORT_80_TCP:-82}:80")),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize(("texts", "expected"), NAMES.values(), ids=NAMES)
def test_every_variable_means_one_port(texts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert PORT.apply(draft(publishing(*texts))).document.text == publishing(*expected)


def test_a_variable_is_called_as_its_service_if_an_env_file_has_no_such_name() -> None:
    legacy = publishing("80:80", service="my-web.1")
    assert "${MY_WEB_1_PORT:-80}:80" in PORT.apply(draft(legacy)).document.text
    assert "${MY_WEB_1_PORT_80:-80}:80" in port({"MY_WEB_1_PORT"}).apply(draft(legacy)).document.text


def test_what_names_a_moved_variable_follows() -> None:
    more = "    environment:\n      URL: https://localhost:${APP_PORT:-8000}/${WEB:-90}\n      A: ${APP_PORT:-9}\n"
    result = PORT.apply(draft(publishing("${APP_PORT:-8000}:8000", "${WEB:-90}:9", more=more), "test", 1))
    assert result.document.get(("services", "app", "environment")) == {
        "URL": "https://localhost:${APP_PORT:-8001}/${WEB:-91}",
        "A": "${APP_PORT:-9}",
    }


def test_a_person_hears_of_numbers_that_cannot_be_moved() -> None:
    more = "    environment: [URL=http://me:secret@127.0.0.1:8000/x, OTHER=http://127.0.0.1:80001]\n"
    legacy = publishing("8000:80", "${WEB}:81", "3000-3001:3000-3001", more=more)
    remarks = PORT.apply(draft(legacy, "test", 1)).remarks
    assert [remark.split(":")[0] for remark in remarks] == [
        "app publishes 81 on ${WEB}, which has no number by default",
        "app publishes 3000-3001 by a range",
        "app names host port 8000 in URL; in test that is another environment's.",
    ]
    assert len(PORT.apply(draft(legacy)).remarks) == 1


@pytest.mark.parametrize("text", ["${WEB}:80", "${WEB:-8000}:80", "$WEB:80"])
def test_a_number_that_development_has_from_the_same_env_file_is_another_variables(text: str) -> None:
    legacy = publishing(text, more="    environment: ['URL=http://localhost:${WEB:-8000}', 'NAME=${NAME}']\n")
    shared = {"WEB": "9000", "NAME": "web"}
    moved = PORT.apply(replace(draft(legacy, "test", 1), shared=shared))
    assert moved.document.get(("services", "app", "ports", 0)) == "${TEST_WEB:-9001}:80"
    assert moved.remarks == ()
    assert PORT.apply(moved) == moved
    own = PORT.apply(replace(draft(legacy), shared=shared))
    assert own.document.get(("services", "app", "ports", 0)) == text


def test_ci_publishes_nothing() -> None:
    legacy = "x-a: &a\n  ports: ['1:1']\nservices:\n  a: *a\n  b:\n    ports:\n      - 2:2\n    tty: true\n"
    result = PORT.apply(draft(legacy, "ci"))
    assert result.document.text == "x-a: &a {}\nservices:\n  a: *a\n  b:\n    tty: true\n"


ADDRESSES = {
    "no address": ("8000:80", "127.0.0.1:8000:80"),
    "every address": ("0.0.0.0:8000:80", "127.0.0.1:8000:80"),
    "every address of IPv6": ('"[::]:8000:80"', '"[::1]:8000:80"'),
    "another machine's view": ("10.1.2.3:8000:80/udp", "127.0.0.1:8000:80/udp"),
    "a loopback address": ("127.0.0.2:8000:80", "127.0.0.2:8000:80"),
    "a variable that is one by default": ("${IP:-127.0.0.1}:80:80", "${IP:-127.0.0.1}:80:80"),
    "a variable that is none": ("${IP:-0.0.0.0}:80:80", "127.0.0.1:80:80"),
    "a variable with nothing": ("${IP}:80:80", "127.0.0.1:80:80"),
    "the container's alone": ("3000", "127.0.0.1::3000"),
    "the container's alone, quoted": ('"3000-3002/udp"', '"127.0.0.1::3000-3002/udp"'),
    "a variable": ("${WEB:-8000}:80", "127.0.0.1:${WEB:-8000}:80"),
    "all in one variable": ("${WEB:-80:80}", "${WEB:-80:80}"),
    "long syntax": ("{ target: 80 }", "{ target: 80, host_ip: 127.0.0.1 }"),
    "long syntax with an address": ("{ target: 80, host_ip: '::' }", "{ target: 80, host_ip: '::1' }"),
}


@pytest.mark.parametrize(("text", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_only_this_machine_reaches_a_port(text: str, expected: str) -> None:
    result = LOOPBACK.apply(draft(publishing(text)))
    assert result.document.text == publishing(expected)
    assert LOOPBACK.apply(result) == result
    assert bool(result.remarks) == (text == "${WEB:-80:80}")


def test_a_port_that_is_there_already_is_not_published_twice() -> None:
    legacy = publishing("8000:80", "127.0.0.1:8000:80", "127.0.0.1:1:80")
    result = LOOPBACK.apply(draft(legacy))
    assert result.document.text == publishing("127.0.0.1:8000:80", "127.0.0.1:1:80")


EVERY = publishing(
    "8000:80", '"[::]:8001:80"', "53:53", "53:53/udp", "3000-3001:30-31", '"9"', "0.0.0.0:${P:-7}:7",
    more="""\
    environment:
      URL: http://localhost:${P:-7}
  child:
    extends: app
  long:
    image: x
    ports: &long
      - target: 80
        published: "${LONG:-4000}"
        host_ip: 0.0.0.0
  other:
    image: x
    ports: *long
""",
)  # fmt: skip


@pytest.mark.parametrize(("environment", "offset"), [("dev", 0), ("test", 1), ("ci", 2)])
def test_every_change_is_declared(make_stage: MakeStage, environment: str, offset: int) -> None:
    stage = make_stage({"docker-compose.yml": EVERY})
    before = stage.draft(environment, offset=offset)
    for rules in ((PORT,), (LOOPBACK,), (LOOPBACK, PORT), (PORT, LOOPBACK)):
        after = applied(before, *rules)
        found = stage.differences(after)
        assert not list(unexplained(found, after.declared))
        assert bool(found) == (after.document != before.document)
        assert applied(after, *rules) == after


def test_ci_publishes_nothing_of_another_file_that_a_service_extends(make_stage: MakeStage) -> None:
    files = {
        "common.yml": "services:\n  web: { image: nginx, ports: ['8080:80'] }\n",
        "docker-compose.yml": """\
services:
  web:
    extends: { file: common.yml, service: web }
  second:
    extends: web
""",
    }
    stage = make_stage(files)
    after = PORT.apply(stage.draft("ci"))
    found = stage.differences(after)
    assert [one.place for one in unexplained(found, after.declared)] == []
    services = stage.after(after).model({})["services"]
    assert [name for name, service in services.items() if service.get("ports")] == []
    assert PORT.apply(after).document == after.document
