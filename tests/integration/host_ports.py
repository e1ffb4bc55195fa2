"""Host ports that no other test has meanwhile, be it in this run or in another on this machine.

That a port is free says little: a test publishes it minutes later. So whoever has ports holds a place for them.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dashtam_tasks.instances.allocation import STEP, is_held

# What holds a place: a bound port that nothing is published on, free again however its holder ends.
KEYS = 19_900
# All are below those that the kernel gives to connections (ip_local_port_range).
BASES = range(20_000, 32_000, 1_000)
# An instance's ports are its project's plus a multiple of STEP, so that a place is one of the numbers below that.
# There are as many in one as development and tests publish together.
PLACE = 8


@contextmanager
def claimed() -> Iterator[list[int]]:
    """Yield free host ports for a project, and let no other test have them or those of the project's instances."""
    with ExitStack() as stack:
        key = stack.enter_context(socket.socket())
        place = next((one for one in range(0, STEP - PLACE, PLACE) if bind(key, KEYS + one)), None)
        assert place is not None, f"other tests hold all of the ports {KEYS} to {KEYS + STEP}"
        found = ([base + place + number for number in range(PLACE)] for base in BASES)
        ports = next((ports for ports in found if not any(map(is_held, ports))), None)
        assert ports is not None, f"of the ports above {BASES.start} too many are held"
        yield ports


def bind(key: socket.socket, port: int) -> bool:
    """Bind a socket to a port unless another has it, and return whether it is ours now."""
    try:
        key.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
