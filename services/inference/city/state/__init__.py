"""Traffic state of lane groups, segments, junctions and the network: pure, columns in and columns out (docs/city/state.md)."""
