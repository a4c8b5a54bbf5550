"""All judges of the city brain by one command, seeded: each is a command of its own, whose figures are put together."""
