"""Lanelet2 maps in OSM files: lanelets between two borders, what regulates them, who may use them.

`chelu.roads.lanelet2.reading.read` makes a `Lanelet2`; `chelu.roads.lanelet2.network.network_of` makes the house's `RoadNetwork`
of it.
"""
