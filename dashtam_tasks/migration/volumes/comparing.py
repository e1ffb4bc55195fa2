"""Comparing: hold what the files of a copy contain against those of its source, byte by byte.

That is quicker than hashing what memory still has. What is larger would come from the disk once more than it does
when the copy is hashed, and a `diff` that is not GNU's reads in small pieces.
"""

import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from dashtam_tasks.migration.containers.executor import Job
from dashtam_tasks.migration.containers.workbench import SOURCE, TARGET, Workbench
from dashtam_tasks.migration.volumes import manifest
from dashtam_tasks.migration.volumes.manifest import Listing

DIFF = ("diff", "--recursive", "--no-dereference", "--brief", "--report-identical-files", SOURCE, TARGET)
SAME, DIFFERENT = 0, 1
GNU = b"diff (GNU diffutils)"
AVAILABLE = re.compile(rb"^MemAvailable: +([0-9]+) kB$", re.MULTILINE)
KIB = 1024
# diff only tells that there are sockets, pipes and devices on both sides.
COMPARABLE = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})
# Some versions put odd names in quotes.
IDENTICAL = re.compile(rb"Files '?%s/(.+?)'? and .* are identical" % SOURCE.encode())


def is_quicker(bench: Workbench, found: Listing) -> bool:
    """Return whether what was found can be compared byte by byte, and quicker than hashed."""
    available = AVAILABLE.search(bench.about)
    return (
        bench.about.startswith(GNU)
        and available is not None
        and 2 * manifest.size(found) <= KIB * int(available[1])
        and {stat.S_IFMT(one.mode) for one in found.values()} <= COMPARABLE
    )


@dataclass(kw_only=True)
class Bytewise:
    """A comparison of the workbench's folders; `report` gets the bytes of each file that is the same.

    `differences` are words on what differs, and there are some until diff has ended and says that all is the same.
    """

    found: Listing
    report: Callable[[int], None]
    differences: tuple[str, ...] = ("it was not compared",)
    rest: bytes = b""
    others: list[str] = field(default_factory=list)

    def job(self) -> Job:
        """Return what compares them."""
        return Job(command=DIFF, answers=(SAME, DIFFERENT), read=self.feed, after=self.end)

    def feed(self, chunk: bytes) -> None:
        """Take what diff wrote."""
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        for line in lines:
            if name := IDENTICAL.fullmatch(line):
                known = self.found.get(b"./" + name[1])
                self.report(known.size if known else 0)
            else:
                self.others.append(line.decode(errors="backslashreplace"))

    def end(self, code: int) -> tuple[Job, ...]:
        """Take the exit code, which alone says whether all is the same; return that no job follows."""
        self.differences = () if code == SAME else tuple(self.others) or ("diff says so",)
        return ()
