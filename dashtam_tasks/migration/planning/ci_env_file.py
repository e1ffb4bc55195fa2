"""CI's env file (step 2.3): what its Compose file and the tests' env file name, and nothing that is secret.

A value of the tests' env file is kept where it is harmless beyond doubt, and is a mock in every other case.
"""

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from dashtam_tasks import env_files
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.names import INSTANCE
from dashtam_tasks.migration.rules.reading import environment, with_defaults

# What every run in CI is, and what it is spared.
FIXED = {"ENVIRONMENT": "ci", "TESTING": "true", "DEBUG": "false", "SSL_ENABLED": "false"}
# The same for what only some projects have.
CHOSEN = {"DISABLE_EXTERNAL_CALLS": "true", "MOCK_PROVIDERS": "true", "DB_ECHO": "false"}

HEADER = """\
# CI. Nothing here is secret: no port is published, and every credential is a mock.
"""
# The keys that encrypt or sign hold this, so that they say themselves what they are worth.
SENTENCE = b"ci-encrypts-nothing-that-is-real"
KEY_BYTES = len(SENTENCE)

CREDENTIAL = frozenset(
    "access apikey auth authorization bearer cert certificate cookie credential credentials dsn hash jwt key keys"
    " license licence pass passcode passphrase passwd password pem pin private pwd salt secret secrets seed"
    " session signature signing token tokens webhook".split()
)
# Of a name's last words: what a database and its user are called.
NAMING = re.compile(r"(.*_)?(DB|DATABASE|DB_NAME|DATABASE_NAME|USER|USERNAME|DB_USER|ROLE|SCHEMA)")
SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,30}")
# Where code is found: DJANGO_SETTINGS_MODULE, FLASK_APP.
CODE = re.compile(r"(.*_)?(MODULE|SETTINGS|APP)")
SAFE_CODE = re.compile(r"[a-z_]+(?:[.:][a-z_]+)*", re.IGNORECASE)
# What is pulled or built: POSTGRES_IMAGE=registry.example.com/postgres:17, NODE_VERSION=22.1-alpine
IMAGE = re.compile(r"(.*_)?(IMAGE|TAG|VERSION)")
SAFE_IMAGE = re.compile(r"[A-Za-z0-9][\w./:@-]{0,200}")
NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|kb|mb|gb)?", re.IGNORECASE)
WORDS = frozenset(
    "true false yes no on off none null test tests testing ci dev development local staging production prod debug"
    " info warning warn error critical fatal notice trace verbose quiet utc en de fr c.utf-8 c en_us.utf-8 memory"
    " console file stdout stderr json text plain simple array sync async database redis cookie log smtp null_mailer"
    " sqlite sqlite3 postgres postgresql mysql mariadb mongodb pgsql localhost 127.0.0.1 0.0.0.0 :memory:".split()
)
HEXADECIMAL = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
# A scheme, a host and perhaps a port: https://api.example.com
PLAIN_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?/?", re.IGNORECASE)
SCHEME = re.compile(r"[\w+.:-]+")
# Where an address leads: a host, perhaps a port, and what is called like a database.
PLACE = re.compile(r"(?P<host>[\w.-]+)(?::\d+)?(?:/[\w-]{0,40})?")
# What PostgreSQL's own user is called, and what the plan of the migration gives it for a password.
LOGIN = "postgres"
# A default is shown as far as it is plain.
REFERENCE = re.compile(
    r"(?<!\$)\$(?:\{(?P<braced>\w+)(?P<operator>:?-)?(?P<default>[^${}\n]*)|(?P<plain>[A-Za-z_]\w*))"
)


@dataclass(frozen=True, kw_only=True)
class Values:
    """The values of CI: made from those of the tests' env file, for CI's Compose file."""

    tests: Mapping[str, str]
    document: Document

    @property
    def services(self) -> tuple[str, ...]:
        """The services that CI has, which addresses may name as hosts."""
        return self.document.keys(("services",))

    def of(self, name: str) -> str:
        """Return a variable's value in CI."""
        value = self.tests.get(name, "")
        if name in FIXED or (name in CHOSEN and name in self.tests):
            return {**FIXED, **CHOSEN}[name]
        if name in self.tests and not value:
            return ""
        if "://" in value:
            return self.address(value, credential=is_credential(name))
        return value if is_harmless(name, value, self.services) else mock(name, value)

    def address(self, value: str, *, credential: bool) -> str:
        """Return a URL without a secret: a service's with credentials that fit, another's as a host alone."""
        scheme, _, rest = value.partition("://")
        # A password may hold what ends an address elsewhere.
        login, at, behind = rest.rpartition("@")
        place = PLACE.match(behind)
        if place and place["host"] in self.services and SCHEME.fullmatch(scheme):
            return f"{scheme}://{self.login(login)}{at}{place[0]}"
        return value if not credential and PLAIN_ADDRESS.fullmatch(value) else "https://mock.invalid"

    def login(self, text: str) -> str:
        """Return a login as it is in CI; a user has a name, and a password that only repeats it is none."""
        user, colon, password = text.partition(":")
        name = user if SAFE_NAME.fullmatch(user) else self.fitting(user)
        return f"{name}{colon}{name if password == user else self.fitting(password)}"

    def fitting(self, text: str) -> str:
        """Return what a password is in CI: what the variable that holds it is, or what the file says openly."""
        plain = unquote(text)
        same = (name for name, value in self.tests.items() if plain and value == plain and "://" not in value)
        if name := next(same, ""):
            return quote(self.of(name), safe="")
        said = (
            with_defaults(value)
            for service in self.services
            for value in environment(self.document, service).values()
            if value
        )
        return text if not plain or plain in said else LOGIN


