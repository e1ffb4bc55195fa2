"""Rules: how a standalone Compose file differs from a legacy one, each by a name that the plan prints."""

from collections.abc import Collection, Mapping

from dashtam_tasks.migration.rules import (
    ci,
    data,
    durability,
    health,
    names,
    one_shot,
    paths,
    ports,
    services,
)
from dashtam_tasks.migration.rules.applications import Application
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.jobs import Job


def all_of(
    *, taken: Collection[str], applications: Mapping[str, Application], job: Job | None = None
) -> tuple[Rule, ...]:
    """Return every rule, in the order in which they are applied.

    `taken` are the names that env files set, which no new variable may have. `applications` are the services that
    are built. `job` is what CI is for. Only services with a health check are waited for; a service is asked on the
    port that it publishes; what lives in memory needs no volume; names come last, since they move lines that
    remarks tell of.
    """
    return (
        paths.ENV_FILE,
        paths.RELATIVE_PATH,
        *((ci.only_job(job), ci.TRUSTING) if job else ()),
        services.ENDLESS_SLEEP,
        one_shot.ONE_SHOT,
        services.INIT,
        data.TMPFS,
        durability.DURABILITY,
        health.health_check(applications, job=job.service if job else ""),
        *((ci.job_waits(job),) if job else ()),
        services.SERVICE_HEALTHY,
        services.RESTART,
        ports.port(taken=taken),
        ports.LOOPBACK,
        names.VOLUME,
        names.NETWORK,
        names.CONTAINER_NAME,
        names.PROJECT_NAME,
    )


def applied(draft: Draft, chosen: tuple[Rule, ...]) -> Draft:
    """Return the draft after all of these rules."""
    for rule in chosen:
        draft = rule.apply(draft)
    return draft
