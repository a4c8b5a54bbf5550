"""Vehicle-road applications: each classifies the pairs that concern it. One file per application."""
