"""Evidence of runs: what a verdict rests on, in files that others open. `writing.write` makes all of them."""
