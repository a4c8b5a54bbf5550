"""Models this repository trains, and the judges of their quality."""
