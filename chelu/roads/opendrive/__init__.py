"""OpenDRIVE 1.4 to 1.8: reference lines as curves, lanes beside them, junctions, signals.

`chelu.roads.opendrive.reading.read` makes an `OpenDrive`, which places anything by (road, lane, s);
`chelu.roads.opendrive.network.network_of` makes the house's `RoadNetwork` of it.
"""
