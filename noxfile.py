"""Sessions: `nox -s unit`, `nox -s integration`, and `nox -s ci` for all that a change must pass."""

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "typecheck", "unit"]

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
CODE = ("dashtam_tasks", "tests", "benchmarks", "tasks.py", "noxfile.py", "bootstrap")
REPORTS = "reports"


def interpreters() -> list[str]:
    """Return the supported Python versions that are on this machine, oldest first."""
    if shutil.which("pyenv"):
        # A python3.N of pyenv runs only if it is selected, and pyenv itself selected one for ./bootstrap.
        listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True)
        chosen = [
            one for one in listed.stdout.split() if one.startswith(tuple(f"{name}." for name in SUPPORTED))
        ]
        os.environ["PYENV_VERSION"] = ":".join(chosen)
    return [name for name in SUPPORTED if works(f"python{name}")]


def works(program: str) -> bool:
    """Return whether `program` is there and runs; a version manager's shim may be there and not run."""
    if not shutil.which(program):
        return False
    return subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0


def install(session: nox.Session) -> None:
    """Install the locked requirements and this package into the session's environment."""
    session.install("--require-hashes", "--requirement", "requirements/dev.txt")
    session.install("--no-deps", "--no-build-isolation", "--editable", ".")


PYTHONS = interpreters()


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, of all code or of the arguments; then import directions and workflows."""
    install(session)
    checked = session.posargs or CODE
    session.run("ruff", "check", *checked)
    session.run("ruff", "format", "--check", *checked)
    session.run("lint-imports")
    # Without the checkers that only some machines have, so that all come to one verdict.
    workflows = map(str, Path(".github/workflows").glob("*.yml"))
    session.run("actionlint", "-shellcheck=", "-pyflakes=", *workflows)


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check types, strictly, of all code or of the arguments."""
    install(session)
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Run the unit tests, which need Compose but no engine, on every Python here; the oldest measures coverage.

    What takes whole projects through Compose runs on the oldest alone: Compose is the same on all of them.
    """
    install(session)
    is_oldest = session.python == PYTHONS[0]
    measured = ("--cov", f"--cov-report=xml:{REPORTS}/coverage.xml") if is_oldest else ("-m", "not shapes")
    report = f"--junit-xml={REPORTS}/junit-unit-{session.python}.xml"
    session.run("pytest", "tests/unit", "-n", "auto", report, *measured, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the unit tests and report which lines and branches they reach, in child processes too."""
    install(session)
    session.run("pytest", "tests/unit", "-n", "auto", "--cov", "--cov-report=term-missing", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """Run the integration tests on a real engine, beside whatever else runs on it."""
    install(session)
    report = f"--junit-xml={REPORTS}/junit-integration"
    if session.posargs:
        session.run("pytest", "tests/integration", f"{report}.xml", *session.posargs)
        return
    side_by_side = ("-m", "not crowd", "-n", "auto", "--dist", "loadfile")
    session.run("pytest", "tests/integration", *side_by_side, f"{report}.xml")
    session.run("pytest", "tests/integration", "-m", "crowd", f"{report}-crowd.xml")


@nox.session(venv_backend="none")
def benchmark(session: nox.Session) -> None:
    """Measure starts, suites, CI and copies of volumes beside the bare tools, in what ./bootstrap made."""
    for module in ("benchmarks.startup", "benchmarks.suites", "benchmarks.pipeline", "benchmarks.volumes"):
        session.run("python", "-m", module, *session.posargs, external=True)


@nox.session(venv_backend="none")
def ci(session: nox.Session) -> None:
    """Run everything that a change must pass; the arguments are for pytest."""
    for name in ("lint", "typecheck"):
        session.notify(name, posargs=())
    for name in (*(f"unit-{python}" for python in PYTHONS), "integration"):
        session.notify(name)
