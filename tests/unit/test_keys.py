import logging
import stat
import threading
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dashtam_tasks import env_files, keys
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Severity
from dashtam_tasks.settings import Settings

if TYPE_CHECKING:
    from tests.unit.conftest import Project

TOKEN = "hunter2-hunter3-hunter4-hunter5-xyz"
FERNET = "9vyfdfpfQCtzOa2sVRlAmGxFjE0d1fPE2K0UbJ4-H_c="
PASSWORD = "correcthorsebattery"
GOOD = f"SECRET_KEY={TOKEN}\nENCRYPTION_KEY={FERNET}\nPOSTGRES_PASSWORD={PASSWORD}\n"
FRESH = (
    "# keys\nSECRET_KEY=CHANGE_ME\nENCRYPTION_KEY=\nPOSTGRES_PASSWORD='<password>' # fixed\nOTHER=CHANGE_ME\n"
)
NAMES = ("SECRET_KEY", "ENCRYPTION_KEY", "POSTGRES_PASSWORD")


pytestmark = pytest.mark.usefixtures("hostile_umask")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env.dev"


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_placeholders_get_secrets_that_pass_the_check(settings: Settings, path: Path) -> None:
    write(path, FRESH)
    made = keys.generate(settings, path)
    assert made == keys.Generated(written=NAMES, skipped=(), backup=None)
    values = env_files.read(path)
    assert len(values["SECRET_KEY"]) == 64
    assert len(values["ENCRYPTION_KEY"]) == 44
    assert len(urlsafe_b64decode(values["ENCRYPTION_KEY"])) == 32
    assert len(values["POSTGRES_PASSWORD"]) == 32
    assert values["POSTGRES_PASSWORD"].isalnum()
    assert values["POSTGRES_PASSWORD"].isascii()
    assert values["OTHER"] == "CHANGE_ME"
    assert path.read_text().splitlines()[0] == "# keys"
    assert path.read_text().splitlines()[3].endswith("' # fixed")
    assert keys.check(settings, path) == ()
    assert entries(path.parent) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_file_gets_secrets_of_its_own(settings: Settings, path: Path) -> None:
    other = write(path.with_name("other"), FRESH)
    keys.generate(settings, write(path, FRESH))
    keys.generate(settings, other)
    mine, theirs = env_files.read(path), env_files.read(other)
    assert all(mine[name] != theirs[name] for name in NAMES)


def test_runs_at_the_same_time_write_each_secret_once(settings: Settings, path: Path) -> None:
    write(path, FRESH)
    barrier = threading.Barrier(4)
    written: list[str] = []

    def run_once() -> None:
        barrier.wait(timeout=30)
        written.extend(keys.generate(settings, path).written)

    runs = [threading.Thread(target=run_once) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=60)
    assert written == list(NAMES)


def test_real_secrets_are_not_touched(settings: Settings, path: Path) -> None:
    write(path, GOOD)
    before = path.stat()
    assert keys.generate(settings, path) == keys.Generated(written=(), skipped=(), backup=None)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.read_text() == GOOD


def test_names_that_the_file_does_not_set_are_left_out(settings: Settings, path: Path) -> None:
    write(path, "SECRET_KEY=CHANGE_ME\n")
    assert keys.generate(settings, path).written == ("SECRET_KEY",)
    assert list(env_files.read(path)) == ["SECRET_KEY"]


def test_force_replaces_all_and_keeps_the_old_file(settings: Settings, path: Path) -> None:
    write(path, GOOD)
    made = keys.generate(settings, path, force=True)
    assert made.written == NAMES
    values = env_files.read(path)
    assert {TOKEN, FERNET, PASSWORD}.isdisjoint(values.values())
    assert made.backup is not None
    assert made.backup.name.startswith(".env.dev.bak-2")
    assert made.backup.read_text() == GOOD
    assert stat.S_IMODE(made.backup.stat().st_mode) == 0o600


