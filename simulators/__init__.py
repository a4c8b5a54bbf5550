"""Traffic, replay, load and faults: devices that are not there."""
