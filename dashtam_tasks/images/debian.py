"""What a machine must have to make Debian systems: root's rights, debootstrap and a mirror."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.notifying import Notify

PACKAGES = ("debootstrap", "debian-archive-keyring")
# sudo drops what is not named: apt must not ask questions, and may need a proxy.
SUDO = ("sudo", "-n", "--preserve-env=DEBIAN_FRONTEND,http_proxy,https_proxy,no_proxy")
# The index targets of the main archive, neither security updates nor another publisher's.
MAIN_ARCHIVE = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
# What debootstrap can read; apt has more, such as mirror+file:.
MIRROR_SCHEMES = ("http://", "https://", "file:/")
LAST_LINES = 20


def environment() -> dict[str, str]:
    """Return what root's programs need: dpkg and debootstrap look for others that only root's PATH has."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": f"{path}:/usr/sbin:/sbin", "DEBIAN_FRONTEND": "noninteractive"}


def root_command() -> tuple[str, ...]:
    """Return what a command starts with to run as root: nothing for root, else sudo.

    Raises DashtamError (UNAVAILABLE) when sudo is missing or wants a password.
    """
    if os.geteuid() == 0:
        return ()
    if shutil.which(SUDO[0]) and not processes.run([*SUDO, "true"]).returncode:
        return SUDO
    raise DashtamError(
        "Building base images needs root or sudo without a password, for debootstrap.",
        code=ExitCode.UNAVAILABLE,
        hint="Run `sudo -v` first, or run this as root.",
    )


def run_as_root(privilege: Sequence[str], *command: str | Path) -> None:
    """Run a command that `privilege` makes root's.

    Raises DashtamError (UNAVAILABLE) with its last words when it fails.
    """
    done = processes.run([*privilege, *map(str, command)], environment=environment())
    if done.returncode:
        raise failure(str(command[0]), done.returncode, done.stdout + done.stderr)


def failure(program: str, returncode: int, said: str, *, hint: str = "") -> DashtamError:
    """Return the error of a program that failed, with the last lines of what it said."""
    return DashtamError(
        f"{program} failed with exit code {returncode}.",
        code=ExitCode.UNAVAILABLE,
        details="\n".join(said.splitlines()[-LAST_LINES:]),
        hint=hint,
    )


def provide_debootstrap(privilege: Sequence[str], *, report: Notify, install: bool) -> None:
    """Install debootstrap where it is missing.

    Raises DashtamError (UNAVAILABLE) when that is not allowed, or not possible.
    """
    if shutil.which("debootstrap", path=environment()["PATH"]):
        return
    if not install or not shutil.which("apt-get"):
        raise DashtamError(
            "debootstrap is missing, which base images are built with where no registry answers.",
            code=ExitCode.UNAVAILABLE,
            hint=f"Install {' and '.join(PACKAGES)}.",
        )
    report(f"Installing {' and '.join(PACKAGES)}")
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES)
    if processes.run([*privilege, *command], environment=environment()).returncode:
        # The lists of packages may be old, or not there yet.
        run_as_root(privilege, "apt-get", "update")
        run_as_root(privilege, *command)


def machine_mirror() -> str:
    """Return the URL of the Debian mirror in the machine's own apt sources.

    Raises DashtamError (CONFIGURATION), naming the setting, when there is none.
    """
    argv = ["apt-get", "indextargets", "--format", "$(SITE)", *MAIN_ARCHIVE]
    sites = processes.run(argv).stdout.split() if shutil.which("apt-get") else []
    usable = [site for site in sites if site.startswith(MIRROR_SCHEMES)]
    if not usable:
        raise DashtamError(
            "The machine's apt sources name no Debian mirror.",
            code=ExitCode.CONFIGURATION,
            hint="Set dashtam.images.mirror to the URL of one; on Debian, run `apt-get update` first.",
        )
    return usable[0]
