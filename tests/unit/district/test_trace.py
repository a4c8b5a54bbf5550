from __future__ import annotations

import functools
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chelu.errors import MalformedError
from chelu.geo import heading_difference
from chelu.roads import sumo
from chelu.roads.geometry import signal_programme
from chelu.roads.matching import match
from chelu.roads.network import RoadNetwork
from simulators import trace

DATA = Path(__file__).parents[3] / "simulators" / "data"


@functools.cache
def recording() -> trace.Trace:
    return trace.read(DATA / "district_trace.npz")


@functools.cache
def network() -> RoadNetwork:
    return sumo.read((DATA / recording().network).read_bytes())


def by_actor(samples: trace.Samples) -> tuple[np.ndarray, np.ndarray]:
    """Rows in order of actor and time, and which of them are followed by the same actor's next."""
    rows = np.lexsort((samples.time_s, samples.actor))
    return rows, np.diff(samples.actor[rows]) == 0


def present(samples: trace.Samples) -> np.ndarray:
    return np.bincount(np.rint(samples.time_s * 10).astype(int))


def test_the_file_is_small_and_the_recording_long_and_full_enough() -> None:
    assert (DATA / "district_trace.npz").stat().st_size < 5_000_000
    assert recording().duration_s >= 90.0
    assert len(present(recording().vehicle_samples)) == round(recording().duration_s / recording().step_s)
    assert present(recording().vehicle_samples).min() >= 300
    assert present(recording().pedestrian_samples).min() >= 20
    assert set(recording().vehicles.kind.tolist()) == {"car", "suv", "van", "truck", "bus"}


def test_samples_are_sorted_by_time_then_actor() -> None:
    for samples in (recording().vehicle_samples, recording().pedestrian_samples):
        assert np.array_equal(np.lexsort((samples.actor, samples.time_s)), np.arange(len(samples.time_s)))


def test_vehicles_move_as_fast_as_they_say() -> None:
    samples = recording().vehicle_samples
    rows, follows = by_actor(samples)
    step = np.hypot(np.diff(samples.x_m[rows]), np.diff(samples.y_m[rows]))[follows]
    error = np.abs(step / 0.1 - samples.speed_mps[rows][1:][follows])
    assert np.percentile(error, 99.9) < 0.5
    assert error.max() < 2.0
    assert samples.acceleration_mps2.min() > -5.0


def test_nobody_jumps_in_height_or_heading() -> None:
    samples = recording().vehicle_samples
    rows, follows = by_actor(samples)
    assert np.abs(np.diff(samples.z_m[rows]))[follows].max() < 0.2
    assert np.abs(heading_difference(samples.heading_deg[rows][1:], samples.heading_deg[rows][:-1]))[follows].max() < 15.0
    assert np.abs(samples.gradient).max() < 0.085


def test_no_two_vehicles_are_in_one_place() -> None:
    for second in range(0, 100, 5):
        assert overlap_m(float(second)) < 0.05


def overlap_m(at_s: float) -> float:
    """How deep the deepest overlap of two footprints on one deck is (separating axes)."""
    samples, actors = recording().vehicle_samples, recording().vehicles
    now = np.flatnonzero(np.abs(samples.time_s - at_s) < 0.05)
    place = np.column_stack([samples.x_m[now], samples.y_m[now], samples.z_m[now]])
    one, two = np.triu_indices(len(now), 1)
    apart = np.abs(place[two] - place[one])
    near = (np.hypot(apart[:, 0], apart[:, 1]) < 15.0) & (apart[:, 2] < 3.0)
    one, two = one[near], two[near]
    angle = np.radians(samples.heading_deg[now])
    ahead, right = np.column_stack([np.sin(angle), np.cos(angle)]), np.column_stack([np.cos(angle), -np.sin(angle)])
    half = 0.5 * np.column_stack([actors.length_m, actors.width_m])[samples.actor[now]]
    gap = np.full(len(one), -np.inf)
    for axis in (ahead[one], right[one], ahead[two], right[two]):
        reach = sum(
            half[who, side] * np.abs((body[who] * axis).sum(1)) for who in (one, two) for side, body in ((0, ahead), (1, right))
        )
        gap = np.maximum(gap, np.abs(((place[two] - place[one])[:, :2] * axis).sum(1)) - reach)
    return float(-gap.min(initial=0.0))


def test_the_trace_lies_on_its_network() -> None:
    samples = recording().vehicle_samples
    rows = np.arange(0, len(samples.time_s), 37)
    place = np.column_stack([samples.x_m, samples.y_m, samples.z_m])[rows]
    found = match(network(), place, samples.heading_deg[rows])
    assert (found.lane >= 0).all()
    link, deck = network().lanes.link, network().lanes.deck
    assert np.mean(link[found.lane] == link[samples.lane[rows]]) > 0.95  # the rest: the middle is not yet where the front is
    assert np.mean(deck[found.lane] == deck[samples.lane[rows]]) > 0.99
    assert (samples.lane >= 0).all()


