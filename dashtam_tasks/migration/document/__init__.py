"""Edit a YAML file in place, so that every byte that need not change stays as it is."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as File
from typing import NoReturn, Self

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import editing, values
from dashtam_tasks.migration.document.fragments import Flow
from dashtam_tasks.migration.document.nodes import Alias, Data, Path, dotted, followed
from dashtam_tasks.migration.document.tree import Found, Tree, UnfitEditError

__all__ = ["Document", "Flow", "Path", "dotted"]

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Document:
    """A YAML text with a mapping at the top, as Compose reads it; `where` is its name in errors.

    A path is a tuple of keys and of indices of items: `("services", "app", "ports", 0)`. Keys are their texts,
    since Compose takes no others. Every edit returns another document, whose data differ in that path alone: an
    alias or a merged key is written out in place first, and what others refer to is not changed, but refused.
    `shared=True` is for where they are meant to follow. `composed` is the text's tree where an edit has it already.

    Raises DashtamError (DATA), naming file and line, for broken YAML, tabs as indentation, duplicate keys,
    complex keys, a second document, or no mapping at the top.
    """

    text: str
    where: str = "the document"
    composed: Tree | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compose the text, and say at once what is wrong with it."""
        assert self.tree.root is not None

    @classmethod
    def read(cls, path: File) -> Self:
        """Return the document in a file, line ends and byte order mark included.

        Raises DashtamError as the class does, and for a file that cannot be read or is not UTF-8.
        """
        try:
            return cls(path.read_bytes().decode(), str(path))
        except OSError as error:
            problem = os.strerror(error.errno or 0)
            raise DashtamError(f"{path} cannot be read: {problem}.", code=ExitCode.DATA) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            reason = f"{path}:{line}: this is not UTF-8 text."
            raise DashtamError(reason, code=ExitCode.DATA, hint="Save the file as UTF-8.") from error

    @cached_property
    def tree(self) -> Tree:
        """The nodes of the text."""
        return self.composed or Tree(self.text.removeprefix(BYTE_ORDER_MARK), self.where)

    @property
    def data(self) -> dict[str, Data]:
        """What the document stands for, with aliases and merge keys resolved; not to be changed."""
        result: dict[str, Data] = self.tree.data
        return result

    def get(self, path: Path, default: Data = None) -> Data:
        """Return the value at `path`, not to be changed, or `default` where nothing is."""
        return values.get(self.data, path, default)

    def has(self, path: Path) -> bool:
        """Return whether something is at `path`, be it by an alias or a merge."""
        return not path or self.tree.find(path) is not None

    def written(self, path: Path) -> bool:
        """Return whether what is at `path` is written there, and neither by an alias nor by a merge."""
        found = self.tree.find(path) if path else None
        return not path or (found is not None and found.own and not isinstance(found.node, Alias))

    def origin(self, path: Path) -> Path:
        """Return the path where what is at `path` is written: another where an alias or a merge gives it.

        What a merge key holds itself is behind its `<<`. Raises DashtamError (DATA) when nothing is there.
        """
        if not path:
            return ()
        found = self._found(path)
        if isinstance(found.node, Alias):
            return self.tree.origins[id(found.node.target)]
        return (*self.tree.origins[id(found.holder)], path[-1])

    def line(self, path: Path) -> int:
        """Return the line, from 1, where as much of `path` as exists is written."""
        return self.tree.line_of(self.tree.find(self.tree.existing(path)))

    def keys(self, path: Path) -> tuple[str, ...]:
        """Return the keys of the mapping at `path`, merged ones last; none where there is no mapping."""
        value = self.get(path)
        return tuple(value) if isinstance(value, dict) else ()

    def raw(self, path: Path) -> str:
        """Return what is at `path` as it is written, quotes included, anchor and tag not.

        Raises DashtamError (DATA) when nothing is there.
        """
        node = followed(self._found(path).node)
        return self.tree.text[node.content : node.end]

    def tag(self, path: Path) -> str:
        """Return the tag of what is at `path`, such as !reset or !override; nothing where it has none.

        Raises DashtamError (DATA) when nothing is there.
        """
        return followed(self._found(path).node).tag if path else self.tree.root.tag

    def set(
        self,
        path: Path,
        value: Data,
        *,
        first: bool = False,
        before: str = "",
        comment: str = "",
        shared: bool = False,
    ) -> Self:
        """Return the document with `value` at `path`, with the parents that are missing.

        A value that is there already changes no byte; of a collection, the parts that differ change. A new key
        comes at the end of its mapping, or `first`, or `before` another of its keys, with `comment` in lines of
        its own above it where the mapping is in block style.

        Raises DashtamError (DATA), naming file and line, when a parent can hold no such key, when `before` is no
        key there, or when the change would reach what others refer to and `shared` is not set.
        """
        if not path:
            raise ValueError("The path of a value has at least one step.")
        index = 0 if first else self._index((*path[:-1], before)) if before else None
        return self._edited(
            path,
            lambda: editing.put(self.tree, path, value, index=index, comment=comment),
            lambda: values.changed(self.data, path, value),
            within=path,
            shared=shared,
        )

    def append(self, path: Path, item: Data, *, comment: str = "", shared: bool = False) -> Self:
        """Return the document with `item` at the end of the list at `path`, which is made if it is missing.

        Raises DashtamError (DATA), naming file and line, when something else than a list is there; else as `set`.
        """
        items = self.get(path)
        if items is None:
            return self.set(path, [item], comment=comment, shared=shared)
        if not isinstance(items, list):
            editing.refuse(self.tree, path, f"{dotted(path)} is no list, so nothing can be appended")
        return self.insert((*path, len(items)), item, comment=comment, shared=shared)

    def insert(self, path: Path, item: Data, *, comment: str = "", shared: bool = False) -> Self:
        """Return the document with `item` before the item at `path`, or at the end of its list.

        Raises DashtamError (DATA), naming file and line, when there is no such place; else as `set`.
        """
        items, index = self.get(path[:-1]), path[-1]
        if not isinstance(items, list) or not isinstance(index, int) or not 0 <= index <= len(items):
            editing.refuse(self.tree, path, f"{dotted(path)} is no place in a list")
        return self._edited(
            path,
            lambda: editing.put_item(self.tree, path, item, comment=comment),
            lambda: values.inserted(self.data, path, item),
            within=path[:-1],
            shared=shared,
        )

    def rename(self, path: Path, key: str, *, shared: bool = False) -> Self:
        """Return the document with another key for what is at `path`; its place and its comments stay.

        Raises DashtamError (DATA), naming file and line, when nothing is there or the new key is; for an item of
        a list; for a merged key, which cannot be taken away; else as `set`.
        """
        if path[-1] == key:
            return self
        return self._edited(
            path,
            lambda: editing.renamed(self.tree, path, key),
            lambda: values.renamed(self.data, path, key),
            within=path[:-1],
            shared=shared,
        )

    def remove(self, path: Path, *, prune: bool = False, shared: bool = False) -> Self:
        """Return the document without the entry or the item at `path`, and without the comments about it.

        These are the lines directly above it in its column, the one at its line's end, and those below it that
        are indented deeper. The last one of a collection leaves `{}` or `[]`; with `prune`, that goes as well.

        Raises DashtamError (DATA), naming file and line, when nothing is there; for a merged key, which text
        can override but not take away; for what aliases refer to; else as `set`.
        """
        return self._edited(
            path,
            lambda: editing.taken(self.tree, path, prune=prune),
            lambda: values.removed(self.data, path, prune=prune),
            within=path[:-1],
            shared=shared,
        )

    def detach(self, path: Path) -> Self:
        """Return the document with all that leads to `path` written there, copied from its alias or its merge.

        The data stay the same; what follows no longer reaches others, nor do others' changes reach it.
        """
        return self._edited(
            path, lambda: editing.detached(self.tree, path), lambda: self.data, within=(), shared=False
        )

    def _found(self, path: Path) -> Found:
        """Return what `path` leads to; raise DashtamError (DATA) where that is nothing."""
        found = self.tree.find(path)
        if found is None:
            editing.refuse(self.tree, path, f"{dotted(path)} does not exist")
        return found

    def _index(self, path: Path) -> int:
        """Return the place of an entry in its mapping, where it is to be written."""
        found = self._found(path)
        if found.holder is not self.tree.node(path[:-1]):
            editing.refuse(
                self.tree, path, f"{dotted(path)} is merged in with <<, so nothing can come before it"
            )
        return found.index

    def _edited(
        self,
        path: Path,
        edit: Callable[[], Tree],
        expected: Callable[[], Data],
        *,
        within: Path,
        shared: bool,
    ) -> Self:
        """Return the edited document when its data are as expected; when `shared`, those at `within` alone.

        The comparison is what keeps the promise that nothing else changes, whatever the text looks like.
        """
        try:
            tree = edit()
        except UnfitEditError as error:
            self._refuse_change(path, error)
        place = within if shared else ()
        if not values.same(values.get(tree.data, place), values.get(expected(), place)):
            self._refuse_change(path)
        mark = self.text[: len(self.text) - len(self.tree.text)]
        return self if tree is self.tree else type(self)(mark + tree.text, self.where, tree)

    def _refuse_change(self, path: Path, cause: Exception | None = None) -> NoReturn:
        """Raise an error that says why a change at `path` would be one elsewhere, too."""
        line, sharing = self.line(path), self.tree.shared(path)
        if not sharing:
            reason = f"{dotted(path)} cannot be changed in place without changing something else"
            hint = "Edit this place by hand."
        else:
            node = sharing[-1]
            users = ", ".join(str(alias.line) for alias in self.tree.references[id(node)])
            reason = f"{dotted(path)} is shared as &{node.anchor}, and would change in line {users}, too"
            hint = f"Write out there what *{node.anchor} stands for, or change all of them alike."
        raise DashtamError(f"{self.where}:{line}: {reason}.", code=ExitCode.DATA, hint=hint) from cause
