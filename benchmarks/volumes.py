"""What copying a volume costs: `volumes.copy`, hashes and comparison included, beside `cp -a` of the same bytes.

Run from the project's folder: python -m benchmarks.volumes. It measures and judges nothing: the exit code is 0
unless a command fails. Both copy 1 GiB from one volume into a new one, in a container of the same image, and both
end when the copy is on the disk. In front of a cold run the source is dropped from memory, as it is after a boot.
"""

import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.project import ROOT, describe_machine, main
from benchmarks.timing import COLUMNS, Limit, Times
from dashtam_tasks import console, engine, env_files
from dashtam_tasks.migration import volumes
from dashtam_tasks.migration.operations import CopyVolume

ROUNDS = 5
LIMIT = Limit(factor=1.3)
IMAGE = env_files.read(ROOT / "envs/.env.images")["POSTGRES_IMAGE"]

# 1 GiB as a database has it: some large files, many small ones. Random, so that nothing is compressed away.
FILL = """
cd /source; mkdir small
for name in $(seq 7); do head -c 134217728 /dev/urandom > large$name; done
for name in $(seq 1024); do head -c 131072 /dev/urandom > small/$name; done
sync
"""
# Only what is on the disk already can be dropped (GNU dd's manual, flag nocache).
DROP = "sync; find /source -type f -exec dd if={} iflag=nocache count=0 status=none ';'"
COPY, SYNC = "cp -a /source/. /target/", "sync -f /target"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A volume, and the name of the one that it is copied to; `project` is where records of copies go."""

    source: str
    target: str
    project: Path

    def run(self, script: str) -> None:
        """Run a script in a container that has both volumes."""
        mounts = ("--volume", f"{self.source}:/source", "--volume", f"{self.target}:/target")
        options = ("--rm", "--network", "none", "--user", "0:0", "--pull", "never", *mounts)
        engine.docker("run", *options, "--entrypoint", "sh", IMAGE, "-c", script)

    def copy(self) -> None:
        """Copy as the migration does."""
        operation = CopyVolume(
            source=self.source, target=self.target, labels={}, service="db", image=IMAGE, path="/data"
        )
        volumes.copy(operation, project=self.project, notify=lambda _: None)

    def copied_by(self, script: str) -> Callable[[], None]:
        """Return what copies by a script."""
        return lambda: self.run(script)

    def seconds(self, work: Callable[[], None], *, is_cold: bool) -> float:
        """Return how long some work takes whose target is not there yet, and leave nothing of it."""
        self.run(DROP if is_cold else "cat /source/large* /source/small/* > /dev/null; sync")
        engine.docker("volume", "rm", self.target)
        began = time.perf_counter()
        work()
        taken = time.perf_counter() - began
        engine.docker("volume", "rm", self.target)
        return taken


def measure(rounds: int) -> None:
    """Print what was measured on, and how long each way of copying takes, from the disk and from memory."""
    with pair() as both:
        console.note("filling a volume")
        both.run(FILL)
        ways = (both.copy, both.copied_by(f"{COPY} && {SYNC}"), both.copied_by(COPY))
        rows = []
        for words, is_cold in (("from the disk", True), ("from memory", False)):
            console.note(f"copying {words}")
            taken = [[both.seconds(way, is_cold=is_cold) for way in ways] for _ in range(rounds + 1)]
            ours, synced, plain = (Times(times) for times in zip(*taken[1:], strict=True))
            rows.append(LIMIT.row(f"{words}, beside cp -a and sync", ours, synced))
            rows.append(LIMIT.row(f"{words}, beside cp -a alone", ours, plain))
    describe_machine(rounds)
    console.table(COLUMNS, rows)


@contextmanager
def pair() -> Iterator[Pair]:
    """Yield two volumes with names of their own, which are removed afterwards."""
    name = f"dashtam-benchmark-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as project:
        both = Pair(source=f"{name}-source", target=f"{name}-target", project=Path(project))
        try:
            yield both
        finally:
            engine.docker("volume", "rm", *engine.volumes_present((both.source, both.target)))


if __name__ == "__main__":
    sys.exit(main("benchmarks.volumes", measure, rounds=ROUNDS))
