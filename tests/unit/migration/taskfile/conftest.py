"""A small legacy project whose Makefile each test writes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.migration import taskfile
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import Account
from tests.unit.migration.taskfile import blueprints

Project = Callable[[str], Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project called `shop` with a Makefile of this text."""

    return lambda makefile: blueprints.shop(tmp_path, makefile)


def told(blueprint: Blueprint) -> dict[str, Account]:
    """Return the account of each target by its name."""
    return {one.target: one for one in taskfile.accounts(blueprint)}


@pytest.fixture
def accounts(project: Project) -> Callable[[str], dict[str, Account]]:
    """Return the accounts of a project with a Makefile of this text, by target."""
    return lambda makefile: told(blueprints.blueprint(project(makefile)))
