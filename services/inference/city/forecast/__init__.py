"""What every sensor of a network will read within the next hour: one model for all, and simple methods to fall back to."""