def contents(values: Mapping[str, str], made: Draft) -> bytes:
    """Return CI's env file; `values` are those of the tests' env file, and `made` is CI's Compose file.

    It is the same for everyone, so that it can be committed as an example.
    """
    chosen = Values(tests=values, document=made.document)
    named = dict.fromkeys((*FIXED, *values, *required(made.document)))
    lines = [f"{name}={chosen.of(name)}\n" for name in named]
    optional = {name: text for name, text in defaults(made.document).items() if name not in named}
    said = "\n# These have their defaults in the Compose file.\n" if optional else ""
    rest = [shown(name, text, made.document) for name, text in optional.items()]
    return "".join((HEADER, "\n", *lines, said, *rest)).encode()


def references(document: Document) -> Iterator[tuple[str, str | None]]:
    """Yield each variable that a Compose file interpolates, with its default; None where it has none."""
    for found in REFERENCE.finditer(document.text):
        name = found["braced"] or found["plain"]
        if f"${{{name}" not in INSTANCE:
            yield name, found["default"] if found["operator"] else None


def defaults(document: Document) -> dict[str, str]:
    """Return the variables with a default that a Compose file interpolates."""
    return {name: text for name, text in references(document) if text is not None}


def shown(name: str, default: str, document: Document) -> str:
    """Return the line about a variable with a default, which is left out where other variables are part of it."""
    return f"# {name}={default}\n" if f"{name}:-{default}}}" in document.text else f"# {name}=\n"


def required(document: Document) -> tuple[str, ...]:
    """Return the variables that a Compose file interpolates and gives no default."""
    known = defaults(document)
    return tuple(
        dict.fromkeys(name for name, text in references(document) if text is None and name not in known)
    )


def is_credential(name: str) -> bool:
    """Return whether a variable's name says that it holds a credential."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return bool(CREDENTIAL & set(words))


def is_harmless(name: str, value: str, services: Collection[str]) -> bool:
    """Return whether a value can be in an example that everybody reads."""
    if not value or is_credential(name) or env_files.is_placeholder(value):
        return False
    return (
        value.lower() in WORDS
        or value in services
        or NUMBER.fullmatch(value) is not None
        or (NAMING.fullmatch(name) is not None and SAFE_NAME.fullmatch(value) is not None)
        or (IMAGE.fullmatch(name) is not None and SAFE_IMAGE.fullmatch(value) is not None)
        or (CODE.fullmatch(name) is not None and SAFE_CODE.fullmatch(value) is not None)
    )


def mock(name: str, value: str) -> str:
    """Return a mock that says that it is one, in the form of what it stands for where that has to be kept."""
    if HEXADECIMAL.fullmatch(value):
        return SENTENCE.hex()
    if value.startswith("base64:"):
        return f"base64:{b64encode(SENTENCE).decode()}"
    if is_key(value) or is_encrypting(name):
        return urlsafe_b64encode(SENTENCE).decode()
    text = f"ci_mock_{name.lower()}"
    # Frameworks refuse to sign with short keys.
    return f"{text}_that_protects_nothing_real" if "SECRET" in name or len(value) > KEY_BYTES else text


def is_encrypting(name: str) -> bool:
    """Return whether a name says that it is a key to encrypt with, whatever its value is yet."""
    return re.search(r"FERNET|ENCRYPTION_KEY", name) is not None


def is_key(value: str) -> bool:
    """Return whether a value is a Fernet key: 32 bytes in URL-safe base64."""
    try:
        return len(value) == len(urlsafe_b64encode(SENTENCE)) and len(urlsafe_b64decode(value)) == KEY_BYTES
    except ValueError:
        return False
