"""A minimal Debian system as an image: what local base images are built on.

It has the machine's own certificate authorities, so that builds work behind a proxy that signs TLS anew.
"""

import os
import re
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dashtam_tasks import files, processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.images import debian
from dashtam_tasks.images.debian import LAST_LINES, failure, run_as_root
from dashtam_tasks.notifying import Notify
from dashtam_tasks.processes import DEVNULL, PIPE, STDOUT, Process
from dashtam_tasks.settings import Images

# Debian's, Fedora's and SUSE's place for the bundle.
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
CA_TARGET = "etc/ssl/certs/ca-certificates.crt"
# Where the files in images/debian go, and their modes.
TARGETS = {
    "dpkg.cfg": ("etc/dpkg/dpkg.cfg.d/docker", "0644"),
    "policy-rc.d": ("usr/sbin/policy-rc.d", "0755"),
}
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
INSTRUCTIONS = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    'CMD ["bash"]',
)
PHASE = re.compile(r"I: (Retrieving|Extracting|Unpacking|Configuring) ")


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
    additions: Path,
    labels: Mapping[str, str],
    report: Notify,
    install: bool,
) -> None:
    """Make the suite's minimal system, with what is in `additions`, and import it as the image `reference`.

    `install` allows to install debootstrap. Raises DashtamError: UNAVAILABLE when debootstrap or the rights to
    run it are missing or it fails, CONFIGURATION when no mirror is known.
    """
    privilege = debian.root_command()
    debian.provide_debootstrap(privilege, report=report, install=install)
    mirror = images.mirror or debian.machine_mirror()
    with temporary_folder(privilege) as folder:
        bootstrap(folder, privilege, suite=images.suite, mirror=mirror, report=report)
        for name, (target, mode) in TARGETS.items():
            run_as_root(privilege, "install", "-D", f"--mode={mode}", additions / name, folder / target)
        run_as_root(privilege, "install", "--mode=0644", ca_bundle(), folder / CA_TARGET)
        report(f"Importing {reference}")
        instructions = (*INSTRUCTIONS, *(f"LABEL {name}={value}" for name, value in labels.items()))
        import_image(folder, reference, privilege, instructions=instructions)


@contextmanager
def temporary_folder(privilege: Sequence[str]) -> Iterator[Path]:
    """Yield the path of a folder for root's files; it is gone afterwards, whatever happened."""
    # debootstrap makes devices, which many a /tmp refuses.
    place = os.environ.get("TMPDIR", "/var/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
    with files.explaining(Path(place, "dashtam-debian")):
        folder = Path(tempfile.mkdtemp(prefix="dashtam-debian-", dir=place))
    try:
        yield folder / "root"
    finally:
        run_as_root(privilege, "rm", "--recursive", "--force", "--one-file-system", folder)


def bootstrap(folder: Path, privilege: Sequence[str], *, suite: str, mirror: str, report: Notify) -> None:
    """Fill `folder` with the suite's minimal system, its signatures checked, reporting each phase once.

    Raises DashtamError (UNAVAILABLE) when debootstrap fails.
    """
    options = ("--force-check-gpg", "--variant=minbase", "--include=ca-certificates")
    # Its mounts end with it, even if it is killed.
    command = ("unshare", "--mount", "debootstrap", *options, suite, str(folder), mirror)
    lines: deque[str] = deque(maxlen=LAST_LINES)
    phases = set()
    with running([*privilege, *command], privilege, stderr=STDOUT) as process:
        for raw in process.stdout or ():
            lines.append(raw.decode(errors="replace").rstrip())
            phase = PHASE.match(lines[-1])
            if phase and phase[1] not in phases:
                phases.add(phase[1])
                report(f"Debian {suite} from {mirror}: {phase[1].lower()}")
        returncode = process.wait()
    if returncode:
        hint = "Look at dashtam.images.mirror and dashtam.images.suite."
        raise failure("debootstrap", returncode, "\n".join(lines), hint=hint)


def import_image(
    folder: Path, reference: str, privilege: Sequence[str], *, instructions: Sequence[str]
) -> None:
    """Import what is in `folder` as the image `reference`, streamed.

    Raises DashtamError (UNAVAILABLE) when tar or Docker fails.
    """
    excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    packing = [*privilege, "tar", "--create", "--numeric-owner", *excluded, f"--directory={folder}", "."]
    changes = [part for one in instructions for part in ("--change", one)]
    importing = ["docker", "import", *changes, "-", reference]
    with running(packing, privilege) as packer:
        with running(importing, (), stdin=packer.stdout) as importer:
            _, importer_said = importer.communicate()
        _, packer_said = packer.communicate()
    for name, process, said in (("tar", packer, packer_said), ("docker import", importer, importer_said)):
        if process.returncode:
            raise failure(name, process.returncode, said.decode(errors="replace"))


@contextmanager
def running(
    argv: Sequence[str],
    privilege: Sequence[str],
    *,
    stdin: IO[bytes] | int | None = None,
    stderr: int = PIPE,
) -> Iterator[Process]:
    """Start a command that `privilege` may have made root's; nothing of it is left on the way out."""
    stdin = DEVNULL if stdin is None else stdin
    with processes.start(argv, environment=debian.environment(), stdin=stdin, stderr=stderr) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                terminate_group(process.pid, privilege)
            process.wait()


def terminate_group(group: int, privilege: Sequence[str]) -> None:
    """Send SIGTERM to a process group; only root may signal root's processes."""
    if privilege:
        processes.run([*privilege, "kill", "-s", "TERM", "--", f"-{group}"])
    else:
        os.killpg(group, signal.SIGTERM)
