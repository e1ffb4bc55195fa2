"""Durability that tests do not need: what lives in memory alone waits for no disk."""

from collections.abc import Callable
from functools import partial

from dashtam_tasks.migration.document import Flow
from dashtam_tasks.migration.rules import health_checks, known_images
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.reading import changed, raw_words, rule, value_of, words

NAME = "durability"

# PostgreSQL's manual, section Non-Durable Settings.
NOT_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
# Redis' documentation, section Persistence.
NOT_PERSISTENT = {"--save": "", "--appendonly": "no"}


def hurried(draft: Draft) -> Draft:
    """Return the draft whose well-known databases write nothing for good, where their data are in memory."""
    if draft.environment == "dev":
        return draft
    document = draft.document
    for service in draft.services:
        image = known_images.image_of(document, service)
        if image is None or not known_images.serves(document, service, image.kind):
            continue
        chosen = COMMANDS.get(image.kind.check)
        before = value_of(document, service, "command")
        if chosen is None or not value_of(document, service, "tmpfs") or is_torn(raw_words(before)):
            continue
        after = chosen(raw_words(before))
        if after and after != raw_words(before):
            document = document.set(("services", service, "command"), Flow(after), shared=True)
    return changed(draft, document, rule=NAME, keys={"command": "its data end with its container"})


def is_torn(command: list[str]) -> bool:
    """Return whether a reference to a variable was split, which nothing but Compose can put together."""
    return any(word.count("{") != word.count("}") for word in command)


def postgresql(command: list[str]) -> list[str]:
    """Return PostgreSQL's command with what makes it wait switched off; options of its own stay."""
    server = command or ["postgres"]
    if words(server)[0] != "postgres":
        return []
    said = {word.partition("=")[0].removeprefix("-c").removeprefix("--") for word in server}
    return [*server, *(part for name in NOT_DURABLE if name not in said for part in ("-c", f"{name}=off"))]


def redis(command: list[str], *, server: str) -> list[str]:
    """Return the command of Redis, or of what is like it, with nothing that writes to a disk."""
    own = command or [server]
    if words(own)[0] != server or command == [*without_options(own), *PERSISTENCE]:
        return []
    return [*without_options(own), *PERSISTENCE]


def without_options(command: list[str]) -> list[str]:
    """Return a command of Redis without the options about persistence; `--save` has several values, or one."""
    result: list[str] = []
    is_left_out = False
    for word in command:
        if word.startswith("--"):
            is_left_out = word in NOT_PERSISTENT
        if not is_left_out:
            result.append(word)
    return result


PERSISTENCE = [word for pair in NOT_PERSISTENT.items() for word in pair]
COMMANDS: dict[Callable[..., list[str]], Callable[[list[str]], list[str]]] = {
    health_checks.postgresql: postgresql,
    health_checks.redis: partial(redis, server="redis-server"),
    health_checks.valkey: partial(redis, server="valkey-server"),
}
DURABILITY = rule(NAME, "In tests and CI databases in memory wait for no disk.", hurried)
