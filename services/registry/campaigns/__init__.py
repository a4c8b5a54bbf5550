"""Campaigns: a configuration or a package for many devices, in waves, stopped or taken back when too many fail."""
