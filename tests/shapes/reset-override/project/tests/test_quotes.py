"""There is an app."""

from quotes import app


def test_app() -> None:
    assert app.title
