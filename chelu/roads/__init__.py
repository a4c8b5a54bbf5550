"""The road network as columns, and one reader per map format."""
