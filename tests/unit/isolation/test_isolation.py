from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks.isolation import examine

if TYPE_CHECKING:
    from dashtam_tasks.findings import Finding
    from dashtam_tasks.isolation import Subject
    from tests.unit.isolation.conftest import MakeContainer, MakeSubject

Line = Callable[[Path, str], str]

TEXT = """\
name: dev
services:
  app:
    command: [sh, -c, "echo $$PATH; sleep infinity"]
    ports:
      - "127.0.0.1:8000:8000"
      - "8001:8001"
    healthcheck:
      disable: true
    volumes:
      - files:/files
      - ./data:/data
    networks:
      - back
  idle:
    entrypoint: tail -f /dev/null
"""
SLEEPING = {"command": ["sh", "-c", "echo $$PATH; sleep infinity"]}
UNCHECKED: dict[str, Any] = {"Health": None}


def kinds(found: "tuple[Finding, ...]") -> list[str]:
    return [one.kind for one in found]


def alone(subject: "Subject") -> list[tuple[str, str]]:
    return [(one.kind, one.where) for one in examine([subject], [], shared=())]


def test_a_sound_instance_has_nothing_wrong(
    make_subject: "MakeSubject", make_container: "MakeContainer"
) -> None:
    service = {"command": ["serve"], "ports": [{"target": 80, "published": "8000", "host_ip": "127.1.2.3"}]}
    subject = make_subject("dev", TEXT, {"app": service})
    running = make_container("dev", "app", file=subject.file, networks=["dev_default"])
    assert examine([subject], [running], shared=()) == ()


def test_a_service_that_sleeps_is_told_at_its_command_or_entrypoint(
    make_subject: "MakeSubject", line: Line
) -> None:
    services = {"app": SLEEPING, "idle": {"entrypoint": ["tail", "-f", "/dev/null"]}}
    dev = make_subject("dev", TEXT, services)
    assert alone(dev) == [
        ("sleeps-for-ever", line(dev.file, "command:")),
        ("sleeps-for-ever", line(dev.file, "entrypoint:")),
    ]


def test_entrypoint_and_command_are_one_command_line(make_subject: "MakeSubject") -> None:
    service = {"entrypoint": ["tini", "--"], "command": ["sleep", "infinity"]}
    dev = make_subject("dev", TEXT, {"app": service})
    (found,) = examine([dev], [], shared=())
    assert "app sleeps for ever" in found.message


def test_a_dollar_that_compose_keeps_escaped_is_read_as_the_shell_does(make_subject: "MakeSubject") -> None:
    working = {"command": ["sh", "-c", 'while true; do echo "$$(work)"; sleep 1; done']}
    assert alone(make_subject("dev", TEXT, {"app": working})) == []


@pytest.mark.parametrize("check", [None, {"disable": True}, {"test": ["NONE"]}, {"interval": "5s"}])
def test_a_service_without_a_health_check_is_told(
    make_subject: "MakeSubject", check: dict[str, Any] | None, line: Line
) -> None:
    dev = make_subject("dev", TEXT, {"app": {"healthcheck": check}})
    assert alone(dev) == [("no-health-check", line(dev.file, "healthcheck:"))]


def test_a_job_that_others_wait_for_needs_no_health_check(make_subject: "MakeSubject") -> None:
    for condition, expected in (
        ("service_completed_successfully", []),
        ("service_started", ["no-health-check"]),
    ):
        waiting = {"depends_on": {"migrate": {"condition": condition}}}
        dev = make_subject("dev", TEXT, {"app": waiting, "migrate": {"healthcheck": None}})
        assert kinds(examine([dev], [], shared=())) == expected


def test_a_job_by_its_profile_needs_no_health_check(make_subject: "MakeSubject") -> None:
    for profile, expected in (("job", []), ("tools", ["no-health-check"])):
        dev = make_subject("dev", TEXT, {"app": {"profiles": [profile], "healthcheck": None}})
        assert kinds(examine([dev], [], shared=())) == expected


def test_a_job_of_the_settings_needs_no_health_check(
    make_subject: "MakeSubject", make_container: "MakeContainer"
) -> None:
    ci = make_subject("ci", TEXT, {"app": {"healthcheck": None}})
    job = make_container("ci", "app", file=ci.file, state=UNCHECKED)
    for jobs, expected in ((frozenset({"app"}), []), (frozenset({"other"}), ["no-health-check"])):
        subject = replace(ci, jobs=jobs)
        assert kinds(examine([subject], [], shared=())) == expected
        assert kinds(examine([subject], [job], shared=())) == expected


