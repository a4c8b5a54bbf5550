"""A city's surroundings as sensors would measure them: rain and sight, the river, the air, people, and the port's gate.

Each is a function of a seed and a period: the same give the same readings. What is made is plain physics with chance in it, for
trials and demonstrations; it is nobody's climate.
"""
