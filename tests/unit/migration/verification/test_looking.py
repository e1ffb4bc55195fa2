"""What is looked at while environments run, by an engine that answers as a broken one would."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain, repeat
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.verification import (
    Outcome,
    apartness,
    asking,
    health,
    looking,
    reloading,
    stores,
)
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.ticking import decided
from tests.unit.conftest import FakeDocker
from tests.unit.migration.verification.engines import PASSWORD, Engine
from tests.unit.migration.verification.projects import Migrated

FORGOTTEN = {
    "Status": "running",
    "ExitCode": 0,
    "StartedAt": "2026-01-01T00:00:00Z",
    "Health": {
        "Status": "healthy",
        "Log": [{"End": f"2026-01-01T00:01:0{n}Z", "ExitCode": 0, "Output": ""} for n in range(5)],
    },
}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - as Compose publishes by default


@pytest.fixture
def engine(migrated: Migrated, fake_docker: FakeDocker) -> Engine:
    """An engine by script, for the project."""
    return Engine(docker=fake_docker, folder=migrated.path)


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-01 12:00:00 ERROR app: no such table",
        "CRITICAL: out of memory",
        "Traceback (most recent call last):",
        '{"time": 1, "level": "error", "msg": "boom"}',
        "ts=1 level=fatal msg=boom",
    ],
)
def test_a_line_that_tells_of_an_error_is_shown(engine: Engine, line: str) -> None:
    stand = engine.stand("dev")
    engine.docker.answer("logs", stdout=f"INFO: started\n{line}\n")
    found = looking.logs_are_clean(stand)
    assert found.outcome is Outcome.FAILED
    assert f"app: {line}" in found.reason


def test_a_quiet_log_passes_and_postgresql_is_read_from_its_readiness_on(engine: Engine) -> None:
    stand = engine.stand("dev")
    engine.docker.answer("logs", stdout="INFO: 0 errors\nno fatal flaw\n")
    assert looking.logs_are_clean(stand).outcome is Outcome.PASSED
    since = {argv[-1]: argv[2] for argv in engine.docker.argvs if argv[0] == "logs"}
    assert since["dev-app"].startswith("2026-01-01T00:00:00")
    assert since["dev-postgres"].startswith("2026-01-01T00:00:07")


def test_when_the_engine_forgot_the_first_probe_postgresql_is_read_from_the_end_of_the_start_on(
    engine: Engine,
) -> None:
    stand = engine.stand("dev")
    stand.ready = datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC)
    engine.docker.answer("logs", stdout="")
    engine.runs("dev", "postgres", State=FORGOTTEN)
    looking.logs_are_clean(stand)
    assert engine.docker.argvs[-1] == ("logs", "--since", "2026-01-01T00:00:09+00:00", "dev-postgres")


def test_services_that_are_not_healthy_or_not_there_are_named(engine: Engine) -> None:
    stand = engine.stand("dev")
    engine.runs("dev", "app", State={"Status": "exited", "ExitCode": 1, "StartedAt": "2026-01-01T00:00:00Z"})
    assert list(stand.unready()) == [
        "Service app of dev is exited, without a health check.",
        "Service postgres of dev has no container.",
        "Service redis of dev has no container.",
    ]
    engine.docker.answer("ps", "--all", "--format", stdout="")
    assert health.are_healthy((stand,)).outcome is Outcome.FAILED


def test_what_is_left_is_named(engine: Engine) -> None:
    stand = engine.stand("test")
    mount = {"Type": "volume", "Name": "f00d", "Destination": "/data"}
    engine.runs("test", "redis", Mounts=[mount])
    stand.containers()
    engine.docker.answer(
        "ps", "--all", "label=com.docker.compose.project=shop-test", "--format", stdout="shop-test-app"
    )
    engine.docker.answer("network", "ls", stdout="shop-test-network\n")
    engine.docker.answer("volume", "ls", stdout="f00d\nforeign\n")
    problems, _ = looking.nothing_left(stand)
    assert problems == [
        "test left container shop-test-app.",
        "test left network shop-test-network.",
        "test left volume f00d, which has no name in the Compose file.",
    ]
    assert "volume f00d" in set(stand.left_volumes())


def test_development_with_data_in_a_nameless_volume_is_not_stopped(engine: Engine) -> None:
    stand = engine.stand("dev")
    engine.runs("dev", "postgres", Mounts=[{"Type": "volume", "Name": "f00d", "Destination": "/data"}])
    with pytest.raises(DashtamError, match="shop-dev-postgres has data in a volume without a name"):
        stand.down()
    assert ("compose", "down") not in {(argv[0], argv[-1]) for argv in engine.docker.argvs}


def test_a_port_of_the_other_environment_is_named(engine: Engine) -> None:
    dev, test = engine.stand("dev"), engine.stand("test")
    assert apartness.ports_apart(test, dev).outcome is Outcome.PASSED
    ports = {"Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]}, "Networks": {}}
    engine.runs("test", "app", NetworkSettings=ports)
    assert apartness.ports_apart(test, dev).reason == "app has port 8000 of dev."


def test_a_port_that_others_reach_or_that_nothing_has_is_named(engine: Engine) -> None:
    stand = engine.stand("dev")
    with served(200) as number:
        entry = {"8000/tcp": [{"HostIp": EVERYWHERE, "HostPort": str(number)}]}
        engine.runs("dev", "app", NetworkSettings={"Ports": entry, "Networks": {}})
        assert f"Port {number} of app listens on {EVERYWHERE}, where" in apartness.on_loopback(stand).reason
        entry["8000/tcp"][0]["HostIp"] = "127.0.0.1"
        engine.runs("dev", "app", NetworkSettings={"Ports": entry, "Networks": {}})
        assert apartness.on_loopback(stand).outcome is Outcome.PASSED
    assert apartness.on_loopback(stand).reason == f"Nothing listens on port {number} of app."


def test_a_neighbour_that_is_reached_is_named(engine: Engine) -> None:
    dev, test = engine.stand("dev"), engine.stand("test")
    for client, refused in (("pg_isready", 2), ("redis-cli", 1)):
        engine.docker.answer("exec", client, code=refused)
        for name in ("dev", "test"):
            service = {"pg_isready": "postgres", "redis-cli": "redis"}[client]
            engine.docker.answer("exec", f"shop-{name}-{service}", client, f"shop-{name}-{service}")
    assert apartness.networks_apart(test, dev).outcome is Outcome.PASSED
    engine.docker.answer("exec", "shop-test-postgres", "pg_isready", "172.30.2.2")
    found = apartness.networks_apart(test, dev)
    assert found.reason == "Service postgres of test reaches postgres of dev at 172.30.2.2."


def test_a_client_that_does_not_even_reach_itself_proves_nothing(engine: Engine) -> None:
    dev, test = engine.stand("dev"), engine.stand("test")
    engine.docker.answer("exec", code=2)
    assert (
        "Service postgres of test does not even reach itself." in apartness.networks_apart(test, dev).reason
    )


def test_data_that_the_other_environment_sees_are_told_and_markers_go(engine: Engine) -> None:
    dev, test = engine.stand("dev"), engine.stand("test")
    engine.docker.answer("exec", "psql", stdout="1\n")
    engine.docker.answer("exec", "redis-cli", stdout="0\n")
    found = apartness.data_apart(dev, test)
    assert "postgres of test sees what was written in dev." in found.reason
    assert "redis of dev does not see what was written in dev." in found.reason
    removed = [argv for argv in engine.docker.argvs if "DEL" in argv]
    assert [argv[1] for argv in removed] == ["shop-dev-redis", "shop-test-redis"]


def test_a_marker_is_taken_away_when_it_could_not_be_put(engine: Engine, tmp_path: Path) -> None:
    dev = engine.stand("dev")
    engine.docker.answer("exec", "psql", code=3, stderr="permission denied", reads=str(tmp_path / "last"))
    with (
        pytest.raises(DashtamError, match="No marker could be put into postgres of dev"),
        stores.marked(dev, "postgres"),
    ):
        pytest.fail("the block is not reached")
    assert (tmp_path / "last").read_text() == stores.TAKE_AWAY


def test_a_marker_that_stays_is_told(engine: Engine) -> None:
    dev = engine.stand("dev")
    engine.docker.answer("exec", "redis-cli", stdout="OK\n")
    engine.docker.answer("exec", "redis-cli", "DEL", code=1, stderr="READONLY")
    with (
        pytest.raises(
            DashtamError, match=r"^The marker dashtam_verify_\w+ could not be taken away from redis of dev"
        ),
        stores.marked(dev, "redis"),
    ):
        pass


def test_redis_with_a_password_gets_it_by_the_environment_alone(engine: Engine) -> None:
    stand = engine.stand("dev", redis={"command": ["redis-server", "--requirepass", PASSWORD]})
    engine.docker.answer("exec", "redis-cli", stdout="PONG\n")
    assert looking.cache_answers(stand).outcome is Outcome.PASSED
    call = next(one for one in engine.docker.calls if one.argv[0] == "exec")
    assert call.environment["REDISCLI_AUTH"] == PASSWORD
    assert PASSWORD not in call.argv
    engine.docker.answer("exec", "redis-cli", stdout="NOAUTH Authentication required.\n")
    assert looking.cache_answers(stand).outcome is Outcome.FAILED


def test_a_database_that_does_not_answer_fails(engine: Engine) -> None:
    stand = engine.stand("dev")
    engine.docker.answer("exec", "psql", code=2, stderr="connection refused")
    found = looking.database_answers(stand)
    assert (found.outcome, found.evidence[0].output) == (Outcome.FAILED, "connection refused")
    engine.runs("dev")
    assert "Service postgres of dev does not run." in decided(lambda: looking.database_answers(stand)).reason


def test_what_a_project_has_not_is_not_looked_at(engine: Engine) -> None:
    assert looking.callback_runs(engine.stand("dev")).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("before", "lost"),
    [
        ({"public.a": 2, "public.b": 0}, ""),
        ({"public.a": 1}, ""),
        ({"public.a": 3}, "public.a had 3 rows, and has 2."),
        ({"public.gone": 0}, "public.gone had 0 rows, and has none, nor is it there."),
    ],
)
def test_rows_that_are_gone_are_told(engine: Engine, before: dict[str, int], lost: str) -> None:
    stand = engine.stand("dev")
    engine.docker.answer("exec", "psql", stdout="public.a 2\npublic.b 0\n")
    assert looking.rows_kept(stand, before).reason == lost


@pytest.mark.parametrize(
    ("code", "outcome"), [(200, Outcome.PASSED), (404, Outcome.PASSED), (500, Outcome.FAILED)]
)
def test_an_application_answers_or_fails(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, code: int, outcome: Outcome
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", 0.0)
    stand = engine.stand("dev")
    with served(code) as number:
        ports = [{"target": 80, "published": str(number)}]
        stand = engine.stand("dev", app={"ports": ports})
        published = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(number)}]}
        engine.runs("dev", "app", NetworkSettings={"Ports": published, "Networks": {}})
        assert looking.app_answers(stand).outcome is outcome


@pytest.mark.parametrize(
    ("codes", "patience", "silences"), [((200, 503, 200), 30.0, 0), ((200, 503), 0.3, 1), ((503,), 0.3, 1)]
)
def test_who_asks_again_and_again_minds_only_a_server_that_stays_away(
    monkeypatch: pytest.MonkeyPatch, codes: tuple[int, ...], patience: float, silences: int
) -> None:
    monkeypatch.setattr(asking, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", patience)
    asked = threading.Semaphore(0)
    with served(*codes, asked=asked) as number:
        with asking.asking([f"http://127.0.0.1:{number}/"]) as requests:
            for _ in range(len(codes) + 2):
                assert asked.acquire(timeout=30)
        assert bool(requests.answers) == (codes[0] == HTTPStatus.OK)
        told = [f"http://127.0.0.1:{number}/: 503"] * silences
        assert requests.silences[:1] == told


def test_who_has_nothing_to_ask_hears_of_no_silence() -> None:
    with asking.asking(()) as requests:
        pass
    assert (requests.answers, requests.silences) == (0, [])


@contextmanager
def served(*codes: int, asked: threading.Semaphore | None = None) -> Iterator[int]:
    """Serve statuses in turn, the last one for good, on a free port of the loopback, which is yielded."""
    said = chain(codes, repeat(codes[-1]))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(next(said))
            self.end_headers()
            if asked:
                asked.release()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("command", "outcome"),
    [(["serve", "--reload"], Outcome.FAILED), (["serve"], Outcome.NOT_APPLICABLE)],
)
def test_a_server_that_does_not_start_anew_fails_if_it_says_that_it_would(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, command: list[str], outcome: Outcome
) -> None:
    monkeypatch.setattr(reloading, "PATIENCE_SECONDS", 0.1)
    source, stand = with_source(engine, command)
    before = source.stat()
    engine.docker.answer("top", stdout="PID PPID\n10 9\n11 10\n99 9\n")
    assert reloading.verdict(stand).outcome is outcome
    assert source.stat().st_mtime_ns == before.st_mtime_ns


def test_a_server_whose_process_is_replaced_passes_and_the_source_is_as_it_was(engine: Engine) -> None:
    source, stand = with_source(engine, ["serve", "--reload"])
    before, text = source.stat(), source.read_bytes()
    touched = threading.Event()
    top = "PID PPID\n10 9\n{} 10\n{} 9\n"
    engine.docker.answer("top", stdout=top.format(11, 99))

    def reload() -> None:
        while source.stat().st_mtime_ns == before.st_mtime_ns and not touched.wait(0.01):
            pass
        engine.docker.answer("top", stdout=top.format(12, 100))

    server = threading.Thread(target=reload)
    server.start()
    try:
        assert reloading.verdict(stand).outcome is Outcome.PASSED
    finally:
        touched.set()
        server.join()
    assert (source.stat().st_mtime_ns, source.read_bytes()) == (before.st_mtime_ns, text)


def with_source(engine: Engine, command: list[str]) -> tuple[Path, Stand]:
    """Return a source file, and development whose application mounts its folder and runs a command."""
    source = engine.folder / "src/main.py"
    source.parent.mkdir()
    source.write_text("print()\n")
    mount = {"type": "bind", "source": str(source.parent), "target": "/app/src"}
    engine.docker.answer("inspect", "--format", "{{.State.Pid}}", stdout="10\n")
    return source, engine.stand("dev", app={"volumes": [mount], "command": command})


def test_without_sources_there_is_nothing_to_reload(engine: Engine) -> None:
    assert reloading.verdict(engine.stand("dev")).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({"healthcheck": {"disable": True}}, "Health checks defined for all services", "health check"),
        (
            {"healthcheck": {"test": ["CMD", "true"], "interval": "10m0s"}},
            "Intervals are reasonable",
            "The interval of dev's app is 10m0s",
        ),
        (
            {"depends_on": {"redis": {"condition": "service_started"}}},
            "Dependencies wait for health",
            "app of dev does not wait until redis is healthy.",
        ),
    ],
)
def test_a_health_check_that_is_no_good_is_named(
    engine: Engine, changes: dict[str, object], text: str, reason: str
) -> None:
    engine.docker.answer("image", "inspect", code=1)
    for name in ("test", "ci"):
        engine.docker.answer(
            "compose",
            str(engine.folder / f"compose/docker-compose.{name}.yml"),
            "config",
            stdout=json.dumps({"name": name}),
        )
    stand = engine.stand("dev", app=changes)
    lines = dict(health.lines(stand.subject, (stand,)))
    found = {name: decided(lines[name]) for name in lines if name != "Containers marked healthy when ready"}
    assert {name for name, one in found.items() if one.outcome is Outcome.FAILED} == {text}
    assert reason in found[text].reason
