"""Programs that tests start as children, and who has the signals of the test itself."""

import signal
import sys

# Says that it is ready, then which signals come within a moment after the first one, and from which process;
# the sender tells apart what would arrive twice at once, since pending signals of one kind are one.
COUNT_SIGNALS = """
import signal, sys
numbers = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
print("ready", flush=True)
arrived = [signal.sigwaitinfo(numbers)]
while (more := signal.sigtimedwait(numbers, 0.3)):
    arrived.append(more)
print(*(f"{signal.Signals(one.si_signo).name}:{one.si_pid}" for one in arrived), flush=True)
sys.exit(int(sys.argv[1]))
"""
# Passes no signal on, and ends as the process does that it started: as docker and its Compose plugin.
DEAF_PARENT = """
import signal, subprocess, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
sys.exit(child.wait())
"""


def python(code: str) -> list[str]:
    """Return the command line that runs a program in Python."""
    return [sys.executable, "-c", code]


def handlers() -> tuple[object, ...]:
    """Return who has the signals that end a task."""
    return tuple(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
