"""Roads of a scenario from map files: the lanes that its actors follow are laid as ways of straight lines and arcs."""
