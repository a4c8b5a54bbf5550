"""The city's surroundings: limits and rates of change, outlooks, flooded roads, sight, and trucks at a gate. One file each.

What they find of a subject is a `Finding`; what came of it is nobody's business here: the registry raises alarms and road events.
"""
