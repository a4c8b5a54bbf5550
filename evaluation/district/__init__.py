"""A town in SUMO behind a real site: its vehicles and signals speak through the broker, inference commands its signals."""