def test_secrets_in_use_are_skipped(settings: Settings, path: Path) -> None:
    write(path, GOOD)
    made = keys.generate(settings, path, force=True, in_use=frozenset({"POSTGRES_PASSWORD"}))
    assert made.written == ("SECRET_KEY", "ENCRYPTION_KEY")
    assert made.skipped == ("POSTGRES_PASSWORD",)
    assert env_files.read(path)["POSTGRES_PASSWORD"] == PASSWORD


def test_a_placeholder_in_use_is_skipped_too(settings: Settings, path: Path) -> None:
    write(path, FRESH)
    made = keys.generate(settings, path, in_use=frozenset({"POSTGRES_PASSWORD"}))
    assert made.skipped == ("POSTGRES_PASSWORD",)
    assert env_files.read(path)["POSTGRES_PASSWORD"] == "<password>"


def test_only_the_names_asked_for(settings: Settings, path: Path) -> None:
    write(path, GOOD)
    made = keys.generate(settings, path, force=True, names=["SECRET_KEY"])
    assert made.written == ("SECRET_KEY",)
    values = env_files.read(path)
    assert values["SECRET_KEY"] != TOKEN
    assert (values["ENCRYPTION_KEY"], values["POSTGRES_PASSWORD"]) == (FERNET, PASSWORD)


@pytest.mark.parametrize(
    ("name", "code"), [("OTHER", ExitCode.USAGE), ("ENCRYPTION_KEY", ExitCode.CONFIGURATION)]
)
def test_a_name_that_cannot_be_generated_changes_nothing(
    settings: Settings, path: Path, name: str, code: ExitCode
) -> None:
    write(path, "SECRET_KEY=CHANGE_ME\nOTHER=x\n")
    with pytest.raises(DashtamError, match=name) as raised:
        keys.generate(settings, path, names=["SECRET_KEY", name])
    assert raised.value.code == code
    assert path.read_text() == "SECRET_KEY=CHANGE_ME\nOTHER=x\n"
    assert entries(path.parent) == [path.name]


def test_a_malformed_file_is_not_touched(settings: Settings, path: Path) -> None:
    text = f"SECRET_KEY=CHANGE_ME\nENCRYPTION_KEY='{FERNET}\n"
    write(path, text)
    with pytest.raises(DashtamError, match=r"\.env\.dev:2") as raised:
        keys.generate(settings, path, force=True)
    assert FERNET not in str(raised.value)
    assert path.read_text() == text


def test_no_secret_is_shown_or_logged(
    settings: Settings, path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    write(path, FRESH)
    shown = repr(keys.generate(settings, path))
    captured = capfd.readouterr()
    shown += caplog.text + captured.out + captured.err
    assert all(env_files.read(path)[name] not in shown for name in NAMES)


def test_good_secrets_pass(settings: Settings, path: Path) -> None:
    assert keys.check(settings, write(path, GOOD)) == ()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("SECRET_KEY", "CHANGE_ME", "placeholder"),
        ("SECRET_KEY", "", "placeholder"),
        ("SECRET_KEY", "q7Kx" * 7 + "abc", "weak"),
        ("SECRET_KEY", "abcabc" * 10, "weak"),
        ("ENCRYPTION_KEY", "<fernet>", "placeholder"),
        ("ENCRYPTION_KEY", FERNET[:-1], "malformed"),
        ("ENCRYPTION_KEY", FERNET.replace("-", "+"), "malformed"),
        ("ENCRYPTION_KEY", "x" + FERNET, "malformed"),
        ("ENCRYPTION_KEY", "A" * 43 + "=", "weak"),
        ("POSTGRES_PASSWORD", "CHANGE_ME", "placeholder"),
        ("POSTGRES_PASSWORD", "short-password", "weak"),
        ("POSTGRES_PASSWORD", "p@ss/word:with#all", "malformed"),
        ("POSTGRES_PASSWORD", "ünïcödé-ünïcödé-pass", "malformed"),
    ],
)
def test_a_bad_secret_is_found_and_not_shown(
    settings: Settings, path: Path, name: str, value: str, kind: str
) -> None:
    write(path, GOOD + f"\n{name}='{value}'\n")
    (found,) = keys.check(settings, path)
    assert (found.kind, found.where, found.severity) == (kind, f"{path}:5", Severity.ERROR)
    assert found.message.startswith(f"{name} ")
    assert "inv keys" in found.hint
    if kind != "placeholder":
        assert value not in repr(found)


