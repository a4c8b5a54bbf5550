"""Networks for the tests of roads: the district as committed, and small ones written by hand."""

from __future__ import annotations

import functools
from pathlib import Path

from chelu.roads import sumo
from chelu.roads.network import RoadNetwork

DATA = Path(__file__).parents[3] / "simulators" / "data"


@functools.cache
def district() -> RoadNetwork:
    return sumo.read((DATA / "district.net.xml.gz").read_bytes())


def net(body: str) -> bytes:
    return f'<net version="1.20">{body}</net>'.encode()


def edge(name: str, shape: str, more: str = "", lane: str = "") -> str:
    return (
        f'<edge id="{name}" from="a" to="b" priority="1" {more}><lane id="{name}_0" index="0" speed="13.9" length="100" '
        f'width="3.5" shape="{shape}" {lane}/></edge>'
    )
