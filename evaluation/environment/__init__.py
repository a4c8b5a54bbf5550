"""Judges of the surroundings' applications, on simulated rivers, air and gates: outlooks, closures of roads, advice to trucks."""
