"""The project itself: preparing a machine, secrets, certificates, checks and cleaning up."""

import dataclasses

from invoke.context import Context

from dashtam_tasks import console, settings
from dashtam_tasks.errors import ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.namespaces.invoking import require_consent, task


@task(help={"install": "allow to install debootstrap, should images have to be built (the default)"})
def setup(context: Context, install: bool = True) -> None:
    """Make env files, secrets, certificates and base images where they are missing."""
    from dashtam_tasks import preparation

    opened = settings.load(context.config)
    done = preparation.prepare(opened, report=console.note, install=install)
    console.lines(done)
    unfinished = preparation.unfinished(opened)
    if unfinished:
        console.findings(unfinished)
    elif not done:
        console.line("Everything is in place.")


@task(
    name="keys",
    iterable=["name"],
    help={
        "env": "the environment (default: dev)",
        "name": "only this secret; give it again for more",
        "check": "only look whether the secrets are there and well formed",
        "force": "replace real secrets too; the old file is kept beside the new one",
        "yes": "do not ask",
    },
)
def make_keys(
    context: Context,
    name: list[str],
    env: str = "dev",
    check: bool = False,
    force: bool = False,
    yes: bool = False,
) -> int:
    """Generate the secrets in an env file, where a placeholder stands."""
    from dashtam_tasks import keys, preparation
    from dashtam_tasks.opening import open_environment

    opened = open_environment(settings.load(context.config), env)
    if check:
        return report_findings(keys.check(opened.settings, opened.env_file))
    if force:
        require_consent(f"Replace secrets in {opened.env_file}? What they encrypted is lost.", yes=yes)
    made = preparation.generate_keys(opened.settings, env, names=name, force=force)
    console.lines(tuple(preparation.describe_keys(made, opened.settings, env)) or ["Nothing to do."])
    return 0


@task(
    name="certs",
    help={
        "check": "only look whether the certificates are there and valid",
        "force": "replace valid certificates too; certificates that are not ours are kept beside them",
    },
)
def make_certificates(context: Context, check: bool = False, force: bool = False) -> int:
    """Make or renew the local certificate authority and its certificates."""
    from dashtam_tasks import certificates, preparation

    opened = settings.load(context.config)
    if check:
        return report_findings(certificates.check(opened))
    if not opened.certificates.leaves:
        console.line("This project has no certificates: dashtam.certificates.leaves is empty.")
        return 0
    made = tuple(preparation.make_certificates(opened, force=force))
    console.lines(made or ["All certificates are valid."])
    if made:
        console.line("Running services have the old ones until they are restarted: inv dev.restart")
    console.line(certificates.trust_hint(opened))
    return 0


@task(name="doctor", help={"json": "print JSON"})
def examine(context: Context, json: bool = False) -> int:
    """Check engine, ports, env files, certificates and images; exit 1 when something needs a hand."""
    from dashtam_tasks import doctor

    diagnosis = doctor.examine(settings.load(context.config))
    if json:
        console.data(dataclasses.asdict(diagnosis))
        return exit_code(diagnosis.findings)
    console.table(("what", "found"), diagnosis.facts)
    return report_findings(diagnosis.findings)


@task(name="isolation", help={"json": "print JSON"})
def prove_isolation(context: Context, json: bool = False) -> int:
    """Prove that no two environments or instances share what they should not; exit 1 when they do."""
    from dashtam_tasks.doctor import neighbours

    proof = neighbours.prove_isolation(settings.load(context.config))
    if json:
        console.data([dataclasses.asdict(one) for one in proof.findings])
    elif proof.findings:
        console.findings(proof.findings)
    else:
        console.line(f"Nothing is shared, and all is sound: {', '.join(proof.instances)}.")
    return exit_code(proof.findings)


@task(
    help={
        "volumes": "remove the volumes too, and all data in them",
        "images": "remove the application's own images too",
        "yes": "do not ask",
    }
)
def clean(context: Context, volumes: bool = False, images: bool = False, yes: bool = False) -> None:
    """Remove the containers and networks of every environment and instance."""
    from dashtam_tasks.opening import changing, every_instance

    chosen = settings.load(context.config)
    if volumes:
        require_consent(
            "Remove the volumes of every environment and instance, and all data in them?", yes=yes
        )
    for name in chosen.environments:
        for one in every_instance(chosen, name):
            with changing(chosen, name, instance=one.instance, task="clean", waiting=console.note) as opened:
                opened.down(volumes=volumes, images=images)


def report_findings(found: tuple[Finding, ...]) -> int:
    """Print findings and return the exit code that they mean."""
    if found:
        console.findings(found)
    else:
        console.line("Nothing to do.")
    return exit_code(found)


def exit_code(found: tuple[Finding, ...]) -> int:
    """Return 1 when a finding is an error, else 0."""
    return ExitCode.FOUND_PROBLEMS if any(one.severity is Severity.ERROR for one in found) else 0


TASKS = (setup, make_keys, make_certificates, examine, prove_isolation, clean)
