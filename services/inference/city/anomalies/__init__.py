"""Anomalies of any numeric stream: jumps, spikes, frozen values and drift, against what is usual at that time of day."""
