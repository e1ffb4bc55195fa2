"""What the plan asks of tests over HTTPS."""

from functools import partial

from dashtam_tasks.compose import Service
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.subject import DEVELOPMENT, TESTS, Subject
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    failed,
    holds,
    not_applicable,
    passed,
)

VARIABLE = "SSL_ENABLED"
SUITE = "ssl"
ON = frozenset({"1", "true", "yes", "on"})
NO_TLS = "Development mounts no certificates: this project does not serve HTTPS."
NO_VARIABLE = f"No service of tests goes by {VARIABLE}."


def tests(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 2.1; that OAuth works is shown by running the suite."""
    return (
        ("SSL certs mounted successfully", partial(mounts_certificates, subject)),
        ("Unit tests run without SSL (fast)", partial(is_off_by_default, subject)),
        ("Integration tests can enable SSL", partial(can_be_on, subject)),
        ("OAuth tests work with HTTPS", partial(has_suite, subject)),
    )


def mounts_certificates(subject: Subject) -> Verdict:
    """Decide whether tests have the certificates that development has."""
    before, now = (mounting(subject, name) for name in (DEVELOPMENT, TESTS))
    seen = looked(subject, subject.shown(TESTS), f"{TESTS}: {', '.join(now) or 'no service'}")
    if not before and not now:
        return not_applicable(NO_TLS, seen)
    return passed(seen) if now else failed("No service of tests mounts the certificates.", seen)


def mounting(subject: Subject, name: str) -> list[str]:
    """Return the services of an environment that mount the folder of certificates."""
    folder = subject.path(subject.settings.certificates.directory).resolve()
    services = subject.model(name).services
    return sorted(
        service
        for service, one in services.items()
        if any(mount.source == str(folder) for mount in one.volumes)
    )


def is_on(service: Service) -> bool:
    """Return whether a service is told to serve HTTPS."""
    return (service.environment.get(VARIABLE) or "").lower() in ON


def is_off_by_default(subject: Subject) -> Verdict:
    """Decide whether what suites run in is not told to serve HTTPS, unless it is there for that."""
    services = {name: one for name, one in subject.model(TESTS).services.items() if not one.profiles}
    told = {name: one for name, one in services.items() if VARIABLE in one.environment}
    if not told:
        return not_applicable(NO_VARIABLE)
    shown = "\n".join(f"{name}: {VARIABLE}={one.environment[VARIABLE]}" for name, one in told.items())
    wrong = (f"Service {name} has {VARIABLE} on." for name, one in told.items() if is_on(one))
    return holds(wrong, looked(subject, subject.shown(TESTS), shown))


def can_be_on(subject: Subject) -> Verdict:
    """Decide whether a service of tests serves HTTPS, by itself or once the variable says so."""
    services = subject.model(TESTS).services
    if not any(VARIABLE in one.environment for one in services.values()):
        return not_applicable(NO_VARIABLE)
    ready = sorted(name for name, one in services.items() if is_on(one))
    if ready:
        return passed(looked(subject, subject.shown(TESTS), f"{', '.join(ready)}: {VARIABLE} is on"))
    with subject.composed(TESTS) as compose:
        turned = type(compose)(
            file=compose.file, env_files=compose.env_files, variables={VARIABLE: "true"}
        ).model
    on = sorted(name for name, one in turned.services.items() if is_on(one))
    seen = looked(subject, f"{VARIABLE}=true {subject.shown(TESTS)}", ", ".join(on))
    return passed(seen) if on else failed(f"{VARIABLE}=true changes no service of tests.", seen)


def has_suite(subject: Subject) -> Verdict:
    """Decide whether there is a suite of tests over HTTPS, and what it needs; running it shows the rest."""
    missing = missing_for(subject)
    if missing is None:
        return not_applicable(
            "No service of tests serves HTTPS beside the others, so there is no such suite."
        )
    seen = looked(
        subject, f"inv test.{SUITE}", f"needs {', '.join(subject.settings.suites[SUITE].needs or ())}"
    )
    return holds((f"Suite {SUITE} needs {name}, and there is no such service." for name in missing), seen)


def missing_for(subject: Subject) -> tuple[str, ...] | None:
    """Return the services that the suite over HTTPS lacks; None where no service is there for it."""
    suite = subject.settings.suites.get(SUITE)
    services = subject.model(TESTS).services
    needs = (suite.needs or ()) if suite else ()
    if not suite or not any(is_on(services[name]) for name in needs if name in services):
        return None
    return tuple(name for name in needs if name not in services)
