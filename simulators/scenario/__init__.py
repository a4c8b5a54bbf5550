"""Scenario tests: from a question to a verdict with evidence."""
