"""A road network as GeoJSON (RFC 7946) that any map viewer shows and from which the same network can be read again.

Features say what they are in `feature`: a `lane` is a line with height, a `node` a point, its `area` a polygon, a `way` on a line
from lane to lane (along the path across, where there is one), a `signal` a point with its programme, a `link` has no geometry.
Metres begin at `origin`, a member of the collection.
"""
