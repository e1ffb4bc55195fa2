import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashtam_tasks import images
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.images import local_builds, rootfs
from dashtam_tasks.settings import Image, Images, Settings

HERE = Path(__file__).parent
OFFICIAL = {
    "POSTGRES_IMAGE": "postgres:17.6-alpine3.22",
    "REDIS_IMAGE": "redis:8.2.1-alpine3.22",
    "PYTHON_IMAGE": "python:3.13-slim-trixie",
}
LOCAL = {
    "POSTGRES_IMAGE": "localhost/dashtam-tasks/postgres:17-trixie",
    "REDIS_IMAGE": "localhost/dashtam-tasks/redis:8-trixie",
    "PYTHON_IMAGE": "localhost/dashtam-tasks/python:3.13-trixie",
}
OWN = "registry.example/team/postgres:17.5"
DEBOOTSTRAP = """\
for folder; do case $folder in */root) mkdir -p "$folder/etc/ssl/certs" "$folder/usr/sbin" ;; esac; done
echo "$@" >> "$0.calls"
echo 'I: Retrieving InRelease'
echo 'I: Retrieving base-files 13.8'
echo 'I: Extracting base-files...'
"""
# Root's programs, as far as an ordinary user can run them.
SUDO = 'while case $1 in -*) true ;; *) false ;; esac; do shift; done\nexec "$@"\n'
UNSHARE = 'shift\nexec "$@"\n'
APT_SITES = (
    "[ $1 = indextargets ] && echo 'mirror+file:/etc/mirrors' && echo 'https://mirror.example/debian'\n"
)


def no_report(_text: str) -> None:
    """Let a line of progress pass."""


