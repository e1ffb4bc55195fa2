import pytest

from dashtam_tasks.isolation.endless import sleeps_for_ever

WAITING_COMMANDS = [
    ["sleep", "infinity"],
    ["sleep", "inf"],
    ["/bin/sleep", "86400"],
    ["sleep", "1d"],
    ["sleep", "24h"],
    ["sleep", "1440m"],
    ["sleep", "12h", "12h"],
    ["sleep", "1e9"],
    ["tail", "-f", "/dev/null"],
    ["tail", "-F", "/dev/null"],
    ["tail", "-n0", "-f", "/dev/null"],
    ["tail", "-n", "0", "-f", "/dev/null"],
    ["tail", "-fn0", "/dev/null"],
    ["tail", "--follow", "--retry", "/dev/null"],
    ["tail", "--follow=name", "/dev/null"],
    ["tail", "-f"],
    ["cat"],
    ["bash"],
    ["/bin/sh", "-i"],
    ["tini", "--", "sleep", "infinity"],
    ["/sbin/tini", "-s", "-e", "143", "--", "tail", "-f", "/dev/null"],
    ["dumb-init", "sleep", "infinity"],
    ["tini", "--", "dumb-init", "--", "sh", "-c", "sleep infinity"],
    ["env", "DEBUG=1", "sleep", "infinity"],
    ["busybox", "sleep", "365d"],
    ["gosu", "app", "sleep", "infinity"],
    ["docker-entrypoint.sh", "sleep", "infinity"],
    ["wait-for-it.sh", "db:5432", "-t", "30", "--", "sleep", "infinity"],
    ["bash", "/entrypoint.sh", "sleep", "infinity"],
    ["su", "app", "-c", "sleep infinity"],
]
WAITING_SCRIPTS = [
    "sleep infinity",
    "exec sleep infinity",
    "exec tail -f /dev/null",
    "exec env A=1 tini -- sleep infinity",
    "A=1 sleep infinity",
    "prepare && sleep infinity",
    "prepare && exec sleep infinity",
    "prepare; sleep infinity",
    "prepare;sleep infinity",
    "prepare\nsleep infinity\n",
    "prepare # don't stop here\nsleep infinity",
    "prepare && \\\n  sleep infinity",
    "prepare && notify || exit 1; sleep infinity",
    '[ $# -gt 0 ] && exec "$@"; sleep infinity',
    "sleep infinity || exit 1",
    "sleep infinity >/dev/null 2>&1",
    "tail -f /dev/null 2>/dev/null",
    "echo 'it is; up' && tail -f /dev/null",
    "sleep infinity & wait",
    "trap 'exit 0' TERM INT; sleep infinity & wait $!",
    "sleep infinity & prepare; wait",
    "sh -c 'sleep infinity'",
    "(prepare; sleep infinity)",
    "{ prepare; sleep infinity; }",
    "wait_for db; cat",
    "prepare; read",
    "prepare && bash",
    "while true; do sleep 1; done",
    "while true ; do sleep 3600 ; done",
    "while :; do :; done",
    "while [ 1 ]; do sleep 1; done",
    "while [ 1 -eq 1 ]; do sleep 1; done",
    "while [[ true ]]; do sleep 1; done",
    "while test 1 = 1; do sleep 1; done",
    "while ((1)); do sleep 1; done",
    "while ! false; do sleep 1; done",
    "while true\ndo\n  sleep 30\ndone\n",
    "while sleep 3600; do :; done",
    "while true; do echo still here; sleep 60; done",
    "while true; do date > /tmp/alive; sleep 60; done",
    "while true; do sleep 1 & wait $!; done",
    "while true; do while true; do sleep 1; done; done",
    "while true; do tail -f /dev/null; done",
    "until false; do sleep 3600; done",
    "until ! true; do sleep 1; done",
    "for (( ; ; )); do sleep 5; done",
    "for ((;;)); do sleep 5; done",
    "prepare && while true; do sleep 1; done",
    "until pg_isready; do sleep 1; done; sleep infinity",
]
WORKING_COMMANDS = [
    [],
    ["DEBUG=1"],
    ["sleep", "30"],
    ["sleep", "23h"],
    ["sleep", "$DELAY"],
    ["sleep"],
    ["tail", "-f", "/var/log/app.log"],
    ["tail", "-f", "/dev/null", "/var/log/app.log"],
    ["tail", "-n", "5", "/dev/null"],
    ["cat", "/etc/hosts"],
    ["redis-server", "--appendonly", "yes"],
    ["python", "-m", "sleep", "infinity"],
    ["tini", "--", "python", "-m", "src.serve"],
    ["docker-entrypoint.sh", "postgres", "-c", "fsync=off"],
    ["bash", "serve.sh"],
    ["sh", "-c", ""],
    ["sh", "-c", "sleep", "infinity"],
    ["gosu", "sleep"],
]
WORKING_SCRIPTS = [
    "alembic upgrade head && exec python -m src.serve --reload",
    "sleep 2 && exec server",
    "until pg_isready -h db; do sleep 1; done; exec server",
    "echo waiting for the end of what is done; exec server",
    "while true; do python worker.py; sleep 60; done",
    "while true; do sleep 60; python worker.py; done",
    "while python worker.py; do sleep 60; done",
    "while check; sleep 60; do :; done",
    'while true; do echo "$(curl -s http://api)"; sleep 5; done',
    "while true; do echo $(curl -s http://api); sleep 5; done",
    "while true; do if busy; then work; fi; sleep 5; done",
    "while true; do (work; sleep 5); done",
    "while false; do sleep 1; done",
    "until true; do sleep 1; done",
    "while read line; do sleep 1; done",
    "for host in a b; do sleep 1; done; exec server",
    "sleep infinity & exec server",
    "server & worker & wait",
    "(sleep 1d; renew) & exec server",
    "{ sleep 1d; renew; } & exec server",
    "while true; do sleep 1; done & exec server",
    "sleep infinity | server",
    "server | cat",
    "cat < config && exec server",
    "read answer < config; exec server",
    "cat <<END > config\na = 1\nEND\nexec server",
    '[ -n "$DEBUG" ] && sleep infinity; exec server',
    'if [ -n "$DEBUG" ]; then sleep infinity; fi; exec server',
    "case $1 in wait) sleep infinity;; esac; exec server",
    "server || sleep infinity",
    "echo 'sleep infinity'",
    'echo "a > b"; exec server',
    "while do done",
    "done",
    "echo 'never closed; sleep infinity",
]


@pytest.mark.parametrize("argv", WAITING_COMMANDS, ids=" ".join)
def test_a_command_that_only_waits_sleeps_for_ever(argv: list[str]) -> None:
    assert sleeps_for_ever(argv)


@pytest.mark.parametrize(
    "shell", [["sh", "-c"], ["bash", "-lc"], ["/bin/bash", "-o", "pipefail", "-ec"]], ids=" ".join
)
@pytest.mark.parametrize("script", WAITING_SCRIPTS)
def test_a_script_that_comes_to_wait_sleeps_for_ever(shell: list[str], script: str) -> None:
    assert sleeps_for_ever([*shell, script])


@pytest.mark.parametrize("argv", WORKING_COMMANDS, ids=" ".join)
def test_a_command_that_ends_or_works_does_not_sleep_for_ever(argv: list[str]) -> None:
    assert not sleeps_for_ever(argv)


@pytest.mark.parametrize("script", WORKING_SCRIPTS)
def test_a_script_that_ends_or_works_does_not_sleep_for_ever(script: str) -> None:
    assert not sleeps_for_ever(["sh", "-c", script])
