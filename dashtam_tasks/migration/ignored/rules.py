"""What git and images have to leave out: real env files, backups, the migration's own records, reports.

A project may have a folder of its own by one of these names: there, only what tools write is left out.
"""

from collections.abc import Iterator, Sequence

from dashtam_tasks.migration.ignored.lines import Rule

EXAMPLES = ("envs/.env.dev.example", "envs/.env.test.example", "envs/.env.ci.example")
# The last stands for whatever environment comes later; a kill while one is written leaves the one before it.
REAL = (
    "envs/.env.dev",
    "envs/.env.test",
    "envs/.env.ci",
    "envs/.env.images",
    "envs/.env.dev.x.tmp",
    "envs/.env.later",
)
RECORDS = (".dashtam/plan.json", ".dashtam/contents/0")
# An exception may take in files by their endings.
BACKED_UP = (
    ".env",
    "docker-compose.yml",
    "Makefile",
    "manifest.json",
    "README.md",
    "kept/0",
    "dumps/db.dump",
)
# A folder, what tools write there, and patterns for just that.
WRITTEN = {
    "backups": (
        (
            *(f"backups/pre-migration-20000101/{name}" for name in BACKED_UP),
            "backups/dev-20000101T000000Z.dump",
        ),
        ("backups/pre-migration-*", "backups/*.dump*"),
    ),
    "reports": (
        ("reports/migration/1.json", "reports/dev/1.xml", "reports/test/1.xml", "reports/ci/1.xml"),
        ("reports/migration", "reports/dev*", "reports/test*", "reports/ci*"),
    ),
}


def for_git(own: frozenset[str], keys: Sequence[str]) -> Iterator[Rule]:
    """Yield what git leaves out; `own` are the folders with other files of the project's, `keys` private keys."""
    if keys:
        yield Rule(out=tuple(keys), lines=(tuple(f"/{key}" for key in keys),))
    yield Rule(out=RECORDS, lines=(("/.dashtam/",),))
    for folder, (paths, narrow) in WRITTEN.items():
        yield Rule(
            out=paths, lines=(tuple(f"/{one}" for one in narrow) if folder in own else (f"/{folder}/",),)
        )
    # Nothing in a folder that is left out can be taken in again (gitignore(5)), but for what it is parted into.
    yield Rule(
        out=REAL,
        kept=EXAMPLES,
        lines=(
            ("!/envs/.env.*.example",),
            ("/envs/.env.*", "!/envs/.env.*.example"),
            ("!/envs/", "/envs/*", "!/envs/.env.*.example"),
        ),
    )


def for_images(own: frozenset[str], examples: tuple[str, ...]) -> Iterator[Rule]:
    """Yield what an image leaves out; `examples` are those that it takes in now, and is to take in later, too."""
    yield Rule(out=RECORDS, lines=((".dashtam",), (".dashtam/**",)))
    for folder, (paths, narrow) in WRITTEN.items():
        patterns = narrow if folder in own else (folder,)
        # BuildKit does not ask for a folder that is out already, and then takes in what an exception fits.
        yield Rule(out=paths, lines=(patterns, (*patterns, *(f"{one}/**" for one in patterns))))
    yield Rule(out=REAL, kept=examples, lines=(("envs/.env.*",), ("envs/.env.*", "!envs/.env.*.example")))
