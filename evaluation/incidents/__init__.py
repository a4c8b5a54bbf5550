"""What the detection of incidents is worth: staged in SUMO amid ordinary traffic, at several shares of vehicles that speak."""