class Machine:
    """A machine with a project, an engine, and commands of its own on PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.settings = Settings(project_dir=str(folder / "project"))
        self.env_file = folder / "project/envs/.env.images"
        self.env_file.parent.mkdir(parents=True)
        self.reports: list[str] = []
        program = (HERE / "image_engine.py").read_text(encoding="utf-8")
        self.install("docker", program, interpreter=f"{sys.executable} -IS")
        self.write({"images": {}, "calls": [], "asked": [], "registry": 0, "broken": False})
        self.install("sudo", SUDO)
        self.install("unshare", UNSHARE)
        self.install("debootstrap", DEBOOTSTRAP)
        self.install("apt-get", APT_SITES)

    def install(self, name: str, program: str, *, interpreter: str = "/bin/sh") -> None:
        (self.bin / name).write_text(f"#!{interpreter}\n{program}", encoding="utf-8")
        (self.bin / name).chmod(0o755)

    @property
    def engine(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.bin / "engine.json").read_text(encoding="utf-8"))
        return state

    def write(self, state: dict[str, Any]) -> None:
        (self.bin / "engine.json").write_text(json.dumps(state), encoding="utf-8")

    def set(self, **values: object) -> None:
        self.write(self.engine | values)

    def has(self, *references: str, labels: dict[str, str] | None = None) -> None:
        image = {"Id": "sha256:abc", "Config": {"Labels": labels}}
        self.set(images=self.engine["images"] | dict.fromkeys(references, image))

    def calls(self, *commands: str) -> list[list[str]]:
        """Return the calls of these docker commands, in order."""
        return [call for call in self.engine["calls"] if call[0] in commands]

    def choose(self, **options: bool) -> dict[str, str]:
        found = images.choose(self.settings, report=self.reports.append, **options)
        return {one.variable: one.reference for one in found}

    def refuses(self, **options: bool) -> DashtamError:
        with pytest.raises(DashtamError) as caught:
            self.choose(**options)
        return caught.value

    def with_images(self, **values: object) -> None:
        changed = msgspec.structs.replace(self.settings.images, **values)
        self.settings = msgspec.structs.replace(self.settings, images=changed)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("PATH", f"{made.bin}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    # Tests run as root too, and must not need its rights.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return made


def test_what_the_engine_has_is_taken_without_asking_a_registry(machine: Machine) -> None:
    machine.has(*OFFICIAL.values())

    assert machine.choose() == OFFICIAL
    assert machine.calls("pull", "build", "system") == []


def test_a_registry_that_answers_is_pulled_from(machine: Machine) -> None:
    machine.has(OFFICIAL["REDIS_IMAGE"])
    machine.set(registry=200)

    assert machine.choose() == OFFICIAL
    assert [call[-1] for call in machine.calls("pull")] == [
        OFFICIAL["POSTGRES_IMAGE"],
        OFFICIAL["PYTHON_IMAGE"],
    ]
    assert machine.calls("build") == []


def test_without_a_registry_images_are_built_after_one_try(machine: Machine) -> None:
    assert machine.choose() == LOCAL

    assert machine.engine["asked"] == ["/distribution/postgres:17.6-alpine3.22/json"]
    assert machine.calls("pull") == []
    assert set(machine.engine["images"]) == {*LOCAL.values(), "localhost/dashtam-tasks/debian:trixie"}
    bases = {part for call in machine.calls("build") for part in call if part.startswith("BASE=")}
    assert bases == {"BASE=localhost/dashtam-tasks/debian:trixie"}


def test_a_registry_that_keeps_silent_counts_as_none_after_the_timeout(machine: Machine) -> None:
    program = 'if [ "$1" = system ]; then exec tail -f /dev/null; fi\nexec "$0.engine" "$@"\n'
    shutil.copy2(machine.bin / "docker", machine.bin / "docker.engine")
    machine.install("docker", program)
    machine.with_images(registry_timeout=0.2)

    assert machine.choose() == LOCAL
    assert machine.calls("pull") == []


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_a_registry_that_refuses_is_an_error_and_nothing_is_built(machine: Machine, status: int) -> None:
    machine.set(registry=status)

    error = machine.refuses()

    assert error.code == ExitCode.UNAVAILABLE
    assert OFFICIAL["POSTGRES_IMAGE"] in error.reason
    assert "denied" in error.details
    assert machine.calls("build", "import") == []
    assert not machine.env_file.exists()


def test_no_registry_is_asked_when_pulling_is_not_wanted(machine: Machine) -> None:
    machine.set(registry=200)

    assert machine.choose(pull=False) == LOCAL
    assert machine.engine["asked"] == []


def test_the_choice_is_written_for_compose_to_read(machine: Machine) -> None:
    machine.choose()

    comment, *lines = machine.env_file.read_text(encoding="utf-8").splitlines()
    assert comment.startswith("# ")
    assert lines == [f"{variable}={reference}" for variable, reference in LOCAL.items()]
    assert stat.S_IMODE(machine.env_file.stat().st_mode) == 0o644
    assert images.chosen(machine.settings) == LOCAL


def test_a_choice_that_stays_is_not_written_again(machine: Machine) -> None:
    machine.choose()
    before = machine.env_file.stat()
    builds = len(machine.calls("build"))

    machine.choose()

    assert machine.env_file.stat().st_ino == before.st_ino
    assert len(machine.calls("build")) == builds
    assert len(machine.engine["asked"]) == 1


def test_a_local_choice_outlives_the_registrys_return(machine: Machine) -> None:
    machine.choose()
    machine.has(*OFFICIAL.values())

    assert machine.choose() == LOCAL


def test_an_older_local_choice_is_replaced_where_it_stands(machine: Machine) -> None:
    older = "# ours\nPOSTGRES_IMAGE=localhost/dashtam-tasks/postgres:16-bookworm # older\nOTHER=1\n"
    machine.env_file.write_text(older, encoding="utf-8")
    machine.has(*OFFICIAL.values(), "localhost/dashtam-tasks/postgres:16-bookworm")

    machine.choose()

    lines = machine.env_file.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["# ours", f"POSTGRES_IMAGE={OFFICIAL['POSTGRES_IMAGE']} # older", "OTHER=1"]
    assert [line for line in lines[3:] if line.startswith("POSTGRES_IMAGE")] == []


def test_a_persons_reference_and_other_lines_stay(machine: Machine) -> None:
    machine.env_file.write_text(f"# ours\nPOSTGRES_IMAGE='{OWN}'\nOTHER=1", encoding="utf-8")
    machine.has(OWN, *OFFICIAL.values())

    assert machine.choose() == OFFICIAL | {"POSTGRES_IMAGE": OWN}
    assert machine.env_file.read_text(encoding="utf-8").splitlines() == [
        "# ours",
        f"POSTGRES_IMAGE='{OWN}'",
        "OTHER=1",
        f"REDIS_IMAGE={OFFICIAL['REDIS_IMAGE']}",
        f"PYTHON_IMAGE={OFFICIAL['PYTHON_IMAGE']}",
    ]


def test_a_persons_reference_is_pulled_when_the_engine_lacks_it(machine: Machine) -> None:
    machine.env_file.write_text(f"POSTGRES_IMAGE={OWN}\n", encoding="utf-8")
    machine.has(*OFFICIAL.values())
    machine.set(registry=200)

    assert machine.choose()["POSTGRES_IMAGE"] == OWN
    assert [call[-1] for call in machine.calls("pull")] == [OWN]


def test_a_persons_reference_is_never_replaced(machine: Machine) -> None:
    text = f"POSTGRES_IMAGE={OWN}\n"
    machine.env_file.write_text(text, encoding="utf-8")

    error = machine.refuses()

    assert error.code == ExitCode.UNAVAILABLE
    assert f"POSTGRES_IMAGE={OWN}" in error.reason
    assert machine.calls("build", "import") == []
    assert machine.env_file.read_text(encoding="utf-8") == text


def test_a_changed_recipe_is_built_anew_and_the_others_are_not(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = shutil.copytree(local_builds.images_folder(), tmp_path / "recipes")
    monkeypatch.setattr(local_builds, "images_folder", lambda: recipes)
    machine.choose()
    before = machine.engine["images"]
    with (recipes / "redis/docker-entrypoint.sh").open("a", encoding="utf-8") as script:
        script.write("# changed\n")

    machine.choose()

    after = machine.engine["images"]
    assert {name for name in after if after[name] != before[name]} == {LOCAL["REDIS_IMAGE"]}
    assert len(machine.calls("import")) == 1


def test_a_changed_bundle_of_authorities_rebuilds_everything(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("one", encoding="utf-8")
    monkeypatch.setattr(rootfs, "CA_BUNDLES", (str(bundle),))
    machine.choose()
    bundle.write_text("two", encoding="utf-8")

    assert machine.choose() == LOCAL
    assert len(machine.calls("import")) == 2
    assert len(machine.calls("build")) == 2 * 2 * len(LOCAL)


def test_build_makes_only_what_is_named_and_chooses_it(machine: Machine) -> None:
    (made,) = images.build(machine.settings, names=["redis"], report=no_report)

    assert (made.variable, made.reference, made.local) == ("REDIS_IMAGE", LOCAL["REDIS_IMAGE"], True)
    assert images.chosen(machine.settings) == {"REDIS_IMAGE": LOCAL["REDIS_IMAGE"]}
    assert machine.engine["asked"] == []


def test_build_without_cache_makes_the_base_anew_too(machine: Machine) -> None:
    for no_cache in (False, True):
        images.build(machine.settings, names=["redis"], no_cache=no_cache, report=no_report)

    assert len(machine.calls("import")) == 2
    assert [("--no-cache" in call, "--tag" in call) for call in machine.calls("build")] == [
        (False, False),
        (False, True),
        (True, False),
        (False, True),
    ]


def test_build_refuses_a_name_that_it_does_not_know(machine: Machine) -> None:
    with pytest.raises(DashtamError) as caught:
        images.build(machine.settings, names=["mysql"], report=no_report)

    assert caught.value.code == ExitCode.USAGE
    assert "postgres, redis, python" in caught.value.hint
    assert machine.calls("build", "import") == []


def test_another_series_than_wanted_is_never_built(machine: Machine) -> None:
    machine.with_images(base={"POSTGRES_IMAGE": Image(reference="postgres:16.4", build="postgres")})

    error = machine.refuses()

    assert error.code == ExitCode.CONFIGURATION
    assert "postgres:16.4" in error.reason
    assert machine.calls("build", "import") == []


def test_a_build_that_fails_shows_its_last_lines_and_leaves_no_choice(machine: Machine) -> None:
    machine.set(broken=True)

    error = machine.refuses()

    assert error.code == ExitCode.UNAVAILABLE
    assert "postgres" in error.reason
    assert "Unable to locate package" in error.details
    assert not machine.env_file.exists()


def test_status_tells_local_builds_their_versions_and_what_is_missing(machine: Machine) -> None:
    machine.has(OFFICIAL["POSTGRES_IMAGE"])
    images.build(machine.settings, names=["redis"], report=no_report)

    found = {one.variable: one for one in images.status(machine.settings)}

    assert (found["POSTGRES_IMAGE"].version, found["POSTGRES_IMAGE"].local) == ("17.6-alpine3.22", False)
    assert (found["REDIS_IMAGE"].version, found["REDIS_IMAGE"].local) == ("8.0.2", True)
    assert found["PYTHON_IMAGE"].image_id == ""
    assert found["PYTHON_IMAGE"].reference == OFFICIAL["PYTHON_IMAGE"]


def test_status_without_an_engine_names_it(machine: Machine) -> None:
    machine.install("docker", "echo 'Cannot connect' >&2\nexit 1\n")

    with pytest.raises(DashtamError) as caught:
        images.status(machine.settings)

    assert caught.value.code == ExitCode.UNAVAILABLE
    assert "Engine" in caught.value.reason


def test_status_without_the_docker_command_names_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(DashtamError) as caught:
        images.status(machine.settings)

    assert caught.value.code == ExitCode.UNAVAILABLE
    assert "docker" in caught.value.reason


def test_the_base_comes_from_the_machines_mirror_with_checked_signatures(machine: Machine) -> None:
    machine.choose()

    (call,) = (machine.bin / "debootstrap.calls").read_text(encoding="utf-8").splitlines()
    assert "--force-check-gpg" in call.split()
    assert call.split()[-3] == "trixie"
    assert call.split()[-1] == "https://mirror.example/debian"


def test_the_setting_of_the_mirror_comes_first(machine: Machine) -> None:
    machine.with_images(mirror="https://other.example/debian")

    machine.choose()

    call = (machine.bin / "debootstrap.calls").read_text(encoding="utf-8")
    assert call.split()[-1] == "https://other.example/debian"


def test_each_phase_is_reported_once(machine: Machine) -> None:
    machine.choose()

    assert len([text for text in machine.reports if text.endswith("retrieving")]) == 1
    assert len([text for text in machine.reports if text.endswith("extracting")]) == 1


def test_sources_without_a_debian_mirror_name_the_setting(machine: Machine) -> None:
    machine.install("apt-get", "")

    error = machine.refuses()

    assert error.code == ExitCode.CONFIGURATION
    assert "dashtam.images.mirror" in error.hint
    assert machine.calls("import") == []


def test_a_debootstrap_that_fails_shows_its_words_and_leaves_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    machine.install("debootstrap", f"{DEBOOTSTRAP}echo 'E: No such suite'\nexit 3\n")

    error = machine.refuses()

    assert error.code == ExitCode.UNAVAILABLE
    assert "E: No such suite" in error.details
    assert list((tmp_path / "temporary").iterdir()) == []
    assert machine.calls("import", "build") == []


def test_an_import_that_fails_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    program = 'if [ "$1" = import ]; then echo "no space left" >&2; exit 1; fi\nexec "$0.engine" "$@"\n'
    shutil.copy2(machine.bin / "docker", machine.bin / "docker.engine")
    machine.install("docker", program)

    error = machine.refuses()

    assert error.code == ExitCode.UNAVAILABLE
    assert "no space left" in error.details
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture
def without_debootstrap(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Take debootstrap off the machine, a real one too; the result says whether apt-get brought it."""
    (machine.bin / "debootstrap").unlink()
    apt_get = f"""\
case $1 in
  update) touch "$0.updated" ;;
  install)
    [ -e "$0.updated" ] || exit 100
    {{ echo '#!/bin/sh'; cat <<'END'
{DEBOOTSTRAP}
END
    }} > "$(dirname "$0")/debootstrap"
    chmod 755 "$(dirname "$0")/debootstrap"
    ;;
  *) {APT_SITES.strip()} ;;
esac
"""
    machine.install("apt-get", apt_get)
    which = shutil.which

    def without_the_real_one(name: str, **options: Any) -> str | None:
        return which(name, path=str(machine.bin)) if name == "debootstrap" else which(name, **options)

    monkeypatch.setattr(shutil, "which", without_the_real_one)
    return (machine.bin / "debootstrap").exists


def test_debootstrap_is_installed_after_an_update_and_a_word_about_it(
    machine: Machine, without_debootstrap: Callable[[], bool]
) -> None:
    assert machine.choose() == LOCAL
    assert without_debootstrap()
    assert "Installing debootstrap and debian-archive-keyring" in machine.reports


def test_nothing_is_installed_without_leave(
    machine: Machine, without_debootstrap: Callable[[], bool]
) -> None:
    error = machine.refuses(install=False)

    assert error.code == ExitCode.UNAVAILABLE
    assert "debootstrap and debian-archive-keyring" in error.hint
    assert not without_debootstrap()
    assert not (machine.bin / "apt-get.updated").exists()


def test_without_root_and_sudo_nothing_is_started(machine: Machine) -> None:
    machine.install("sudo", "exit 1\n")

    error = machine.refuses()

    assert error.code == ExitCode.UNAVAILABLE
    assert "sudo" in error.hint
    assert not (machine.bin / "debootstrap.calls").exists()


def test_every_recipe_of_the_defaults_is_there() -> None:
    settings = Images()

    assert [local_builds.recipe(settings, one.build).reference for one in settings.base.values()] == [
        *LOCAL.values()
    ]
