"""Files that somebody broke: read all the same, or refused with file, line and element, never anything else."""

from __future__ import annotations

import random
from xml.etree import ElementTree

from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.reading import read
from chelu.xml_tree import ElementError
from tests.unit.roads.opendrive_files import junction_of_two_ways

VALUES = ("", "x", "-1", "0", "1e400", "nan", "99", "-0.5", "start", "1000001", "inf")


def broken(rng: random.Random) -> bytes:
    """The junction with a few attributes changed or gone, and elements doubled or gone."""
    root = ElementTree.fromstring(junction_of_two_ways())
    for _ in range(rng.randint(1, 4)):
        everything = [(parent, one) for parent in root.iter() for one in parent]
        parent, one = rng.choice(everything)
        what = rng.random()
        if what < 0.15:
            parent.remove(one)
        elif what < 0.25:
            parent.append(one)
        elif one.attrib:
            name = rng.choice(sorted(one.attrib))
            one.attrib[name] = rng.choice(VALUES)
            if what > 0.9:
                del one.attrib[name]
    return ElementTree.tostring(root)


def test_a_file_that_somebody_broke_is_read_or_refused_with_its_place() -> None:
    rng, refused = random.Random(7), list[ElementError]()
    for _ in range(600):
        data = broken(rng)
        try:
            network_of(read(data, "broken.xodr"))
        except ElementError as error:
            refused.append(error)
    assert 200 < len(refused) < 600
    assert all(one.line >= 1 and f"broken.xodr:{one.line}: " in str(one) for one in refused)
