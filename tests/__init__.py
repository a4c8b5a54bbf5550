"""Chelu's tests; a package so that their shared helpers have a name."""
