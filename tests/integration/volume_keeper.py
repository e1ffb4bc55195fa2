"""A keeper of volumes: a container that sees all of the engine's, so that looking and copying start nothing new.

It holds none of them: what it mounts is the engine's own folder, with which nobody's volume is in use.
"""

import shlex
import subprocess
import weakref
from pathlib import Path, PurePosixPath

from dashtam_tasks import env_files
from dashtam_tasks.engine import PROJECT_LABEL
from tests.integration.projects import ROOT, docker

POSTGRES = env_files.read(ROOT / "envs/.env.images")["POSTGRES_IMAGE"]
# In memory: what was kept, and the copies on which a server is started.
KEPT, SCRATCH = "/kept", "/scratch"
VOLUMES = "/engine-volumes"
# The folder that the project is in.
BESIDE = "/beside"
END = "-- end of answer"
# Nobody can set a file's ctime back: who leaves it alone has neither written to the file nor changed its look.
LISTED = 'cd "$1"; find . -exec stat -c "%n %f %u %g %s %y %z %i" {} + | LC_ALL=C sort'
DESCRIBED = 'cd "$1"; find . -exec stat -c "%n %f %u %g %s %y" {} + | LC_ALL=C sort'
HASHED = 'cd "$1"; find . -type f -exec sha256sum {} + | LC_ALL=C sort'
COPIED = 'rm -rf "$2"; mkdir -p "$2"; cp -a "$1/." "$2/"'
FILLED = 'find "$2" -mindepth 1 -delete; cp -a "$1/." "$2/"'
SERVED = """\
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
log=$(mktemp)
chown postgres "$log"
as pg_ctl start --silent -w -D "$data" -l "$log" \
    -o "-c listen_addresses= -c unix_socket_directories=$TMPDIR -c fsync=off" > /dev/null
as psql --host="$TMPDIR" --username=dashtam_user --dbname=dashtam --quiet -Atc "$2"
as pg_ctl stop --silent -m fast -D "$data"
rm "$log"
"""
# On a copy, since a server writes to what it serves.
ASKED = f'export TMPDIR="${{TMPDIR:-/tmp}}"; data=$(mktemp -d); cp -a "$1/." "$data"; {SERVED} rm -rf "$data"'
TOLD = f'data="$1"; {SERVED}'
RESTORED = 'pg_restore --data-only --table="$1" --file=- "$2"'


class Keeper:
    """Looks into volumes, by their names, and copies them.

    `owner` is the Compose project that it goes with, and `project` the folder of the one whose volumes they are.
    """

    def __init__(self, owner: str, project: Path) -> None:
        self.project = project
        folder = docker("info", "--format", "{{.DockerRootDir}}")
        self.process = subprocess.Popen(
            [
                *("docker", "run", "--interactive", "--network", "none", "--user", "0:0"),
                # By the label it is found, and removed with all that is the project's.
                *("--label", f"{PROJECT_LABEL}={owner}", "--entrypoint", "sh"),
                *("--volume", f"{folder}/volumes:{VOLUMES}", "--volume", f"{project.parent}:{BESIDE}:ro"),
                *("--tmpfs", KEPT, "--tmpfs", f"{SCRATCH}:mode=1777", "--env", f"TMPDIR={SCRATCH}", POSTGRES),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )
        weakref.finalize(self, end, self.process)

    def answer(self, script: str, *arguments: str) -> str:
        """Return what a script prints; it has to succeed."""
        command = shlex.join(("sh", "-euc", script, "sh", *arguments))
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command} < /dev/null; code=$?; echo; echo '{END}' $code\n")
        self.process.stdin.flush()
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith(END):
                assert int(line.removeprefix(END)) == 0, (arguments, lines)
                return "".join(lines).strip()
            lines.append(line)
        raise AssertionError(f"the keeper of volumes ended: {lines}")

    def state(self, volume: str) -> str:
        """Return what tells of every change in a volume: names, modes, owners, sizes, times and inodes."""
        return self.answer(LISTED, place(volume))

    def contents(self, volume: str) -> str:
        """Return all that a true copy has, too: names, modes, owners, sizes, times, and the files' hashes."""
        return "\n".join(self.answer(script, place(volume)) for script in (DESCRIBED, HASHED))

    def rows(self, volume: str, statement: str) -> str:
        """Return what a server answers that is started on a copy of a volume."""
        return self.answer(ASKED, place(volume), statement)

    def write(self, volume: str, statement: str) -> None:
        """Let a server of a volume's own carry out a statement."""
        self.answer(TOLD, place(volume), statement)

    def restored(self, dump: Path, table: str) -> list[str]:
        """Return the lines of SQL that a dump in the project's folder has of a table."""
        there = PurePosixPath(BESIDE, dump.relative_to(self.project.parent))
        return self.answer(RESTORED, table, str(there)).splitlines()

    def keep(self, volume: str, name: str) -> None:
        """Keep a copy of a volume under a name."""
        self.answer(COPIED, place(volume), f"{KEPT}/{name}")

    def fill(self, name: str, volume: str) -> None:
        """Let a volume have what was kept, and nothing else."""
        self.answer(FILLED, f"{KEPT}/{name}", place(volume))


def place(volume: str) -> str:
    """Return where the keeper has a volume."""
    return str(PurePosixPath(VOLUMES, volume, "_data"))


def end(process: "subprocess.Popen[str]") -> None:
    """End a keeper, which runs for as long as its input is open."""
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.wait()
    process.stdout.close()