def test_a_health_check_of_the_image_counts_unless_the_file_disables_it(
    make_subject: "MakeSubject", make_container: "MakeContainer"
) -> None:
    for check, image, expected in (
        (None, "checked:1", []),
        ({"interval": "5s"}, "checked:1", []),
        (None, "other:1", ["no-health-check"]),
        ({"disable": True}, "checked:1", ["no-health-check"]),
    ):
        dev = make_subject("dev", TEXT, {"app": {"healthcheck": check, "image": image}})
        # That an older container has one says nothing about the file.
        present = [make_container("dev", "app")]
        assert kinds(examine([dev], present, shared=(), checked=["checked:1"])) == expected


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "192.168.1.2", "fd00::2"])  # noqa: S104 - what is told
def test_a_port_that_other_machines_reach_is_told(
    make_subject: "MakeSubject", address: str, line: Line
) -> None:
    open_one = {"target": 8001, "published": "8001", "host_ip": address}
    loopback = [{"target": 8000, "published": "8000", "host_ip": one} for one in ("127.0.0.1", "::1")]
    dev = make_subject("dev", TEXT, {"app": {"ports": [open_one, *loopback]}})
    (found,) = examine([dev], [], shared=())
    assert (found.kind, found.where) == ("open-port", line(dev.file, '"8001:8001"'))
    assert "Service app publishes its port 8001/tcp" in found.message
    assert "127.0.0.1:8001:8001" in found.hint


def test_what_instances_of_one_file_have_in_common_is_told_once(make_subject: "MakeSubject") -> None:
    one, other = (
        make_subject("dev", TEXT, {"app": {**SLEEPING, "healthcheck": None}}, project=project)
        for project in ("dev", "dev-x")
    )
    assert kinds(examine([one, other], [], shared=())) == ["sleeps-for-ever", "no-health-check"]


def test_every_two_instances_are_compared(make_subject: "MakeSubject") -> None:
    subjects = [make_subject(name, TEXT, {"app": {"container_name": "app"}}) for name in ("a", "b", "c")]
    messages = [one.message for one in examine(subjects, [], shared=())]
    assert [message.split("that of ")[1] for message in messages] == [
        f"app of {one} and of app of {other} ({subject.file}:3)."
        for one, other, subject in (("a", "b", subjects[1]), ("a", "c", subjects[2]), ("b", "c", subjects[2]))
    ]


