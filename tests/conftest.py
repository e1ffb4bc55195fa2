"""What every test process needs."""

import signal

# A test runner that was started in the background ignores SIGINT, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
