"""Scenario tests that were run: who ran what, when, with which outcome, and where the evidence is."""
