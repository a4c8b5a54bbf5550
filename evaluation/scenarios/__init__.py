"""Chelu's own applications as a device under test in memory (`simulators.scenario.devices`)."""
