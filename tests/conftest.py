"""Fixtures for all tests; those with real parts start them only when a test asks."""

pytest_plugins = ["tests.fix_broker", "tests.fix_database", "tests.fix_native", "tests.fix_small_disk"]
