"""Bring the test database to the newest schema: `python src/core/init_test_db.py`.

Waits for nothing: the database is there, or this fails at once.
"""

from alembic.command import upgrade
from alembic.config import Config

from src.core.config import ROOT, load_settings


def main() -> None:
    """Run the migrations; refuse where the data is somebody's."""
    settings = load_settings()
    if not settings.is_test:
        raise SystemExit(
            f"ENVIRONMENT is {settings.environment!r}; "
            "the test database is made only where it is 'testing' or 'ci'."
        )
    upgrade(Config(ROOT / "alembic.ini"), "head")


if __name__ == "__main__":
    main()
