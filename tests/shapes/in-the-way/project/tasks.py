"""Fabric-like helpers of our own."""

from invoke import Context, task


@task
def deploy(context: Context) -> None:
    """Copy the site to the server."""
    context.run("rsync -a site/ server:site/")
