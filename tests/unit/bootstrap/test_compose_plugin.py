import pytest

from tests.unit.bootstrap.machine import COMPOSE_PART, PLUGIN, Machine


@pytest.mark.parametrize("release", ["debian with an old one", "another"])
def test_compose_comes_from_the_wheel(without_compose: Machine, release: str) -> None:
    machine = without_compose
    if release != "another":
        machine.be_debian(candidates="docker-compose) echo '  Candidate: 1.29.2-3' ;;")
    result = machine.bootstrap("echo", "ran")
    plugin = machine.home / PLUGIN
    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert result.stderr.startswith(f"bootstrap: missing, about to be installed: {COMPOSE_PART}\n")
    assert f" goes from a wheel to {plugin}\n" in result.stderr
    assert (plugin.read_text(), plugin.stat().st_mode & 0o777) == ("binary", 0o755)
    assert list(plugin.parent.iterdir()) == [plugin]


@pytest.mark.parametrize(
    ("package", "version"), [("docker-compose-v2", "2.27.1+ds1-0"), ("docker-compose", "2:5.0-1")]
)
def test_compose_comes_from_the_distribution_that_has_it(
    without_compose: Machine, package: str, version: str
) -> None:
    plugin = without_compose.root / "usr/libexec/docker/cli-plugins/docker-compose"
    without_compose.be_debian(
        candidates=f"{package}) echo '  Candidate: {version}' ;;",
        installs=f"install -D '{without_compose.script}' {plugin}",
    )
    result = without_compose.bootstrap("true")
    assert result.returncode == 0
    assert without_compose.calls[-1].endswith(f" {package}")
    assert not (without_compose.home / PLUGIN).exists()
    assert without_compose.bootstrap("true").stderr == ""


def test_a_compose_that_only_the_docker_command_finds_will_do(without_compose: Machine) -> None:
    without_compose.program("docker")
    result = without_compose.bootstrap("true")
    assert (result.returncode, result.stderr) == (0, "")
