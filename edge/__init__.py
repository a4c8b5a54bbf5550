"""The agent on roadside units, vehicles, sensors and signals."""
