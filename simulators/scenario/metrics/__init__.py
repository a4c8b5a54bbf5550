"""Metrics by name: what a requirement may be about. `table.METRICS` has them all, docs/metrics.md defines them."""
