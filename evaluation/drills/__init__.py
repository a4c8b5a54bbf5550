"""Drills: what an operator relies on, done on a whole site with staged devices, and timed."""
