"""Fixtures of the integration tests live in `tests/fix_*.py`, where the end-to-end tests find them too."""
