"""Signal control: one contract (state → stage, duration) over all junctions at once, one file per controller."""
