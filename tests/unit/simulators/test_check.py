"""Reading back: what a scene should have stored, compared with rows as the registry hands them out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from chelu.clock import VirtualClock
from chelu.geo import LocalFrame
from chelu.messages import Batch, concatenate
from simulators.check import Checker
from simulators.comparison import Comparison, Tolerance
from simulators.fleet import fleet_of
from simulators.pace import Pace
from simulators.replay import ReplayReport
from simulators.scene import Role, Scene, in_memory
from tests.unit.simulators.parts import ORIGIN, START_US, actors, samples, signals

FRAME = LocalFrame(ORIGIN.latitude_deg, ORIGIN.longitude_deg, ORIGIN.elevation_m)
PACE = Pace(0, START_US // 1000 * 1000, 0.0, 5.0)


def scene() -> Scene:
    moving = samples([(100 * step, actor) for step in range(700) for actor in range(3)])
    lights = signals([(100 * step, phase, 3 + phase, 1.23) for step in range(700) for phase in (1, 2)])
    return in_memory("mixed", ORIGIN, actors(Role.OBU, Role.OBU, Role.PERCEIVED), moving, lights)


def on_wire(scene: Scene) -> dict[str, Batch]:
    """Rows as the registry gives them: rounded as on the wire."""
    piece = scene.read(scene.begin_ms, scene.end_ms)
    fleet = fleet_of(scene, "site")
    latitude, longitude, elevation = FRAME.to_geodetic(np.stack([piece.samples[name] for name in ("x_m", "y_m", "z_m")], axis=1))
    names = np.array([*fleet.obu_ids[:2], fleet.rsu_id])
    moving = Batch(
        {
            "device_id": names[piece.samples["actor"]],
            "time_us": PACE.event_us(piece.samples["time_ms"]),
            "arrival_us": np.full(len(piece.samples), START_US + 5),
            "participant_id": piece.samples["actor"].astype(np.uint16),
            "latitude_deg": np.rint(latitude * 1e7) / 1e7,
            "longitude_deg": np.rint(longitude * 1e7) / 1e7,
            "elevation_m": np.rint(elevation * 10) / 10,
            "speed_mps": np.rint(piece.samples["speed_mps"] * 50) / 50,
        }
    )
    shining = Batch(
        {
            **{name: piece.signals[name] for name in ("intersection_id", "phase_id", "light")},
            "device_id": np.full(len(piece.signals), fleet.rsu_id),
            "time_us": PACE.event_us(piece.signals["time_ms"]),
            "arrival_us": np.full(len(piece.signals), START_US + 5),
            "likely_end_s": np.rint(piece.signals["likely_end_s"] * 10) / 10,
        }
    )
    seen = piece.samples["actor"] == 2
    return {"bsm": moving.take(~seen), "participant": moving.take(seen), "spat": shining}


def checked(stored: dict[str, Batch], *, patience_s: float = 0.0) -> dict[str, Comparison]:
    report = ReplayReport(START_US, PACE, through_ms=scene().end_ms)

    def read(stream: str, from_us: int, to_us: int) -> Iterator[Batch]:
        rows = stored[stream]
        rows = rows.take((rows["time_us"] >= from_us) & (rows["time_us"] < to_us))
        half = len(rows) // 2
        yield from (rows.take(np.arange(half)), rows.take(np.arange(half, len(rows))))

    checker = Checker(scene(), fleet_of(scene(), "site"), read, VirtualClock(0), patience_s=patience_s)
    return {one.stream: one for one in checker.check(report)}


def test_what_is_stored_as_the_wire_rounds_it_passes() -> None:
    found = checked(on_wire(scene()))
    assert {name: (one.expected, one.stored) for name, one in found.items()} == {
        "bsm": (1400, 1400),
        "participant": (700, 700),
        "spat": (1400, 1400),
    }
    assert [fault for one in found.values() for fault in Tolerance().faults(one)] == []
    assert 0 < found["bsm"].position_error_m < 0.01
    assert found["spat"].end_error_s == pytest.approx(0.03)


def test_rows_of_other_devices_and_of_earlier_runs_are_left_out() -> None:
    stored = on_wire(scene())
    strange = stored["bsm"].take(np.arange(5)).with_columns(device_id=np.full(5, "somebody"))
    earlier = stored["bsm"].take(np.arange(7)).with_columns(arrival_us=np.full(7, START_US - 60_000_000))
    stored["bsm"] = concatenate([stored["bsm"], strange, earlier])
    assert checked(stored)["bsm"].stored == 1400


def test_a_row_that_is_missing_is_waited_for_and_then_missing() -> None:
    stored = on_wire(scene())
    stored["participant"] = stored["participant"].take(np.arange(699))
    found = checked(stored, patience_s=3.0)
    assert found["participant"].missing == 1
    assert found["bsm"].missing == 0


def test_a_time_that_is_a_millisecond_off_is_found() -> None:
    stored = on_wire(scene())
    late = stored["spat"]["time_us"].copy()
    late[10] += 1000
    stored["spat"] = stored["spat"].with_columns(time_us=late)
    found = checked(stored)["spat"]
    assert (found.missing, found.stray, found.time_error_us) == (1, 1, 1000.0)
    assert Tolerance().faults(found)


def test_nothing_stored_is_all_missing() -> None:
    stored = {name: rows.take(np.empty(0, np.intp)) for name, rows in on_wire(scene()).items()}
    assert {one.missing for one in checked(stored).values()} == {1400, 700}
