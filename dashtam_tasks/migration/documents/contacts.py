"""Whom to ask: as the project itself says it, and never a made-up name."""

from collections.abc import Iterator

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.documents.markdown import bullets, document, series
from dashtam_tasks.migration.legacy import Legacy

# https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
REPORT = (
    "Say which step it was about, and add what these print; neither shows a secret:",
    ("dashtam-tasks migrate.status --json", "dashtam-tasks doctor"),
)


def text(found: Legacy) -> str:
    """Return whom to ask, where the project says it, and what to tell them."""
    who = [*owners(found), *migrator(found)]
    sentence, commands = REPORT
    return document(f"Ask {series(who)}." if who else "", sentence, bullets(f"`{one}`" for one in commands))


def owners(found: Legacy) -> Iterator[str]:
    """Yield who owns everything, as CODEOWNERS says; the last line that is for all files counts."""
    for name in OWNERS:
        path = found.folder / name
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            for_all = [line.partition("#")[0].split()[1:] for line in lines if line.split()[:1] == ["*"]]
            yield from for_all[-1] if for_all else ()
            return


def migrator(found: Legacy) -> Iterator[str]:
    """Yield who migrates the project, as git knows them; commits in it say the same."""
    if not found.git.is_repository:
        return
    try:
        name = processes.run(["git", "config", "user.name"], cwd=found.folder).stdout.strip()
    except DashtamError:
        return
    if name:
        yield f"{name}, who migrated the project"
