"""Manifests: everything in a volume, by name, with owner, mode, time, link and the hash of what it holds.

They are taken with what BusyBox and GNU both have. BusyBox' cp sets times to the second and leaves those of links;
so that is how exactly times are compared.
"""

import hashlib
import re
import secrets
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.executor import Job
from dashtam_tasks.migration.containers.workbench import Workbench

FIELDS = "%f %u %g %s %Y %i %W %n"
LINK_TARGETS = 'for name do readlink -n "$name" || exit 1; printf "\\0"; done'
# sha256sum of GNU escapes names with a newline or a backslash, and begins their lines with one; BusyBox does not.
DIGEST = re.compile(rb"(\\?)([0-9a-f]{64}) [ *]")
ESCAPED = re.compile(rb"\\([\\nr])")

# Of a folder that nothing else reads.
HASHING_PARTS = 2

Names = Sequence[bytes]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something in a volume: `mode` with its type, `size` in bytes, `mtime` in seconds since the epoch.

    `born` is when it was made, as stat says it; BusyBox' stat does not know.
    """

    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    inode: int
    born: bytes = b""
    target: bytes = b""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def look(self) -> tuple[object, ...]:
        """What has to be the same in a copy; a folder's size is the file system's matter."""
        mtime = None if stat.S_ISLNK(self.mode) else self.mtime
        return (self.mode, self.uid, self.gid, self.size if self.is_file else 0, mtime, self.target)


Listing = Mapping[bytes, Entry]
Hashes = dict[bytes, str]


def listing(bench: Workbench, folder: str) -> dict[bytes, Entry]:
    """Return everything below a folder in a workbench by its name, which begins with a dot, the folder included.

    Raises DashtamError as Executor.output does.
    """
    # Nobody can have made a file whose name has this in it.
    begin = secrets.token_hex(16)
    look = ("find", ".", "-exec", "stat", "-c", f"{begin} {FIELDS}", "{}", "+")
    text = b"\n" + bench.output(*look, folder=folder).removesuffix(b"\n")
    found = dict(map(entry, text.split(f"\n{begin} ".encode())[1:]))
    links = [name for name, one in found.items() if stat.S_ISLNK(one.mode)]
    return found | {name: replace(found[name], target=to) for name, to in link_targets(bench, folder, links)}


def entry(text: bytes) -> tuple[bytes, Entry]:
    """Return a name and what is there, from what stat says."""
    mode, uid, gid, size, mtime, inode, born, name = text.split(b" ", 7)
    return name, Entry(
        mode=int(mode, 16),
        uid=int(uid),
        gid=int(gid),
        size=int(size),
        mtime=int(mtime),
        inode=int(inode),
        born=born,
    )


def link_targets(bench: Workbench, folder: str, links: Names) -> Iterable[tuple[bytes, bytes]]:
    """Return where symbolic links lead."""
    if not links:
        return ()
    read = ("xargs", "-0", "sh", "-c", LINK_TARGETS, "sh")
    targets = bench.output(*read, feed=b"\0".join(links), folder=folder).split(b"\0")[:-1]
    return zip(links, targets, strict=True)


def hashing(
    folder: str, found: Listing, *, into: Hashes, report: Callable[[int], None], parts: int = 1
) -> Iterator[Job]:
    """Yield the jobs that hash all files below a folder, in as many parts of about the same size.

    `into` gets the SHA-256 of each name, and `report` the bytes of each file when it is done.
    """
    for names in divided(found, parts):

        def add(name: bytes, sha256: str) -> None:
            into[name] = sha256
            report(found[name].size)

        # xargs runs where it is started, and sha256sum where xargs does.
        command = ("sh", "-c", 'cd "$1" && exec xargs -0 sha256sum', "sh", folder)
        yield Job(command=command, feed=b"\0".join(names), read=Digests(names, add).feed)


def divided(found: Listing, parts: int) -> Iterator[list[bytes]]:
    """Yield the names of files in parts of about the same size, none of them empty.

    The order stays that of the file system, which reads quickest.
    """
    names = [name for name, one in found.items() if one.is_file]
    total = sum(found[name].size for name in names)
    shares: list[list[bytes]] = [[] for _ in range(parts)]
    before = 0
    for name in names:
        shares[min(before * parts // total, parts - 1) if total else 0].append(name)
        before += found[name].size
    yield from filter(None, shares)


class Digests:
    """Reads what sha256sum writes about files whose names and order are known."""

    def __init__(self, names: Iterable[bytes], add: Callable[[bytes, str], None]) -> None:
        self.names, self.add, self.rest = iter(names), add, b""
        self.name = next(self.names, b"")

    def feed(self, chunk: bytes) -> None:
        """Take what came, and tell of each file that it is complete for.

        Raises DashtamError (IO) when it is not what sha256sum writes.
        """
        self.rest += chunk
        while found := DIGEST.match(self.rest):
            end = self.rest.find(b"\n", found.end()) if found[1] else found.end() + len(self.name)
            if end < 0 or len(self.rest) <= end:
                return
            written = self.rest[found.end() : end]
            if (unescaped(written) if found[1] else written) != self.name:
                raise DashtamError(f"sha256sum named another file than {shown(self.name)}.", code=ExitCode.IO)
            self.add(self.name, found[2].decode())
            self.rest, self.name = self.rest[end + 1 :], next(self.names, b"")


def unescaped(name: bytes) -> bytes:
    """Return the name that GNU's sha256sum escaped."""
    return ESCAPED.sub(lambda found: {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1]), name)


