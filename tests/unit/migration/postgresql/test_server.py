import subprocess

import pytest

from dashtam_tasks.migration.postgresql import server

AS_WHOM = ("sh", "-c", 'echo "$PGUSER $PGPASSWORD $*"', "sh")


@pytest.mark.parametrize("name", ["shop", "other = 'db'", "back\\slash", "postgres://elsewhere"])
def test_name_of_a_database_is_never_taken_for_a_connection_string(name: str) -> None:
    text = server.connection(name)
    assert text.startswith("dbname='")
    assert text[8:-1].replace("\\'", "'").replace("\\\\", "\\") == name


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"POSTGRES_USER": "owner", "POSTGRES_PASSWORD": "secret"}, "owner secret a b"),
        ({"POSTGRESQL_USERNAME": "app", "POSTGRESQL_PASSWORD": "secret"}, "app secret a b"),
        ({}, "postgres  a b"),
    ],
)
def test_running_server_is_asked_with_the_user_and_the_password_of_its_container(
    variables: dict[str, str], expected: str
) -> None:
    argv = server.running("db-1").container.argv(*AS_WHOM, "a", "b")
    inside = argv[argv.index("db-1") + 1 :]
    done = subprocess.run(inside, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == f"{expected}\n"
