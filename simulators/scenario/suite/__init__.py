"""Suites: scenarios that belong together, with the values to be tried of each, run and judged as one."""
