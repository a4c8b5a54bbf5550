"""The vehicle's side of cooperation: participants that drive, ask, answer and keep to what they are granted."""
