"""Whole numbers of microseconds: times inside Chelu are counted in them."""

US_PER_MS = 1_000
US_PER_S = 1_000_000
US_PER_MINUTE = 60 * US_PER_S
