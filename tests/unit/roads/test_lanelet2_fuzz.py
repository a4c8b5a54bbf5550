"""Maps that somebody broke: read all the same, or refused with file, line and element, never anything else."""

from __future__ import annotations

import random

from chelu.roads.lanelet2.network import network_of
from chelu.roads.lanelet2.reading import read
from chelu.xml_tree import ElementError
from tests.broken_xml import broken
from tests.unit.roads.lanelet2_files import crossing_with_lights, file_of

VALUES = ("", "x", "-1", "0", "1e400", "nan", "b1", "w1", "30", "lanelet", "regulatory_element", "no", "inf")


def test_a_map_that_somebody_broke_is_read_or_refused_with_its_place() -> None:
    rng, refused = random.Random(7), list[ElementError]()
    for _ in range(300):
        data = broken(file_of(*crossing_with_lights()), rng, VALUES, 4)
        try:
            network_of(read(data, "broken.osm"))
        except ElementError as error:
            refused.append(error)
    assert 60 < len(refused) < 300
    assert all(one.line >= 1 and f"broken.osm:{one.line}: " in str(one) for one in refused)
