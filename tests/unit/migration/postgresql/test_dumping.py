from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.postgresql import dumping

SCRIPT = b"""\
--
-- PostgreSQL database cluster dump
--
CREATE ROLE guest;
ALTER ROLE guest WITH LOGIN;
-- PostgreSQL database cluster dump complete
"""


def test_statements_of_a_script_that_has_its_end_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "globals.sql"
    path.write_bytes(SCRIPT)
    assert dumping.statements(path) == 2
    path.write_bytes(SCRIPT[: len(SCRIPT) // 2])
    with pytest.raises(DashtamError, match="has no end") as error:
        dumping.statements(path)
    assert error.value.code == ExitCode.DATA
