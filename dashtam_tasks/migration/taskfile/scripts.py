"""Scripts: which of a project's own make what a task of ours makes, and which old names they have."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dashtam_tasks.migration.legacy.makefile import Target
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile.carrying import Line, recursion
from dashtam_tasks.migration.taskfile.invocation import Invocation
from dashtam_tasks.settings import Settings

MAKES_CERTIFICATES = re.compile(r"\b(?:openssl\s+req|mkcert)\b")
MAKES_SECRETS = re.compile(r"\bopenssl\s+rand\b|/dev/u?random\b|\bsecrets\.token_|\bFernet\.generate_key\b")
# A server or a deployment has more than a laptop's certificates and secrets.
DOES_MORE = re.compile(r"\b(?:docker|curl|ssh|scp|kubectl|aws|vault|psql|apt(?:-get)?|brew|pip|npm)\b")
PEM = re.compile(r"[\w${}-]+\.(?:pem|crt|cer|key|p12|pfx)\b")
COPY_EXAMPLE = re.compile(
    r"(?:(?:test|\[)\s+(?:!\s+)?-[fe]\s+(?P<there>\S+)(?:\s+\])?\s*(?:\|\||&&)\s*)?"
    r"cp\s+(?P<options>-\w+\s+)?(?P<example>\S+)\s+(?P<file>\S+)"
)


@dataclass(frozen=True, kw_only=True)
class Scripts:
    """Looks into the scripts of one project; `moved` says where env files are from now on."""

    blueprint: Blueprint
    moved: Mapping[str, str]
    settings: Settings

    def text(self, words: tuple[str, ...]) -> tuple[str, str]:
        """Return the project's own script that words run, by its name and its text; empty for none."""
        for word in words[:2]:
            name = word.removeprefix("./")
            path = self.blueprint.found.folder / name
            if "/" in word and not word.startswith("/") and path.is_file():
                return name, path.read_text(encoding="utf-8", errors="replace")
        return "", ""

    def task_for(self, words: tuple[str, ...]) -> tuple[Invocation, ...]:
        """Return the tasks that make what a script makes, none where it does anything else."""
        name, text = self.text(words)
        if (
            not name
            or len(words) > 1 + (words[0] in {"sh", "bash"})
            or DOES_MORE.search(without_comments(text))
        ):
            return ()
        if MAKES_CERTIFICATES.search(text) and not MAKES_SECRETS.search(text):
            return tuple(self.certificates(text))
        if MAKES_SECRETS.search(text) and not MAKES_CERTIFICATES.search(text):
            return tuple(self.secrets(text))
        return ()

    def certificates(self, text: str) -> Iterator[Invocation]:
        """Yield the task that makes a script's certificates, if it makes these very files."""
        known = self.settings.certificates
        ours = {f"{leaf}.pem" for leaf in known.leaves} | {
            f"{leaf.replace('cert', 'key') if 'cert' in leaf else f'{leaf}_key'}.pem" for leaf in known.leaves
        }
        made = {re.sub(r"\$\{\w+\}|\$\w+", "", one) for one in PEM.findall(without_comments(text))}
        if made and made <= ours and known.directory in text:
            yield Invocation(task="certs", notes=("a local authority signs them",))

    def secrets(self, text: str) -> Iterator[Invocation]:
        """Yield the tasks that write a script's secrets, if it writes none but those that we know."""
        names = {name for one in self.blueprint.found.env_files for name in one.names}
        written = names & set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", without_comments(text)))
        if not written or not written <= self.settings.keys.keys():
            return
        for name in ("dev", "test"):
            source = self.blueprint.sources.get(name)
            if (
                source
                and source.env_file
                and re.search(rf"(?<![\w./-]){re.escape(source.env_file)}(?![\w.-])", text)
            ):
                yield Invocation(task="keys", options=() if name == "dev" else ("--env", name))

    def sets_up(self, target: Target) -> bool:
        """Return whether a recipe makes env files from examples, and at most secrets and certificates."""
        copied = False
        for line in target.recipe:
            text = line.command.strip()
            if found := COPY_EXAMPLE.fullmatch(text):
                if not self.is_example(found["example"], found["file"]):
                    return False
                if not found["there"] and "n" not in (found["options"] or ""):
                    # It would replace a file that is there, which our task never does.
                    return False
                copied = True
            elif not self.is_part_of_setup(text):
                return False
        return copied and not target.prerequisites

    def is_example(self, example: str, file: str) -> bool:
        """Return whether a file is an environment's env file, and the other its example."""
        known = {one.file: one.example for one in self.blueprint.found.env_files}
        used = {one.env_file for one in self.blueprint.sources.values()}
        return file in used and known.get(file, f"{file}.example") == example

    def is_part_of_setup(self, text: str) -> bool:
        """Return whether a command makes what `setup` makes as well."""
        words = tuple(text.split())
        if words[:1] == ("echo",):
            return not re.search(r"[|<>;&`]|\$\(", text)
        makefile = self.blueprint.found.makefile
        made = recursion(words) or ()
        targets = [makefile.target(name) for name in made] if makefile else []
        recipes = [tuple(one.recipe[0].command.split()) for one in targets if one and len(one.recipe) == 1]
        if made and len(recipes) == len(made):
            return all(self.task_for(one) for one in recipes)
        return bool(self.task_for(words))

    def notes(self, lines: Iterable[Line]) -> tuple[str, ...]:
        """Return what a person should know of the scripts that lines run: which old names they have."""
        legacy = {one.file for one in self.blueprint.found.compose_files} | self.moved.keys()
        found: dict[str, None] = {}
        for line in lines:
            name, text = self.text(line.words)
            for number, row in enumerate(text.splitlines(), 1):
                named = [
                    one for one in sorted(legacy) if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w.-])", row)
                ]
                if named and not row.lstrip().startswith("#"):
                    found[f"{name}:{number} names {named[0]}, which has another place now"] = None
                    break
        return tuple(found)


def without_comments(text: str) -> str:
    """Return a script without its comments."""
    return re.sub(r"(?m)(?:^|(?<=\s))#.*", "", text)
