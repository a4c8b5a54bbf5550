"""Fixtures for all tests; those with real parts start them only when a test asks."""

import signal

from hypothesis import settings

pytest_plugins = ["tests.fix_broker", "tests.fix_browser", "tests.fix_database", "tests.fix_native", "tests.fix_small_disk"]

# A shell that runs the suite in the background lets it ignore Ctrl-C, and so all that tests start and interrupt would.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine may take longer for an example than for the same one a moment later: that is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
