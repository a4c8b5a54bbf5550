"""Background traffic: SUMO drives it on the scenario's own network, keeps off the actors, and they keep off it."""
