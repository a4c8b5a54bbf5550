"""Ways written as a SUMO network are read back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from chelu.roads.sumo import read
from simulators.scenario.sumo_net import programme, sumo_net
from tests.unit.simulators.scenario.written import ran, scenario

CROSSING = """
    shipped: {name: crossing, length_m: 400, lanes: 2, speed_limit_kmh: 54, side_above_m: 6}
    signals:
      north: {way: main, stop_line_m: 190, stages: [{shows: green, for_s: 4}, {shows: yellow, for_s: 3}, {shows: red, for_s: 30}]}
"""


def test_lanes_lie_where_actors_drive_and_signals_hold_their_lines() -> None:
    trace = ran(scenario(road=CROSSING))
    programmes = {name: programme(shown[:, 0].tolist(), trace.step_s) for name, shown in trace.lights.items()}
    network = read(sumo_net(trace.ways, trace.stop_lines, programmes))
    assert network.lanes.id.tolist() == [f"{edge}_{lane}" for edge in ("main.0", "main.1", "side.0") for lane in (0, 1)]
    rightmost = network.lanes.shape[0]
    assert rightmost[0] == pytest.approx([5.25, -200, 0])
    assert rightmost[-1] == pytest.approx([5.25, -10, 0])
    assert network.lanes.shape[4][:, 2] == pytest.approx(6.0)
    assert network.lanes.speed_limit_mps == pytest.approx(15.0)
    held = network.connections
    assert network.lanes.id[held.from_lane].tolist() == ["main.0_0", "main.0_1"]
    assert network.signals.id[held.signal].tolist() == ["north", "north"]
    assert network.signals.phase_duration_s == pytest.approx([4.0, 3.0, 3.02])  # the run is over in the last
    assert network.signals.phase_state.tolist() == ["G", "y", "r"]


def test_arcs_are_polylines_close_to_them() -> None:
    road = "ways: {main: {lanes: 1, pieces: [{length_m: 50}, {length_m: 150, radius_m: 100, gradient: 0.05}]}}"
    actors = "ego: {start: {way: main, along_m: 10}}\nother: {start: {ahead_of: ego, gap_m: 5}}"
    network = read(sumo_net(ran(scenario(road=road, actors=actors)).ways, {}, {}))
    points = network.lanes.shape[0]
    bend = points[points[:, 1] > 51]
    assert np.hypot(bend[:, 0] - 100, bend[:, 1] - 50) == pytest.approx(100 - 1.75, abs=1e-3)
    assert points[-1, 2] == pytest.approx(7.5)
