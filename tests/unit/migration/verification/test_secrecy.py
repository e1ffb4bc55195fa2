from pathlib import Path

from dashtam_tasks.migration.verification.secrecy import masked, secrets_of

TEXT = b"DB_PASSWORD=hunter-two\nURL=redis://:in-the-url@cache:6379/0\nAPP_NAME=shop\nPORT=8000\n"


def found(path: Path) -> frozenset[str]:
    """Return the secrets in an env file."""
    return secrets_of([path], known=())


def test_secrets_are_what_names_and_urls_tell(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(TEXT)
    assert found(tmp_path / ".env") == {"hunter-two", "in-the-url"}
    assert found(tmp_path / "missing") == frozenset()


def test_what_the_example_has_as_well_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(TEXT)
    (tmp_path / ".env.example").write_bytes(b"DB_PASSWORD=hunter-two\n")
    assert found(tmp_path / ".env") == {"in-the-url"}


def test_a_file_that_is_no_utf_8_still_has_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"GREETING=\xfc\n" + TEXT)
    assert found(tmp_path / ".env") == {"hunter-two", "in-the-url"}


def test_an_example_that_cannot_be_read_makes_nothing_known(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(TEXT)
    (tmp_path / ".env.example").write_bytes(b"DB_PASSWORD=hunter-two\nGREETING=\xfc\n")
    assert found(tmp_path / ".env") == {"hunter-two", "in-the-url"}


def test_a_secret_within_another_leaves_nothing_of_either() -> None:
    assert masked("long-secret and secret", {"secret", "long-secret"}) == "*** and ***"
