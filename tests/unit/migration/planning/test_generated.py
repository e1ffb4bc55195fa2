"""Projects that nobody wrote: each is planned with equivalence and isolation proven, or refused with a reason."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.planning import plan
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.planning.staging import staged

pytestmark = pytest.mark.shapes

IMAGES = ("postgres:17", "redis:8", "mysql:8.4", "mongo:8", "nginx:1.29", "shop/unknown:1")
NAMES = ("web", "worker", "db", "cache", "proxy")
VOLUME_NAMES = ("data", "cache_data")


def port(number: int) -> st.SearchStrategy[Any]:
    return st.sampled_from(
        (
            f"{number}:80",
            f"127.0.0.1:{number}:80",
            f"${{WEB_PORT_{number}:-{number}}}:80",
            f"{number}-{number + 2}:80-82",
            f"{number}:80/udp",
            {"target": 80, "published": str(number), "mode": "host"},
            "80",
        )
    )


ENVIRONMENT = st.one_of(
    st.dictionaries(
        st.sampled_from(("DEBUG", "URL", "TOKEN", "EMPTY")),
        st.sampled_from(("1", "${TOKEN}", "http://localhost:8000/", "a: b", "$$HOME", None, "x #y")),
        max_size=3,
    ),
    st.lists(st.sampled_from(("DEBUG=1", "TOKEN", "URL=http://web:80", 'Q="a"')), max_size=3, unique=True),
)
MOUNT = st.sampled_from(
    (
        "data:/var/lib/postgresql/data",
        "cache_data:/data",
        "./src:/app/src",
        "./src:/app/src:ro",
        {"type": "bind", "source": "./config", "target": "/etc/app", "read_only": True},
        "/scratch",
        "./.env:/app/.env:ro",
    )
)


@st.composite
def services(draw: st.DrawFn, *, first_port: int) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return {
        name: draw(service(name, first_port + 10 * number, names[:number]))
        for number, name in enumerate(names)
    }


@st.composite
def service(draw: st.DrawFn, name: str, number: int, others: list[str]) -> dict[str, Any]:
    one: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {"image": st.sampled_from(IMAGES)},
            optional={
                "container_name": st.just(f"shop-{name}"),
                "environment": ENVIRONMENT,
                "ports": st.lists(port(number), max_size=1),
                "volumes": st.lists(MOUNT, max_size=2, unique_by=json.dumps),
                "command": st.sampled_from(("sleep infinity", ["serve", "--all"], "tail -f /dev/null")),
                "restart": st.sampled_from(("always", "unless-stopped", "no")),
                "networks": st.sampled_from((["backend"], {"backend": {"aliases": [f"{name}-alias"]}})),
                "labels": st.just({"note": "x: y # z"}),
            },
        )
    )
    if draw(st.booleans()) and others:
        one["depends_on"] = draw(st.sampled_from((others[:1], {others[0]: {"condition": "service_started"}})))
    return one


@st.composite
def projects(draw: st.DrawFn) -> dict[str, str]:
    base = {"services": draw(services(first_port=8000)), **SHARED}
    overlay: dict[str, Any] = {"services": draw(services(first_port=draw(st.sampled_from((8000, 9000)))))}
    if draw(st.booleans()):
        base = {"version": "3.8", **base}
    style: dict[str, Any] = {
        "sort_keys": False,
        "indent": draw(st.sampled_from((2, 4))),
        "allow_unicode": True,
    }
    end = draw(st.sampled_from(("\n", "\r\n")))
    files = {
        "docker-compose.yml": yaml.safe_dump(base, **style).replace("\n", end),
        ".env": "TOKEN=s3cret-token\nDEBUG=1\n",
        "Makefile": "test:\n\tdocker compose -f docker-compose.yml -f docker-compose.test.yml up -d\n",
    }
    if draw(st.booleans()):
        files["docker-compose.test.yml"] = yaml.safe_dump(overlay, **style).rstrip("\n")
    return files


SHARED: dict[str, Any] = {"volumes": dict.fromkeys(VOLUME_NAMES), "networks": {"backend": None}}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=projects())
def test_a_generated_project_is_proven_or_refused(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "shop"
        (folder / "src").mkdir(parents=True)
        (folder / "config").mkdir()
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
        made, reason = planned(folder)
        assert {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()} == {
            name: text.encode() for name, text in files.items()
        }
        if reason:
            event(f"refused: {reason}")
        else:
            assert made
            assert [str(one) for step in made.steps for one in step.unproven] == []
            assert_apart(folder, made)
            event("migrated")


def planned(folder: Path) -> tuple[plan.Plan | None, str]:
    """Return the plan, or why there is none."""
    try:
        made = plan.make(folder, Choices())
    except DashtamError as error:
        return None, error.reason
    return made, "; ".join(f"{one.where}: {one.message}" for one in made.refusals)


def assert_apart(folder: Path, made: plan.Plan) -> None:
    operations = [one for step in made.steps for one in step.operations]
    with staged(folder, operations) as stage:
        claimed = [claims(stage / f"compose/docker-compose.{name}.yml") for name in ("dev", "test")]
    names = [one for one in claimed if one]
    assert not set.intersection(*names) if len(names) > 1 else names


def claims(file: Path) -> set[str]:
    """Return all that only one project can have, as raw Compose resolves it."""
    if not file.is_file():
        return set()
    command = ["docker", "compose", "--file", str(file), "--profile", "*", "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, check=True, env=dict(os.environ))
    model = json.loads(done.stdout)
    ports = (port for one in model["services"].values() for port in one.get("ports", ()))
    sections = (
        (section, one) for section in ("volumes", "networks") for one in model.get(section, {}).values()
    )
    return {
        f"project {model['name']}",
        *(
            f"container {one['container_name']}"
            for one in model["services"].values()
            if "container_name" in one
        ),
        *(f"port {one['published']}/{one['protocol']}" for one in ports if "published" in one),
        *(f"{section} {one['name']}" for section, one in sections),
    }
