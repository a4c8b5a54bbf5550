"""The few rows that are kept of each stop line are those that a plain look at every row finds."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.quality.monitors.tracks import DECK_M, NEAR_LINE_M, STANDS_MPS, Beside, Tracks
from chelu.quality.monitors.window import Heard, window
from tests.unit.quality.monitors import crossing as at

END_US = at.BEGIN_US + round(at.SECONDS * 1e6)
JUNCTION = (1, 5)


@pytest.fixture(scope="module")
def shaken() -> Heard:
    """The crossing, its vehicles off their places, decks and speeds as they never are."""
    heard, random = at.crossing(), np.random.default_rng(7)
    bsm, n = heard.bsm, len(heard.bsm)
    moved = {name: bsm[name] + random.normal(0, 2e-5, n) for name in ("latitude_deg", "longitude_deg")}
    height = np.where(random.random(n) < 0.1, np.nan, bsm["elevation_m"] + random.normal(0, 2.0, n))
    speed = np.where(random.random(n) < 0.1, np.nan, bsm["speed_mps"] * random.integers(0, 2, n))
    rows = bsm.with_columns(**moved, elevation_m=height, speed_mps=speed)
    return Heard(bsm=rows.take(random.random(n) > 0.05), map=heard.map, contents=heard.contents)


def test_who_gets_over_a_line_and_who_stands_before_it_are_all_there(shaken) -> None:
    seen = window(shaken, at.BEGIN_US, END_US)
    found, lanes = seen.tracks(JUNCTION), seen.junctions[JUNCTION].lanes
    assert len(found.over) == len(found.stood) == len(lanes) == 8
    for lane, over, stood in zip(lanes, found.over, found.stood, strict=True):
        near, to_line, right = _plain(found, lane)
        stands = near & (found.speed_mps < STANDS_MPS) & (to_line >= 0) & (np.abs(right) <= 0.5 * lane.width_m)
        _are(stood, np.flatnonzero(stands), to_line, right)
        goes = np.flatnonzero(near[1:] & near[:-1] & (to_line[1:] < 0) & (to_line[:-1] >= 0))
        assert len(goes) > 5
        assert np.isin(np.concatenate([goes, goes + 1]), over.row).all()
        _are(over, over.row, to_line, right)


def test_a_junction_without_lanes_has_tracks_and_no_lines(shaken) -> None:
    bare = Heard(bsm=shaken.bsm, map=shaken.map, contents=({"nodes": [at.node(in_links=[])]},))
    found = window(bare, at.BEGIN_US, END_US).tracks(JUNCTION)
    assert len(found) > 0
    assert found.over == found.stood == ()


def _plain(found: Tracks, lane) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every row whether it is near a lane's line and on its deck, metres before it, and to the right of the lane."""
    end, angle = lane.points[-1], np.radians(lane.heading_deg)
    east, north = (found.front - end[:2]).T
    near = (np.abs(east) <= NEAR_LINE_M) & (np.abs(north) <= NEAR_LINE_M) & ~(np.abs(found.xyz[:, 2] - end[2]) > DECK_M)
    return near, -(np.sin(angle) * east + np.cos(angle) * north), np.cos(angle) * east - np.sin(angle) * north


def _are(beside: Beside, rows: np.ndarray, to_line_m: np.ndarray, right_m: np.ndarray) -> None:
    assert beside.row.tolist() == rows.tolist()
    assert beside.to_line_m.tolist() == to_line_m[rows].tolist()
    assert beside.right_m.tolist() == right_m[rows].tolist()
