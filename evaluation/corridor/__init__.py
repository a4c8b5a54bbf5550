"""The emergency corridor judged in SUMO: the same ambulance in the same traffic with it and without."""
