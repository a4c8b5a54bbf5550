"""Incidents on the road, from tracks alone: stopped vehicles, wrong-way drivers, sudden queues, places that all avoid."""
