"""Factors between units: times inside Chelu are counted in whole microseconds, speeds in m/s."""

US_PER_MS = 1_000
US_PER_S = 1_000_000
US_PER_MINUTE = 60 * US_PER_S

KMH_PER_MPS = 3.6
