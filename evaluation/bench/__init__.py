"""Speed as ratios within one run: the plain way, ours, and the limit."""
