"""Broker, database and supervisor for a machine that has none."""