def test_a_secret_that_is_not_set_is_a_warning(settings: Settings, path: Path) -> None:
    write(path, GOOD.replace("ENCRYPTION_KEY", "# ENCRYPTION_KEY"))
    (found,) = keys.check(settings, path)
    assert (found.kind, found.severity) == ("missing", Severity.WARNING)
    assert found.message == "ENCRYPTION_KEY is not set."


def test_a_secret_that_only_another_environment_reads_is_not_missed(project: "Project") -> None:
    both = msgspec.structs.replace(
        project.settings, keys={**project.settings.keys, "TEST_POSTGRES_PASSWORD": "password"}
    )
    test = project.test
    for path in (test.compose_file, test.env_file, test.example):
        text = path.read_text()
        path.write_text(
            text.replace("{POSTGRES_PASSWORD", "{TEST_POSTGRES_PASSWORD").replace(
                "\nPOSTGRES_PASSWORD=", "\nTEST_POSTGRES_PASSWORD="
            )
        )
    for one in (project, test):
        assert keys.check(both, one.env_file) == ()


@pytest.mark.parametrize("where", ["compose_file", "example"])
def test_a_secret_that_the_environment_reads_is_missed(project: "Project", where: str) -> None:
    more = msgspec.structs.replace(project.settings, keys={"API_TOKEN": "token"})
    assert keys.check(more, project.env_file) == ()
    path = getattr(project, where)
    path.write_text(
        path.read_text() + {"compose_file": "# ${API_TOKEN:-}\n", "example": "API_TOKEN=\n"}[where]
    )
    (found,) = keys.check(more, project.env_file)
    assert (found.kind, found.message) == ("missing", "API_TOKEN is not set.")
    assert keys.check(more, project.test.env_file) == ()


def test_a_malformed_line_of_a_key_is_found(settings: Settings, path: Path) -> None:
    write(path, GOOD.replace(f"={TOKEN}", f"='{TOKEN}"))
    found = keys.check(settings, path)
    assert TOKEN not in repr(found)
    assert [(one.kind, one.where) for one in found] == [("malformed", f"{path}:1")]


def test_what_stands_in_the_example_too_is_no_secret(settings: Settings, path: Path) -> None:
    write(
        path.with_name(f"{path.name}.example"),
        "SECRET_KEY=mock\nENCRYPTION_KEY=mock\nPOSTGRES_PASSWORD=other\n",
    )
    write(path, "SECRET_KEY=mock\nENCRYPTION_KEY=short\nPOSTGRES_PASSWORD=short\n")
    assert keys.mocks(path) == {"SECRET_KEY"}
    found = keys.check(settings, path)
    assert [(one.kind, one.where) for one in found] == [("malformed", f"{path}:2"), ("weak", f"{path}:3")]


@pytest.mark.parametrize("value", ["CHANGE_ME", ""])
def test_a_placeholder_of_the_example_is_still_to_be_replaced(
    settings: Settings, path: Path, value: str
) -> None:
    write(path.with_name(f"{path.name}.example"), f"{GOOD}SECRET_KEY={value}\n")
    write(path, f"SECRET_KEY={value}\n")
    found = {one.kind for one in keys.check(settings, path)}
    assert keys.mocks(path) == frozenset()
    assert found == {"placeholder", "missing"}


def test_the_hint_names_the_environment_whose_file_it_is(project: "Project") -> None:
    test = project.test
    text = test.env_file.read_text().splitlines()
    lines = ["SECRET_KEY=CHANGE_ME" if line.startswith("SECRET_KEY=") else line for line in text]
    test.env_file.write_text("\n".join(lines))
    (found,) = keys.check(project.settings, test.env_file)
    assert found.hint == "Run `inv keys --env test`."
