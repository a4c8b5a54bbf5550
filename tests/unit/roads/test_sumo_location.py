"""SUMO networks that say where on Earth they lie: UTM by published points, a network by its own bounds, others refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.roads import utm
from chelu.roads.converting import Wanted, compared, convert
from chelu.roads.opening import open_roads
from chelu.roads.sumo_location import Grid, grid_of, on_earth
from chelu.xml_tree import ElementError
from services.registry.maps.reading import opened
from tests.unit.roads.made import star

DATA = Path(os.environ.get("CHELU_DATA", Path(__file__).parents[4] / "shared" / "data")) / "signals"
WGS84 = "+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs"


def located(projection: str, offset: str = "-691608.60,-5335000.00") -> bytes:
    """A star whose middle is at 11.5789…° E, 48.1390…° N in zone 32."""
    location = f'<location netOffset="{offset}" projParameter="{projection}"/>'
    return star([(0.0, 1, 1, 4.0), (90.0, 1, 1, 0.0)], groups=0).replace("<net>", f"<net>{location}").encode()


@pytest.mark.parametrize(
    ("east_m", "north_m", "zone", "latitude_deg", "longitude_deg"),
    [
        (630_084.0, 4_833_438.0, 17, 43.64257, -79.38714),  # the CN Tower
        (500_000.0, 0.9996 * 4_984_944.378, 32, 45.0, 9.0),  # the meridian's length to 45°
        (500_000.0, 0.0, 31, 0.0, 3.0),
    ],
)
def test_published_points_of_utm_are_where_they_are(
    east_m: float, north_m: float, zone: int, latitude_deg: float, longitude_deg: float
) -> None:
    latitude, longitude = utm.geodetic(np.array([east_m]), np.array([north_m]), zone)
    assert latitude[0] == pytest.approx(latitude_deg, abs=1e-5)
    assert longitude[0] == pytest.approx(longitude_deg, abs=1e-5)


def test_the_southern_hemisphere_mirrors_the_northern_one() -> None:
    north = utm.geodetic(np.array([600_000.0]), np.array([3_000_000.0]), 48)
    south = utm.geodetic(np.array([600_000.0]), np.array([7_000_000.0]), 48, is_south=True)
    assert (south[0][0], south[1][0]) == pytest.approx((-north[0][0], north[1][0]))


def test_a_grids_metres_become_true_ones_and_point_to_the_true_north() -> None:
    grid = grid_of(located(WGS84), "a.net.xml")
    assert grid == Grid(32, False, (-691_608.6, -5_335_000.0))
    there = open_roads(located(WGS84), "a.net.xml").network
    network, frame = on_earth(there, grid)
    ends = network.lanes.shape.points, there.lanes.shape.points
    spans = [np.ptp(each, axis=0) for each in ends]
    assert np.hypot(*spans[0][:2]) / np.hypot(*spans[1][:2]) == pytest.approx(1.0, abs=0.05)
    east, north = (network.lanes.shape[0][-1] - network.lanes.shape[0][0])[:2]
    turned = np.degrees(np.arctan2(north, east)) - np.degrees(
        np.arctan2(*(there.lanes.shape[0][-1] - there.lanes.shape[0][0])[1::-1])
    )
    convergence = (frame.longitude_deg - 9.0) * np.sin(np.radians(frame.latitude_deg))
    assert abs(turned) == pytest.approx(convergence, abs=0.02)
    assert abs(network.lanes.shape.points[:, 2] - there.lanes.shape.points[:, 2]).max() < 0.01


@pytest.mark.parametrize("projection", ["!", "-", ""])
def test_a_network_of_no_place_needs_an_origin(tmp_path: Path, projection: str) -> None:
    assert grid_of(located(projection), "a.net.xml") is None
    source = tmp_path / "a.net.xml"
    source.write_bytes(located(projection))
    with pytest.raises(ConfigurationError, match="has local metres alone"):
        convert(source, tmp_path / "a.geojson", None, Wanted(), lambda line: None)


@pytest.mark.parametrize(
    ("projection", "offset", "says"),
    [
        ("+proj=tmerc +lat_0=0", "0,0", "of projections UTM on WGS-84 is read; say where it lies: --origin"),
        ("+proj=utm +zone=61 +ellps=WGS84", "0,0", "of projections UTM"),
        ("+proj=utm +zone=32 +ellps=bessel", "0,0", "of projections UTM"),
        (WGS84, "1", "netOffset = '1': two finite numbers"),
        (WGS84, "1,inf", "netOffset = '1,inf': two finite numbers"),
    ],
)
def test_what_is_not_read_is_refused_with_file_and_line(projection: str, offset: str, says: str) -> None:
    with pytest.raises(ElementError, match=f"a.net.xml:1: /net/location: .*{says}"):
        grid_of(located(projection, offset), "a.net.xml")


@pytest.mark.parametrize("name", ["ingolstadt1", "cologne1"])
def test_a_public_network_is_converted_to_where_its_city_is(tmp_path: Path, name: str) -> None:
    source = DATA / f"{name}.net.xml"
    if not source.exists():
        pytest.skip(f"{source} is not on this machine")
    said: list[str] = []
    convert(source, tmp_path / "x.geojson", None, Wanted(), said.append)
    longitude, latitude, _ = json.loads((tmp_path / "x.geojson").read_bytes())["origin"]
    city = {"ingolstadt1": (48.76, 11.43), "cologne1": (50.94, 6.94)}[name]
    assert (latitude, longitude) == pytest.approx(city, abs=0.06)
    kept = next(line for line in said if line.startswith("  lanes:"))
    count = kept.split()[1]
    assert kept == f"  lanes: {count} of {count} kept as they are"


def test_a_network_and_what_was_converted_of_it_are_compared_where_they_lie(tmp_path: Path) -> None:
    source, target, said = tmp_path / "a.net.xml", tmp_path / "a.geojson", list[str]()
    source.write_bytes(located(WGS84))
    convert(source, target, None, Wanted(), said.append)
    said.clear()
    assert compared(source, target, None, said.append) == 0, said


def test_a_site_that_takes_a_network_as_it_is_doubts_its_place_where_it_says_another() -> None:
    (note,) = opened(located(WGS84), "a.net.xml", LocalFrame(29.5, 106.5)).notes
    assert note.startswith("it says that its middle lies at 48.")
    assert float(note.split(" km")[0].split()[-1]) == pytest.approx(7953, abs=2)  # 71.52° from Munich to Chongqing
    assert opened(located("!"), "a.net.xml", LocalFrame(29.5, 106.5)).notes == ()
    (unread,) = opened(located("+proj=lcc"), "a.net.xml", LocalFrame(29.5, 106.5)).notes
    assert "projParameter = '+proj=lcc'" in unread
    assert "undecodable" not in unread


def test_a_mark_of_the_order_of_bytes_before_a_file_is_no_part_of_it() -> None:
    assert len(open_roads(b"\xef\xbb\xbf" + located("!"), "a.net.xml").network.links.id) == 4