def test_vehicles_stand_on_the_road_of_their_lane() -> None:
    samples = recording().vehicle_samples
    rows = np.arange(0, len(samples.time_s), 101)
    place = np.column_stack([samples.x_m, samples.y_m, samples.z_m])[rows]
    found = match(network(), place, samples.heading_deg[rows])
    shape = network().lanes.shape
    offsets = shape.offsets()
    error = []
    for row, lane in enumerate(found.lane.tolist()):
        part = slice(shape.start[lane], shape.start[lane + 1])
        error.append(place[row, 2] - np.interp(found.offset_m[row], offsets[part], shape.points[part, 2]))
    assert np.abs(error).max() < 0.5


def test_all_decks_of_the_interchange_carry_traffic() -> None:
    samples = recording().vehicle_samples
    centre = np.hypot(samples.x_m, samples.y_m) < 10.0
    assert {0, 1, 2} <= set(network().lanes.deck[samples.lane[centre]].tolist())


def test_every_signal_group_always_shows_something() -> None:
    signals = recording().signals
    assert (np.diff(signals.time_s) >= 0).all()
    assert (signals.next_change_s > signals.time_s).all()
    assert set(signals.light.tolist()) == {3, 5, 6, 7}
    programme = signal_programme(network())
    expected = {
        (str(network().signals.id[s]), g) for s, g in zip(programme.signal.tolist(), programme.group.tolist(), strict=True)
    }
    assert set(zip(signals.node.tolist(), signals.group.tolist(), strict=True)) == expected
    for node, group in expected:
        rows = np.flatnonzero((signals.node == node) & (signals.group == group))
        assert signals.time_s[rows[0]] == 0.0
        assert np.allclose(signals.time_s[rows[1:]], signals.next_change_s[rows[:-1]])
        assert signals.next_change_s[rows[-1]] >= recording().duration_s - recording().step_s


def test_what_is_written_is_read(tmp_path: Path) -> None:
    original = recording()
    trace.write(tmp_path / "copy.npz", original)
    assert members(tmp_path / "copy.npz") == members(DATA / "district_trace.npz")
    copy = trace.read(tmp_path / "copy.npz")
    for name in trace.Samples.__slots__:
        assert np.array_equal(getattr(copy.vehicle_samples, name), getattr(original.vehicle_samples, name))
    assert copy.origin == original.origin


def test_differences_survive_a_heading_that_turns_through_north(tmp_path: Path) -> None:
    columns = dict.fromkeys(("x_m", "y_m", "z_m", "speed_mps", "acceleration_mps2", "gradient"), np.zeros(4))
    samples = trace.Samples(
        time_s=np.array([0.0, 0.1, 0.1, 0.2]),
        actor=np.array([1, 0, 1, 1], np.int32),
        heading_deg=np.array([359.5, 12.25, 0.5, 359.99]),
        lane=np.array([-1, 7, 3, 3], np.int32),
        **columns,
    )
    sizes = np.ones(3)
    actors = trace.Actors(np.array(["a", "b", "absent"]), np.array(["car"] * 3), sizes, sizes, sizes)
    original = recording()
    trace.write(
        tmp_path / "t.npz",
        trace.Trace(actors, samples, actors, samples, original.signals, original.origin, "n", 0.1, 0.3, 1),
    )
    read = trace.read(tmp_path / "t.npz").vehicle_samples
    for name in trace.Samples.__slots__:
        assert np.array_equal(getattr(read, name), getattr(samples, name)), name


def test_a_heading_that_rounds_to_a_whole_turn_is_north_in_the_file(tmp_path: Path) -> None:
    original = recording()
    heading = original.pedestrian_samples.heading_deg.copy()
    heading[0] = 359.997
    turned = replace(original, pedestrian_samples=replace(original.pedestrian_samples, heading_deg=heading))
    trace.write(tmp_path / "once.npz", turned)
    read = trace.read(tmp_path / "once.npz")
    assert read.pedestrian_samples.heading_deg[0] == 0.0
    trace.write(tmp_path / "twice.npz", read)
    assert members(tmp_path / "once.npz") == members(tmp_path / "twice.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a trace"])
def test_a_file_that_is_no_trace_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.npz"
    file.write_bytes(content)
    with pytest.raises(MalformedError, match=r"bad\.npz"):
        trace.read(file)


def members(file: Path) -> dict[str, bytes]:
    """An archive's members as bytes; the archive's own headers differ between versions of Python."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
