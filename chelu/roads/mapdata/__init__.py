"""MAP messages of YD/T 3709 as roads, and roads as MAP messages.

`chelu.roads.mapdata.documents.read` finds the messages in a file, `chelu.roads.mapdata.network.network_of` makes the house's
`RoadNetwork` of them, `chelu.roads.mapdata.writing.messages_of` messages of a network.
"""
