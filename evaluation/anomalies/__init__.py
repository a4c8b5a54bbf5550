"""What anomaly detection is worth: on labelled series of real traffic, and on staged ones whose faults are known."""
