"""Files that somebody broke: read all the same, or refused with file, line and element, never anything else."""

from __future__ import annotations

import random

from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.reading import read
from chelu.xml_tree import ElementError
from tests.broken_xml import broken
from tests.unit.roads.opendrive_files import junction_of_two_ways

VALUES = ("", "x", "-1", "0", "1e400", "nan", "99", "-0.5", "start", "1000001", "inf")


def test_a_file_that_somebody_broke_is_read_or_refused_with_its_place() -> None:
    rng, refused = random.Random(7), list[ElementError]()
    for _ in range(600):
        data = broken(junction_of_two_ways(), rng, VALUES, 4)
        try:
            network_of(read(data, "broken.xodr"))
        except ElementError as error:
            refused.append(error)
    assert 200 < len(refused) < 600
    assert all(one.line >= 1 and f"broken.xodr:{one.line}: " in str(one) for one in refused)
