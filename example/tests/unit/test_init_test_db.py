"""The test database is made only where data may be thrown away."""

import pytest

from src.core import init_test_db


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_refuses_where_data_is_somebodys(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade(*_arguments: object) -> None:
        raise AssertionError("the migrations ran")

    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.setattr(init_test_db, "upgrade", upgrade)

    with pytest.raises(SystemExit, match=f"ENVIRONMENT is '{environment}'"):
        init_test_db.main()