def differences(source: Listing, target: Listing) -> Iterator[str]:
    """Yield in words how what is in two folders differs, contents aside."""
    for name in source.keys() - target.keys():
        yield f"{shown(name)} is missing in the copy"
    for name in target.keys() - source.keys():
        yield f"{shown(name)} is in the copy only"
    for name in source.keys() & target.keys():
        if source[name].look != target[name].look:
            yield f"{shown(name)} is {source[name].look} and in the copy {target[name].look}"
    if links(source) != links(target):
        yield "hard links are not the same files in the copy"


def other_contents(found: Listing, source: Hashes, target: Hashes) -> Iterator[str]:
    """Yield in words which files hold something else in a copy, or were not hashed at all."""
    for name in (name for name, one in found.items() if one.is_file):
        if name not in source or source[name] != target.get(name):
            yield f"{shown(name)} has other contents in the copy"


def size(found: Listing) -> int:
    """Return how many bytes the files of a listing have."""
    return sum(one.size for one in found.values() if one.is_file)


def links(found: Listing) -> set[frozenset[bytes]]:
    """Return the names that are of one file, for each file that has several."""
    names = defaultdict[int, list[bytes]](list)
    for name, one in found.items():
        names[one.inode].append(name)
    return {frozenset(same) for same in names.values() if len(same) > 1}


def taken(bench: Workbench, folder: str, report: Callable[[int], None]) -> tuple[Listing, Hashes]:
    """Return everything below a folder, and the hash of each file; raise DashtamError as Executor.output does."""
    found, hashes = listing(bench, folder), Hashes()
    bench.together(hashing(folder, found, into=hashes, report=report, parts=HASHING_PARTS))
    return found, hashes


def digest(found: Listing, hashes: Mapping[bytes, str]) -> str:
    """Return one SHA-256 of all that a volume holds: names, modes, owners, links and contents, but no times."""
    whole = hashlib.sha256()
    for name in sorted(found):
        one = found[name]
        size = one.size if one.is_file else 0
        facts = f"{one.mode} {one.uid} {one.gid} {size} {hashes.get(name, '')} {len(name)} {len(one.target)}"
        whole.update(b" ".join((facts.encode(), name, one.target)))
    return whole.hexdigest()


def state(found: Listing) -> str:
    """Return one SHA-256 of how a volume stands, times included; nothing is read, so that it is quick."""
    return digest(found, {name: str(one.mtime) for name, one in found.items()})


def identity(found: Listing) -> str:
    """Return what tells a volume from one of the same name that was made later: its folder's inode and birth.

    Empty where nobody knows the birth, since inodes are used again.
    """
    root = found[b"."]
    is_known = root.born.isdigit() and int(root.born) > 0
    return f"{root.inode} {root.born.decode()}" if is_known else ""


def shown(name: bytes) -> str:
    """Return a name for people."""
    return repr(name.decode(errors="backslashreplace"))
