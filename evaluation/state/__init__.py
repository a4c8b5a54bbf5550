"""Judges traffic state against SUMO's own detectors."""
