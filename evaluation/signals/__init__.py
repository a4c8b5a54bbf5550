"""Judging signal controllers on any SUMO scenario: `chelu evaluate signals`."""
