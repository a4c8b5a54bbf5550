"""Vehicles under supervision: how they drive, what happened to them, what is kept of it, and what a month came to."""
