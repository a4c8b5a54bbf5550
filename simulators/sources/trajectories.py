"""Trajectory databases as SMARTS packs NGSIM and its like: SQLite with `Vehicle` and `Trajectory`, of any size.

`position_x|y` are the vehicle's centre (SMARTS moves NGSIM's front centre back by half a length when it packs); `heading_rad` is
counter-clockwise from +y in NGSIM's packing, and is checked against the displacements of the file at hand. The file is opened
read-only and immutable: nothing beside it is written, not even a journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from simulators.kinematics import NEIGHBOUR_MS, rates
from simulators.scene import SIGNAL, ActorKind, Origin, Role, Scene, Slice, UnreadableError, empty, sort_by_time

Floats = npt.NDArray[np.float64]

# Interstate 80 at Emeryville, where NGSIM filmed; the database itself carries only local metres.
ORIGIN = Origin(37.8399, -122.2975, 4.0)
CHUNK_ROWS = 50_000
PROBE_ROWS = 20_000
PROBE_STEP_M = 0.3  # a shorter displacement has no sure direction
TURNED_RAD = 0.2  # the usual convention stays unless it is off by more than this, at the median
KINDS = {1: ActorKind.MOTORCYCLE, 2: ActorKind.CAR, 3: ActorKind.TRUCK, 4: ActorKind.PEDESTRIAN}
# Ways to write a heading: angle of the file → radians clockwise from +y. The first is SMARTS's own.
CONVENTIONS = (
    ("counter-clockwise from +y", -1.0, 0.0),
    ("counter-clockwise from +x", -1.0, np.pi / 2),
    ("clockwise from +y", 1.0, 0.0),
)

_ACTORS = """SELECT t.vehicle_id, v.type, v.length, v.width FROM (SELECT DISTINCT vehicle_id FROM Trajectory) t
             LEFT JOIN Vehicle v ON v.id = t.vehicle_id ORDER BY t.vehicle_id"""
_SPAN = "SELECT min(sim_time), max(sim_time) FROM Trajectory"
_COLUMNS = "SELECT vehicle_id, sim_time, position_x, position_y, heading_rad, speed FROM Trajectory"
_STRETCH = f"{_COLUMNS} WHERE sim_time >= ? AND sim_time < ? ORDER BY sim_time, vehicle_id"
_PROBE = f"{_COLUMNS} ORDER BY vehicle_id, sim_time LIMIT {PROBE_ROWS}"


def open_scene(path: Path) -> Scene:
    """The scene in a trajectory database; raises UnreadableError, a sentence, when it is not one."""
    with _connection(path) as connection:
        begin, end = connection.execute(_SPAN).fetchone()
        if begin is None:
            raise UnreadableError(str(path), "its table Trajectory is empty")
        vehicles = _numbers(path, connection.execute(_ACTORS).fetchall(), 4)
        turn = heading_convention(_numbers(path, connection.execute(_PROBE).fetchall(), 6))
    source = Trajectories(path, vehicles[:, 0], turn)
    return Scene(path.stem, ORIGIN, _actors(vehicles), round(begin * 1000), round(end * 1000) + 1, source)


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Reads stretches of the database. vehicle_ids: (actors,) ascending; turn: sign and offset of a heading (`CONVENTIONS`)."""

    path: Path
    vehicle_ids: Floats
    turn: tuple[float, float]

    def read(self, begin_ms: int, end_ms: int) -> Slice:
        """A stretch with its neighbours read too, so that rates do not depend on where stretches are cut."""
        low, high = (begin_ms - NEIGHBOUR_MS - 1) / 1000, (end_ms + NEIGHBOUR_MS + 1) / 1000
        with _connection(self.path) as connection:
            rows = _fetch(self.path, connection.execute(_STRETCH, (low, high)))
        samples = self._samples(rows)
        inside = (samples["time_ms"] >= begin_ms) & (samples["time_ms"] < end_ms)
        return Slice(sort_by_time(samples.take(inside)), empty(SIGNAL))

    def _samples(self, rows: Floats) -> Batch:
        vehicle, time_s, x, y, heading_rad, speed = rows.T
        actor = np.searchsorted(self.vehicle_ids, vehicle).astype(np.int64)
        sign, offset = self.turn
        heading = np.degrees(sign * heading_rad + offset) % 360
        acceleration, yaw = rates(actor, time_s * 1000, speed, heading)
        return Batch(
            {
                "time_ms": np.rint(time_s * 1000).astype(np.int64),
                "actor": actor,
                "x_m": x,
                "y_m": y,
                "z_m": np.zeros(len(rows)),
                "speed_mps": speed,
                "heading_deg": heading,
                "acceleration_mps2": acceleration,
                "yaw_rate_dps": yaw,
            }
        )


def heading_convention(rows: Floats) -> tuple[float, float]:
    """Sign and offset that turn this file's headings into radians clockwise from +y, judged by its own displacements.

    rows: (n, 6) as selected, sorted by vehicle and time. Where nothing moves, or SMARTS's convention fits, it is that.
    """
    same = rows[1:, 0] == rows[:-1, 0]
    dx, dy = np.diff(rows[:, 2])[same], np.diff(rows[:, 3])[same]
    moves = np.hypot(dx, dy) > PROBE_STEP_M
    course, written = np.arctan2(dx[moves], dy[moves]), rows[:-1, 4][same][moves]
    if not course.size:
        return CONVENTIONS[0][1:]
    misfit = [_median_angle(sign * written + offset - course) for _, sign, offset in CONVENTIONS]
    best = 0 if misfit[0] <= TURNED_RAD else int(np.argmin(misfit))
    return CONVENTIONS[best][1:]


def _median_angle(difference: Floats) -> float:
    return float(np.median(np.abs((difference + np.pi) % (2 * np.pi) - np.pi)))


def _actors(vehicles: Floats) -> Batch:
    """vehicles: (n, 4) id, type, length, width; what the file leaves out is NaN."""
    ids, types, length, width = vehicles.T
    kinds = np.array([KINDS.get(int(code), ActorKind.UNKNOWN) for code in np.nan_to_num(types)], np.uint8)
    role = np.where(kinds == ActorKind.PEDESTRIAN, Role.PERCEIVED, Role.OBU).astype(np.uint8)
    names = np.array([f"{number:.0f}" for number in ids], "U48")
    height = np.full(len(ids), np.nan)
    return Batch({"name": names, "kind": kinds, "role": role, "length_m": length, "width_m": width, "height_m": height})


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        yield connection
    except sqlite3.Error as error:
        raise UnreadableError(str(path), f"it is not a trajectory database ({error})") from None
    finally:
        connection.close()


def _fetch(path: Path, cursor: sqlite3.Cursor) -> Floats:
    parts = [np.empty((0, 6))]
    while rows := cursor.fetchmany(CHUNK_ROWS):
        parts.append(_numbers(path, rows, 6))
    rows_ = np.concatenate(parts)
    if not np.isfinite(rows_).all():
        bad = rows_[~np.isfinite(rows_).all(axis=1)][0]
        raise UnreadableError(str(path), f"vehicle {bad[0]:.0f} at {bad[1]} s lacks a position, heading or speed")
    return rows_


def _numbers(path: Path, rows: list[tuple[object, ...]], width: int) -> Floats:
    try:
        return np.array(rows, np.float64).reshape(len(rows), width)
    except (TypeError, ValueError) as error:
        raise UnreadableError(str(path), f"a column that should hold numbers does not ({error})") from None