def test_what_projects_share_on_the_engine_is_told_at_the_lines_that_made_it(
    make_container: "MakeContainer", tmp_path: Path, line: Line
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(TEXT, encoding="utf-8")
    mounts = [
        {"Type": "volume", "Name": "files", "Destination": "/files", "Source": "/engine/files"},
        {"Type": "bind", "Source": str(tmp_path / "data"), "Destination": "/data"},
    ]
    one, other = (
        make_container(project, "app", file=f"{file},other.yml", networks=["back", "none"], Mounts=mounts)
        for project in ("a", "b")
    )
    found = examine([], [one, other], shared=())
    assert [(one.kind, one.where) for one in found] == [
        ("shared-network", line(file, "networks:")),
        ("shared-volume", line(file, "files:/files")),
        ("shared-bind-mount", line(file, "./data:/data")),
    ]
    assert all("app of Compose project a" in one.message for one in found)
    assert all("app of Compose project b" in one.message for one in found)
    assert kinds(examine([], [one, other], shared=[tmp_path])) == ["shared-network", "shared-volume"]


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_the_engine_s_own_networks_connect_projects(make_container: "MakeContainer", network: str) -> None:
    one, other = (make_container(project, "app", networks=[network]) for project in ("a", "b"))
    (found,) = examine([], [one, other], shared=())
    assert (found.kind, found.where) == ("shared-network", "container a-app-1")


def test_containers_of_one_project_and_of_none_may_share(make_container: "MakeContainer") -> None:
    found = [
        make_container("a", "app", networks=["back"]),
        make_container("a", "db", networks=["back"]),
        make_container("", "", networks=["back"], Path="sleep", Args=["infinity"], state=UNCHECKED),
    ]
    assert examine([], found, shared=()) == ()


def test_paths_that_containers_only_read_are_no_breach(
    make_container: "MakeContainer", tmp_path: Path
) -> None:
    mount = {"Type": "bind", "Source": str(tmp_path), "Destination": "/data", "RW": False}
    one, other = (make_container(project, "app", Mounts=[mount]) for project in ("a", "b"))
    assert examine([], [one, other], shared=()) == ()


def test_a_container_that_sleeps_by_its_image_is_told(
    make_container: "MakeContainer", tmp_path: Path
) -> None:
    gone = tmp_path / "gone.yml"
    one = make_container("a", "app", file=gone, Path="docker-entrypoint.sh", Args=["sleep", "infinity"])
    (found,) = examine([], [one], shared=())
    assert (found.kind, found.where) == ("sleeps-for-ever", "container a-app-1")
    assert "a-app-1 sleeps for ever" in found.message


def test_a_container_that_runs_without_a_health_check_is_told_unless_it_is_a_job(
    make_subject: "MakeSubject", make_container: "MakeContainer"
) -> None:
    job = make_container("a", "migrate", state=UNCHECKED)
    (found,) = examine([], [job], shared=())
    assert (found.kind, found.where) == ("no-health-check", "container a-migrate-1")

    condition = "service_completed_successfully"
    labels = {"com.docker.compose.depends_on": f"db:service_healthy:false,migrate:{condition}:false"}
    assert examine([], [job, make_container("a", "app", labels=labels)], shared=()) == ()

    waiting = {"depends_on": {"migrate": {"condition": condition}}}
    subject = make_subject("a", TEXT, {"app": waiting, "migrate": {"healthcheck": None}})
    assert examine([subject], [job], shared=()) == ()

    stopped = make_container("a", "app", state={**UNCHECKED, "Status": "exited"})
    assert examine([], [stopped], shared=()) == ()


def test_a_container_older_than_its_file_is_told(
    make_subject: "MakeSubject", make_container: "MakeContainer", line: Line
) -> None:
    dev = make_subject("dev", TEXT, {"app": {"command": ["serve"]}})
    old = make_container("dev", "app", file=dev.file, state=UNCHECKED)
    (found,) = examine([dev], [old], shared=())
    assert (found.kind, found.where) == ("no-health-check", line(dev.file, "healthcheck:"))
    assert "recreate the container" in found.hint


def test_a_port_that_the_engine_publishes_for_other_machines_is_told_once(
    make_container: "MakeContainer", tmp_path: Path, line: Line
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(TEXT, encoding="utf-8")
    everywhere = [{"HostIp": address, "HostPort": "8001"} for address in ("0.0.0.0", "::")]  # noqa: S104 - told
    loopback = [{"HostIp": "127.0.0.1", "HostPort": "8000"}]
    ports = {"8001/tcp": everywhere, "8000/tcp": loopback, "9000/tcp": None}
    (found,) = examine([], [make_container("a", "app", file=file, ports=ports)], shared=())
    assert (found.kind, found.where) == ("open-port", line(file, '"8001:8001"'))
    assert "a-app-1 publishes its port 8001/tcp on every address" in found.message


def test_what_a_file_tells_is_not_told_again_for_its_containers(
    make_subject: "MakeSubject", make_container: "MakeContainer", tmp_path: Path
) -> None:
    service = {
        **SLEEPING,
        "ports": [{"target": 8001, "published": ""}],
        "networks": {"back": None},
        "volumes": [
            {"type": "volume", "source": "files", "target": "/files"},
            {"type": "bind", "source": str(tmp_path), "target": "/data"},
        ],
    }
    rest = {"networks": {"back": {"name": "back"}}, "volumes": {"files": {"name": "files"}}}
    subjects = [make_subject(name, TEXT, {"app": service}, sound=False, **rest) for name in ("a", "b")]
    containers = [
        make_container(
            subject.name,
            "app",
            file=subject.file,
            networks=["back"],
            ports={"8001/tcp": [{"HostIp": "::", "HostPort": "32768"}]},
            state=UNCHECKED,
            Path="sleep",
            Args=["infinity"],
            Mounts=[
                {"Type": "volume", "Name": "files", "Destination": "/files"},
                {"Type": "bind", "Source": str(tmp_path), "Destination": "/data"},
            ],
        )
        for subject in subjects
    ]
    by_files = examine(subjects, [], shared=())
    assert examine(subjects, containers, shared=()) == by_files
    assert kinds(by_files) == [
        *(2 * ["sleeps-for-ever", "no-health-check", "open-port"]),
        *("shared-network", "shared-volume", "shared-bind-mount"),
    ]
    # The engine tells by itself what no file says, and calls a known project by its name.
    assert kinds(examine([], containers, shared=())) == [
        *("shared-network", "shared-volume", "shared-bind-mount"),
        *(2 * ["sleeps-for-ever", "open-port", "no-health-check"]),
    ]
