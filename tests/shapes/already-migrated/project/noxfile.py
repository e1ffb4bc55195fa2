"""Sessions."""

import nox


@nox.session
def unit(session: nox.Session) -> None:
    """Run the unit tests."""
    session.run("inv", "test.unit", external=True)
