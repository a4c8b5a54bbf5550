"""The event board: what happens in the city as cases, rules that propose what to do about them, and what came of it."""
