"""Recordings judged like runs: whoever drove, and whenever, the same requirements and the same metrics."""
