"""A minimal Debian system from a mirror, as an image: what local base images are built on.

It has the machine's own certificate authorities, so that builds work behind a proxy that signs TLS anew.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Images

PACKAGES = ("debootstrap", "debian-archive-keyring")
# sudo drops what is not named: apt must not ask questions, and may need a proxy.
SUDO = ("sudo", "-n", "--preserve-env=DEBIAN_FRONTEND,http_proxy,https_proxy,no_proxy")
# debootstrap and dpkg need what only root's PATH has.
ENVIRONMENT = {
    "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
    "DEBIAN_FRONTEND": "noninteractive",
}
IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Debian's, Fedora's and SUSE's place for the bundle.
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
# Where files of the machine and of images/debian go, and their modes.
CA_TARGET = ("etc/ssl/certs/ca-certificates.crt", "0644")
TARGETS = {"dpkg.cfg": ("etc/dpkg/dpkg.cfg.d/docker", "0644"), "policy-rc.d": ("usr/sbin/policy-rc.d", "0755")}

LEFT_OUT = (
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
)
PHASE = re.compile(r"I: (Retrieving|Extracting|Unpacking|Configuring) ")
LAST_LINES = 20

Report = Callable[[str], None]


def ca_bundle() -> Path:
    """Return the machine's bundle of certificate authorities.

    Raises DashtamError (UNAVAILABLE) when it has none.
    """
    found = next((Path(name) for name in CA_BUNDLES if Path(name).is_file()), None)
    if found is None:
        raise DashtamError(
            f"This machine has no bundle of certificate authorities at {' or '.join(CA_BUNDLES)}.",
            code=ExitCode.UNAVAILABLE,
            hint="Install ca-certificates.",
        )
    return found


def make(
    reference: str,
    images: Images,
    *,
    files: Path,
    labels: Mapping[str, str],
    report: Report,
    install: bool,
) -> None:
    """Make the suite's minimal system with the files in `files` and import it as the image `reference`.

    `install` allows to install debootstrap. Raises DashtamError: UNAVAILABLE when debootstrap or the rights to
    run it are missing or it fails, CONFIGURATION when no mirror is known.
    """
    privilege = root_command()
    provide_debootstrap(privilege, report=report, install=install)
    mirror = images.mirror or machine_mirror()
    with temporary_folder(privilege) as folder:
        bootstrap(folder, privilege, suite=images.suite, mirror=mirror, report=report)
        for name, (target, mode) in TARGETS.items():
            as_root(privilege, "install", "-D", f"--mode={mode}", files / name, folder / target)
        as_root(privilege, "install", f"--mode={CA_TARGET[1]}", ca_bundle(), folder / CA_TARGET[0])
        report(f"Importing {reference}")
        import_image(folder, reference, privilege, labels=labels)


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
        hint="Run `sudo -v` first, or `inv images.build` as root.",
    )


def as_root(privilege: Sequence[str], *command: str | Path) -> None:
    """Run a command as root.

    Raises DashtamError (UNAVAILABLE) with its last words when it fails.
    """
    done = processes.run([*privilege, *map(str, command)], environment=ENVIRONMENT)
    if done.returncode:
        raise failure(str(command[0]), done.returncode, (done.stdout + done.stderr).splitlines())


def failure(name: str, returncode: int, lines: Sequence[str], *, hint: str = "") -> DashtamError:
    """Return the error of a program that failed, with its last lines."""
    return DashtamError(
        f"{name} failed with exit code {returncode}.",
        code=ExitCode.UNAVAILABLE,
        details="\n".join(lines[-LAST_LINES:]),
        hint=hint,
    )


def provide_debootstrap(privilege: Sequence[str], *, report: Report, install: bool) -> None:
    """Install debootstrap where it is missing.

    Raises DashtamError (UNAVAILABLE) when that is not allowed, or not possible.
    """
    if shutil.which("debootstrap", path=ENVIRONMENT["PATH"]):
        return
    if not install or not shutil.which("apt-get"):
        raise DashtamError(
            "No registry's images are here, and debootstrap is missing, which local ones are built with.",
            code=ExitCode.UNAVAILABLE,
            hint=f"Install {' and '.join(PACKAGES)}.",
        )
    report(f"Installing {' and '.join(PACKAGES)} from the distribution")
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES)
    if processes.run([*privilege, *command], environment=ENVIRONMENT).returncode:
        # The lists may be old, or not there yet.
        as_root(privilege, "apt-get", "update")
        as_root(privilege, *command)


def machine_mirror() -> str:
    """Return the URL of the Debian mirror in the machine's own apt sources.

    Raises DashtamError (CONFIGURATION), naming the setting, when there is none.
    """
    main_archive = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
    argv = ["apt-get", "indextargets", "--format", "$(SITE)", *main_archive]
    sites = processes.run(argv).stdout.split() if shutil.which("apt-get") else []
    usable = [site for site in sites if site.startswith(("http://", "https://", "file:/"))]
    if not usable:
        raise DashtamError(
            "The machine's apt sources name no Debian mirror.",
            code=ExitCode.CONFIGURATION,
            hint="Set dashtam.images.mirror to the URL of one; on Debian, run `apt-get update` first.",
        )
    return usable[0]


@contextmanager
def temporary_folder(privilege: Sequence[str]) -> Iterator[Path]:
    """Yield the path of a folder for root's files; it is gone afterwards, whatever happened."""
    # debootstrap makes devices, which many a /tmp refuses.
    folder = Path(tempfile.mkdtemp(prefix="dashtam-debian-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        yield folder / "root"
    finally:
        as_root(privilege, "rm", "--recursive", "--force", "--one-file-system", folder)


def bootstrap(folder: Path, privilege: Sequence[str], *, suite: str, mirror: str, report: Report) -> None:
    """Fill `folder` with the suite's minimal system, its signatures checked, reporting each phase once."""
    command = ["debootstrap", "--force-check-gpg", "--variant=minbase", "--include=ca-certificates"]
    # Its mounts end with it, even if it is killed.
    argv = [*privilege, "unshare", "--mount", *command, suite, str(folder), mirror]
    lines: deque[str] = deque(maxlen=LAST_LINES)
    phases = set()
    with ended_at_exit(argv, privilege, stderr=subprocess.STDOUT) as process:
        for raw in process.stdout or ():
            lines.append(raw.decode(errors="replace").rstrip())
            phase = PHASE.match(lines[-1])
            if phase and phase[1] not in phases:
                phases.add(phase[1])
                report(f"Debian {suite} from {mirror}: {phase[1].lower()}")
        returncode = process.wait()
    if returncode:
        hint = "Look at dashtam.images.mirror and dashtam.images.suite."
        raise failure("debootstrap", returncode, list(lines), hint=hint)


def import_image(
    folder: Path, reference: str, privilege: Sequence[str], *, labels: Mapping[str, str]
) -> None:
    """Import what is in `folder` as the image `reference`, streamed."""
    excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    packing = [*privilege, "tar", "--create", "--numeric-owner", *excluded, f"--directory={folder}", "."]
    instructions = [f"ENV PATH={IMAGE_PATH}", 'CMD ["bash"]', *(f"LABEL {k}={v}" for k, v in labels.items())]
    changes = [part for one in instructions for part in ("--change", one)]
    importing = ["docker", "import", *changes, "-", reference]
    with ended_at_exit(packing, privilege, stderr=subprocess.STDOUT) as tar:
        with ended_at_exit(importing, (), stdin=tar.stdout) as importer:
            _, said = importer.communicate()
        if importer.returncode or tar.wait():
            raise failure("docker import", importer.returncode, said.decode(errors="replace").splitlines())


@contextmanager
def ended_at_exit(
    argv: Sequence[str], privilege: Sequence[str], **streams: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that was perhaps given root's rights, and end what is left of it on the way out."""
    process = processes.start(argv, environment=ENVIRONMENT, **streams)  # type: ignore[arg-type]
    try:
        yield process
    finally:
        if process.poll() is None:
            terminate_group(process.pid, privilege)
        process.communicate()


def terminate_group(group: int, privilege: Sequence[str]) -> None:
    """Send SIGTERM to a process group; only root may signal root's processes."""
    if privilege:
        processes.run([*privilege, "kill", "-s", "TERM", "--", f"-{group}"])
    else:
        os.killpg(group, signal.SIGTERM)
