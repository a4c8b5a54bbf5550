"""The track: areas and lanes, who has booked and may use them, who is there now, and stopping everybody."""
