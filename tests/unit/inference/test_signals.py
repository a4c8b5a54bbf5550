"""What is known of signals: states in time, which lines lie ahead on the map, which phase holds which way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from services.inference.phase_map import Permission, PhaseMap, key_of
from services.inference.signals import ALWAYS, DARK_S, FOREVER_US, UNKNOWN, Light, SignalTable, named, phase_key
from services.inference.stop_lines import NONE, stop_lines
from tests.unit.inference.scenes import EPOCH_US
from tests.unit.inference.signal_roads import FAR, NEVER, SOUTH, STOP_C, STOP_D, WEST, plain, spat, town

RED, GREEN, YELLOW = Light.RED, Light.PROTECTED_GREEN, Light.YELLOW
CYCLE = {SOUTH: [(RED, 0, 4), (GREEN, 4, 24), (YELLOW, 24, 27)]}


def _key(node: int, phase: int) -> int:
    return int(phase_key(np.array([0]), np.array([node]), np.array([phase]))[0])


def _shows(table, later_s, *, heard_s=0.0, key=SOUTH) -> int:
    """What a phase shows so many seconds after the epoch, asked `heard_s` after it."""
    rows = table.rows_of(np.array([_key(*key)]))
    return int(table.at(rows, np.array([EPOCH_US + round(later_s * 1e6)]), EPOCH_US + round(heard_s * 1e6))[0])


@pytest.fixture
def table():
    made = SignalTable()
    made.update(spat(CYCLE, EPOCH_US))
    return made


@pytest.mark.parametrize(
    ("later_s", "light"), [(0, RED), (3.9, RED), (4.0, GREEN), (23.9, GREEN), (26, YELLOW), (27.0, 0), (99, 0)]
)
def test_announced_states_follow_one_another_and_beyond_nothing_is_known(table, later_s, light) -> None:
    assert _shows(table, later_s) == light


def test_a_phase_not_heard_of_is_dark_whatever_it_announced(table) -> None:
    assert _shows(table, 10, heard_s=DARK_S - 0.1) == GREEN
    assert _shows(table, 10, heard_s=DARK_S + 0.1) == Light.UNAVAILABLE


def test_a_phase_never_heard_of_is_not_known_and_permanent_green_needs_no_news(table) -> None:
    rows, at_us = np.array([ALWAYS, UNKNOWN, *table.rows_of(np.array([_key(9, 9)]))]), np.full(3, EPOCH_US)
    assert table.at(rows, at_us, EPOCH_US).tolist() == [GREEN, 0, 0]
    assert SignalTable().at(rows, at_us, EPOCH_US).tolist() == [GREEN, 0, 0]


def test_a_state_whose_end_is_not_said_is_known_for_now_only() -> None:
    table = SignalTable()
    table.update(spat({SOUTH: [(RED, 0, NEVER)]}, EPOCH_US))
    assert (_shows(table, 1, heard_s=1), _shows(table, 5, heard_s=1)) == (RED, 0)
    light, end_us = table.present(table.rows_of(np.array([_key(*SOUTH)])), EPOCH_US)
    assert (light[0], end_us[0]) == (RED, FOREVER_US)


def test_what_a_newer_message_no_longer_announces_is_forgotten(table) -> None:
    table.update(spat({SOUTH: [(RED, 0, 4)]}, EPOCH_US + 100_000))
    assert (_shows(table, 3), _shows(table, 10)) == (RED, 0)


def test_when_a_phase_becomes_free_is_what_was_announced(table) -> None:
    row = table.rows_of(np.array([_key(*SOUTH)]))
    free = [int(table.free_from(row, np.array([EPOCH_US + at]), EPOCH_US)[0]) for at in (0, 10_000_000, 25_000_000)]
    assert free == [EPOCH_US + 4_000_000, EPOCH_US + 4_000_000, FOREVER_US]


def test_phases_of_many_messages_keep_their_rows() -> None:
    table = SignalTable()
    for step, node in itertools.product(range(3), range(1, 200)):
        table.update(spat({(node, 1): [(RED if node % 2 else GREEN, 0, 9)]}, EPOCH_US + step * 100_000))
    rows = table.rows_of(np.array([_key(node, 1) for node in range(1, 200)]))
    assert len(table) == 199
    assert table.light[rows, 0].tolist() == [RED if node % 2 else GREEN for node in range(1, 200)]


def test_a_phase_is_named_by_region_intersection_and_number() -> None:
    assert named(_key(7, 3)) == "0/7/3"
    assert named((2 << 32) | (7 << 16) | 3) == "2/7/3"


@pytest.fixture(scope="module")
def network():
    return town(may_turn_right=True)


@pytest.fixture(scope="module")
def lines(network):
    found = stop_lines(network)
    assert found is not None
    return found


def test_roads_without_signals_have_no_lines() -> None:
    assert stop_lines(plain()) is None


def test_lines_ahead_are_found_over_junctions_with_their_ways(network, lines) -> None:
    south, inner, middle, north = (network.lane_of[name] for name in ("south_0", ":c_0_0", "middle_0", "north_0"))
    assert lines.ahead[south].tolist() == [south, middle, NONE, NONE]
    np.testing.assert_allclose(lines.way_m[south][:2], [STOP_C + 300, STOP_D + 300])
    assert lines.ahead[inner, 0] == middle
    np.testing.assert_allclose(lines.way_m[inner, 0], STOP_D - STOP_C)
    assert (lines.ahead[north] == NONE).all()
    np.testing.assert_allclose(lines.end[middle], [0, STOP_D, 0])


def test_a_way_is_certain_until_the_first_line_also_where_one_may_turn_there(network, lines) -> None:
    assert lines.is_certain[network.lane_of["south_0"]]
    assert lines.is_certain[network.lane_of[":c_0_0"]]


def test_the_movements_of_a_lane_begin_with_the_straightest(network, lines) -> None:
    chosen = lines.movements[network.lane_of["south_0"]]
    chosen = chosen[chosen >= 0]
    assert network.connections.direction[chosen].tolist() == ["s", "r"]
    assert lines.is_right[chosen].tolist() == [False, True]
    assert (lines.movements[network.lane_of["east_0"]] == NONE).all()


def _keys(network, lines, phases) -> dict[tuple[str, str], int]:
    names, links = network.lanes.id, network.connections
    ends = zip(links.from_lane.tolist(), links.to_lane.tolist(), strict=True)
    return {(str(names[a]), str(names[b])): int(key) for (a, b), key in zip(ends, phases.keys, strict=True)}


def test_without_a_map_message_signals_are_numbered_by_their_names(network, lines) -> None:
    keys = _keys(network, lines, PhaseMap(lines, ["c", "d"]))
    assert keys["south_0", "middle_0"] == _key(*SOUTH)
    assert keys["west_0", "east_0"] == _key(*WEST)
    assert keys["middle_0", "north_0"] == _key(*FAR)
    assert keys["south_0", "east_0"] == ALWAYS


def test_numbers_do_not_depend_on_the_order_in_which_the_file_names_signals(network, lines) -> None:
    swapped = PhaseMap(lines, ["d", "c"])  # the file's first signal is d: what c was, is the second by name
    assert _keys(network, lines, swapped)["south_0", "middle_0"] == _key(2, 1)


def _row(lines, network, a, b) -> int:
    links, lane_of = network.connections, network.lane_of
    return int(np.flatnonzero((links.from_lane == lane_of[a]) & (links.to_lane == lane_of[b]))[0])


def test_a_map_message_holds_for_all_of_its_signal(network, lines) -> None:
    phases = PhaseMap(lines, ["c", "d"])
    straight = _row(lines, network, "south_0", "middle_0")
    phases.learn(1, [Permission(straight, key_of(3, 40, 7))], unplaced=0)
    keys = _keys(network, lines, phases)
    assert keys["south_0", "middle_0"] == (3 << 32) | (40 << 16) | 7
    assert keys["west_0", "east_0"] == UNKNOWN  # the map does not tell its phase
    assert keys["middle_0", "north_0"] == _key(*FAR)  # another signal
    assert phases.contradictions == 0


def test_a_map_message_that_contradicts_itself_is_counted_and_not_judged(network, lines) -> None:
    phases = PhaseMap(lines, ["c", "d"])
    straight = _row(lines, network, "south_0", "middle_0")
    phases.learn(1, [Permission(straight, key_of(0, 1, 7)), Permission(straight, key_of(0, 1, 8))], unplaced=2)
    assert _keys(network, lines, phases)["south_0", "middle_0"] == UNKNOWN
    assert phases.contradictions == 3


def test_permanent_green_and_phase_nought_hold_nobody() -> None:
    assert key_of(0, 1, 255) == key_of(0, 1, 0) == ALWAYS
