"""The road model as columns: lanes, links, nodes, connections, decks, gradients, signal groups; readers; map matching.

`chelu.roads.sumo.read` makes a `RoadNetwork`; `chelu.roads.matching.match` places positions on it; `chelu.roads.geometry`
answers what runs where, what crosses what, and what the signals do.
"""
