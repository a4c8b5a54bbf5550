"""The judge of fusion: how well several sensors' tracks become one road user each, on simulated truth."""
