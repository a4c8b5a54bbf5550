"""City applications: what the traffic as a whole does. One file per application."""
