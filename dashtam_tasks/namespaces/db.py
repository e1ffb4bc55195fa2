"""The database: `inv db.upgrade`, `inv db.dump` and the rest, on the environment that `--env` names."""

from datetime import UTC, datetime
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from dashtam_tasks import console, database
from dashtam_tasks.namespaces.invoking import (
    INSTANCE,
    after_dashes,
    changing,
    environment,
    require_consent,
    task,
)
from dashtam_tasks.settings import Settings

ENV = "the environment (default: dev)"


@task(help={"env": ENV, "revision": "up to this revision (default: head)", "instance": INSTANCE})
def upgrade(context: Context, env: str = "dev", revision: str = "head", instance: str = "") -> int:
    """Run migrations forwards."""
    with changing(context, env, instance, task="db.upgrade", starts=False) as opened:
        return database.alembic(opened, ("upgrade", revision, *after_dashes()))


@task(
    help={
        "env": ENV,
        "revision": "down to this revision (default: one back)",
        "yes": "do not ask",
        "instance": INSTANCE,
    }
)
def downgrade(
    context: Context, env: str = "dev", revision: str = "-1", yes: bool = False, instance: str = ""
) -> int:
    """Run migrations backwards."""
    label = environment(context, env, instance).label
    require_consent(f"Run migrations of {label} backwards to {revision}? They may drop data.", yes=yes)
    with changing(context, env, instance, task="db.downgrade", starts=False) as opened:
        return database.alembic(opened, ("downgrade", revision, *after_dashes()))


@task(
    help={
        "env": ENV,
        "message": "what the revision does",
        "autogenerate": "compare the models with the database (the default)",
        "instance": INSTANCE,
    }
)
def revision(
    context: Context, message: str, env: str = "dev", autogenerate: bool = True, instance: str = ""
) -> int:
    """Write a new migration."""
    options = ("--autogenerate",) if autogenerate else ()
    arguments = ("revision", *options, "--message", message, *after_dashes())
    with changing(context, env, instance, task="db.revision", starts=False) as opened:
        return database.alembic(opened, arguments, writes=True)


@task(help={"env": ENV, "instance": INSTANCE})
def history(context: Context, env: str = "dev", instance: str = "") -> int:
    """List migrations, newest first."""
    return database.alembic(environment(context, env, instance), ("history", *after_dashes()))


@task(help={"env": ENV, "instance": INSTANCE})
def current(context: Context, env: str = "dev", instance: str = "") -> int:
    """Show the revision that the database is at."""
    return database.alembic(environment(context, env, instance), ("current", *after_dashes()))


@task(
    help={
        "env": ENV,
        "file": "where to (default: backups/<environment>-<time>.dump)",
        "instance": INSTANCE,
    }
)
def dump(context: Context, env: str = "dev", file: str = "", instance: str = "") -> None:
    """Write the database to a file and verify it."""
    opened = environment(context, env, instance)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    stem = "-".join(filter(None, (env, opened.instance, stamp)))
    path = Path(file) if file else backup_folder(opened.settings) / f"{stem}.dump"
    with console.transfer(f"dump of {opened.label}") as report:
        written = database.dump(opened, path, report=report)
    console.line(f"{written.path}: {written.size} bytes, {written.objects} objects, verified")


def backup_folder(chosen: Settings) -> Path:
    """Return the project's folder of backups, made private where it is missing."""
    folder = chosen.path("backups")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@task(help={"env": ENV, "file": "the dump", "yes": "do not ask", "instance": INSTANCE})
def restore(context: Context, file: str, env: str = "dev", yes: bool = False, instance: str = "") -> None:
    """Replace the database's contents by those of a dump."""
    label = environment(context, env, instance).label
    require_consent(f"Replace all data in the database of {label}?", yes=yes)
    with (
        changing(context, env, instance, task="db.restore", starts=False) as opened,
        console.transfer(f"restore of {label}") as report,
    ):
        read = database.restore(opened, Path(file), report=report)
    console.line(f"{read.path}: {read.size} bytes, {read.objects} objects, restored")


def collection() -> Collection:
    """Return the namespace `db`."""
    return Collection("db", upgrade, downgrade, revision, history, current, dump, restore)
