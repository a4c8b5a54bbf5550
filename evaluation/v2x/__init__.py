"""The judges of the vehicle-road applications."""
