from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from chelu.errors import MalformedError
from chelu.roads import sumo
from chelu.roads.network import Kind, UnknownLaneError, User
from tests.unit.roads.networks import district, edge, net

DATA = Path(os.environ.get("CHELU_DATA", Path(__file__).parents[4] / "shared" / "data"))


def test_the_district_has_its_tables() -> None:
    network = district()
    assert {Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE, Kind.JUNCTION, Kind.CROSSING, Kind.WALKING_AREA} <= set(
        network.links.kind.tolist()
    )
    assert (network.nodes.kind == "traffic_light").sum() == len(network.signals.id) == 10
    assert len(network.nodes.area) == len(network.nodes.id)
    assert "Riverside Expressway" in network.links.name.tolist()
    assert np.isfinite(network.lanes.shape.points).all()


def test_columns_of_a_table_have_one_length() -> None:
    network = district()
    for table in (network.links, network.connections, network.lanes):
        assert len({len(getattr(table, name)) for name in type(table).__slots__}) == 1


def test_no_lane_is_steeper_than_8_percent_and_some_climb() -> None:
    lanes = district().lanes
    assert np.abs(lanes.steepest_gradient).max() <= 0.08
    assert lanes.gradient.max() > 0.06


def test_lane_lengths_agree_with_the_shapes() -> None:
    network = district()
    along = network.lanes.shape.offsets()[network.lanes.shape.start[1:] - 1]
    is_path = network.lane_kind() != Kind.WALKING_AREA
    assert np.abs(along - network.lanes.length_m)[is_path].max() < 2.0


def test_users_of_lanes_are_read() -> None:
    network = sumo.read(
        net(
            edge("all", "0,0 9,0")
            + edge("walk", "0,9 9,9", lane='allow="pedestrian"')
            + edge("cars", "0,5 9,5", lane='disallow="pedestrian bicycle"')
            + edge("none", "0,7 9,7", lane='disallow="all"')
        )
    )
    users = dict(zip(network.lanes.id.tolist(), network.lanes.users.tolist(), strict=True))
    assert users["walk_0"] == User.PEDESTRIAN
    assert users["cars_0"] == User.CAR | User.TRUCK | User.BUS | User.MOTORCYCLE | User.EMERGENCY
    assert users["all_0"] == users["cars_0"] | User.PEDESTRIAN | User.BICYCLE
    assert users["none_0"] == 0


def test_a_point_without_height_lies_at_zero_and_gzip_makes_no_difference() -> None:
    text = net(edge("e", "0,0 10,0,5"))
    plain, packed = sumo.read(text), sumo.read(gzip.compress(text))
    assert plain.lanes.shape[0].tolist() == packed.lanes.shape[0].tolist() == [[0, 0, 0], [10, 0, 5]]
    assert plain.lanes.gradient[0] == pytest.approx(0.5)


def test_tunnels_and_bridges_are_told_by_their_parameter() -> None:
    lane = '<lane id="{0}_0" index="0" speed="1" length="9" shape="0,0 9,0"/><param key="{0}" value="{1}"/>'
    marks = (("tunnel", "yes"), ("bridge", "viaduct"))
    body = [f'<edge id="{key}">{lane.format(key, value)}</edge>' for key, value in marks]
    assert sumo.read(net("".join(body))).links.kind.tolist() == [Kind.TUNNEL, Kind.BRIDGE]


def test_an_unknown_lane_is_named() -> None:
    with pytest.raises(UnknownLaneError, match="nowhere_0"):
        district().lane_indices(["nowhere_0"])


def test_an_empty_network_is_a_network() -> None:
    network = sumo.read(net(""))
    assert len(network.lanes.id) == 0
    assert len(network.signals.id) == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "net.xml:1: not XML"),
        (b"<net><edge", "net.xml:1: not XML"),
        (b"<html/>", "net.xml:1: /html: the root element must be <net>"),
        (b"\x1f\x8b\x08nonsense", "gzip"),
        (gzip.compress(b"<net/>", mtime=0)[:-9], "gzip"),
        (
            net('<edge id="e"><lane id="e_0" index="0" speed="x" length="1" shape="0,0 1,0"/></edge>'),
            "/net/edge/lane: speed = 'x': a",
        ),
        (
            net('<edge id="e"><lane id="e_0" index="0" speed="1" length="1" shape="0 1,0"/></edge>'),
            "lane: shape = '0 1,0': x,y or",
        ),
        (
            net('<edge id="e"><lane id="e_0" index="0" speed="1" length="1" shape=""/></edge>'),
            "lane: lane e_0: its shape has no point",
        ),
        (
            net('<edge id="e" priority="99999999999"><lane id="e_0" index="0" speed="1" length="1" shape="0,0 1,0"/></edge>'),
            "/net/edge: priority = '99999999999': a whole number of 32 bits",
        ),
        (net(edge("e", "0,0 nan,0")), "/net/edge/lane: shape = '0,0 nan,0': finite numbers"),
        (net(edge("e", "0,0 1e9,0")), "the limit is 200000 m"),
        (
            net('<connection from="e" fromLane="0" to="f" toLane="0"/>'),
            "/net/connection: it leads from the lane e_0, which is not",
        ),
        (b'<?xml version="1.0" encoding="klingon"?><net/>', "net.xml:1: not XML"),
    ],
)
def test_what_is_no_network_is_refused_with_a_sentence(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason) as caught:
        sumo.read(data, "net.xml")
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_can_grow(encoding: str) -> None:
    bomb = '<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><net><edge id="&b;"/></net>'
    with pytest.raises(MalformedError, match="document type"):
        sumo.read(bomb.encode(encoding))


def test_a_file_that_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        sumo.read(gzip.compress(b" " * 1_000_000), max_bytes=100_000)
    assert caught.value.reason == "overlong"


@pytest.mark.parametrize("name", ["cologne1", "ingolstadt1"])
def test_networks_of_others_are_read(name: str) -> None:
    file = DATA / "signals" / f"{name}.net.xml"
    if not file.exists():
        pytest.skip(f"{file.name} is not in CHELU_DATA")
    network = sumo.read(file.read_bytes())
    assert len(network.signals.id) == 1
    assert (network.connections.group >= 0).any()
    assert network.lanes.deck.max() == 0


def test_what_is_not_read_is_listed() -> None:
    more = '<location/><tlLogic id="a"><phase duration="1" state=""/></tlLogic><tlLogic id="a" programID="1"/>'
    inside = '<junction id="j" type="priority"><request index="0"/></junction><roundabout/>'
    assert [(one.element, one.count) for one in sumo.read_whole(net(more + inside), "net.xml")[1]] == [
        ("location", 1),
        ("tlLogic (further programmes)", 1),
        ("junction/request", 1),
        ("roundabout", 1),
    ]
