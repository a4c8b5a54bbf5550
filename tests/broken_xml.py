"""XML documents that somebody broke: attributes changed or gone, elements doubled or gone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from xml.etree import ElementTree


def broken(document: bytes | str, rng: random.Random, values: Sequence[str], most: int) -> bytes:
    """The document with at most so many faults; attributes get some of `values`."""
    root = ElementTree.fromstring(document)
    for _ in range(rng.randint(1, most)):
        parent, one = rng.choice([(parent, one) for parent in root.iter() for one in parent])
        what = rng.random()
        if what < 0.15:
            parent.remove(one)
        elif what < 0.25:
            parent.append(one)
        elif one.attrib:
            name = rng.choice(sorted(one.attrib))
            one.attrib[name] = rng.choice(values)
            if what > 0.9:
                del one.attrib[name]
    return ElementTree.tostring(root)
