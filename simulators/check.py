"""Reads what a replay stored back through the registry's API and compares it with the recording, stretch by stretch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.clock import Clock
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, concatenate
from simulators.comparison import COLUMNS, Comparison, compare
from simulators.fleet import Fleet
from simulators.pace import Pace
from simulators.replay import ReplayReport
from simulators.scene import Role, Scene, Slice

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# Stored rows of a stream whose event time lies in [from_us, to_us), with the columns of the stream and device_id, page by page.
ReadRows = Callable[[str, int, int], Iterable[Batch]]

STRETCH_MS = 30_000
PATIENCE_S = 20.0  # how long nothing more may be stored before what is missing counts as missing
PAUSE_S = 0.2
ARRIVAL_SLACK_US = 1_000_000  # rows that arrived before this run began are an earlier run's; clocks may differ a little
WIRE_DEG = 1e-7


@dataclass(frozen=True, slots=True)
class Checker:
    """Compares a replayed scene with what is stored of it."""

    scene: Scene
    fleet: Fleet
    read: ReadRows
    clock: Clock
    patience_s: float = PATIENCE_S

    def check(self, report: ReplayReport, *, on_stretch: Callable[[int], None] = lambda _: None) -> list[Comparison]:
        """One comparison per stream that has rows; waits for rows on their way. `on_stretch` hears how far it is, in ms."""
        total: dict[str, Comparison] = {}
        for begin in range(self.scene.begin_ms, report.through_ms, STRETCH_MS):
            end = min(begin + STRETCH_MS, report.through_ms)
            wanted = self.expected(report.pace, begin, end)
            for stream, rows in wanted.items():
                found = self._when_settled(stream, rows, report, begin, end)
                total[stream] = total.get(stream, Comparison(stream)) + found
            on_stretch(end)
        return [comparison for comparison in total.values() if comparison.expected or comparison.stored]

    def expected(self, pace: Pace, begin_ms: int, end_ms: int) -> dict[str, Batch]:
        """What should be stored of a stretch, by stream, in `comparison.COLUMNS`."""
        piece = self.scene.read(begin_ms, end_ms)
        role = self.scene.actors["role"][piece.samples["actor"]]
        return {
            BSM.name: self._moving(pace, piece.samples.take(role == Role.OBU)),
            PARTICIPANT.name: self._moving(pace, piece.samples.take(role == Role.PERCEIVED)),
            SPAT.name: self._shining(pace, piece),
        }

    def stored(self, stream: str, rows: Batch) -> Batch:
        """Rows as they came from the API, in `comparison.COLUMNS`; rows of other devices are left out."""
        if stream == SPAT.name:
            return _stored_lights(rows.take(rows["device_id"] == self.fleet.rsu_id))
        who = self._senders(rows["device_id"]) if stream == BSM.name else rows["participant_id"].astype(np.int64)
        is_ours = who >= 0 if stream == BSM.name else rows["device_id"] == self.fleet.rsu_id
        mine, who = rows.take(is_ours), who[is_ours]
        xyz = self._frame().to_local(mine["latitude_deg"], mine["longitude_deg"], mine["elevation_m"])
        return _columns(
            who=who,
            time_us=mine["time_us"],
            **_ties(mine["latitude_deg"], mine["longitude_deg"]),
            **_places(xyz),
            speed_mps=mine["speed_mps"],
        )

    def _when_settled(self, stream: str, rows: Batch, report: ReplayReport, begin_ms: int, end_ms: int) -> Comparison:
        """Compare again and again while rows are missing and more keep coming."""
        best, since = -1, self.clock.monotonic_s()
        while True:
            found = compare(stream, rows, self._fetch(stream, report, begin_ms, end_ms))
            if found.stored > best:
                best, since = found.stored, self.clock.monotonic_s()
            if not found.missing or self.clock.monotonic_s() - since > self.patience_s:
                return found
            self.clock.sleep(PAUSE_S)

    def _fetch(self, stream: str, report: ReplayReport, begin_ms: int, end_ms: int) -> Batch:
        begin, end = report.pace.event_us(np.array([begin_ms, end_ms])).tolist()
        return concatenate([_columns(), *self._pages(stream, begin, end, report.begun_us - ARRIVAL_SLACK_US)])

    def _pages(self, stream: str, from_us: int, to_us: int, arrived_us: int) -> Iterator[Batch]:
        for page in self.read(stream, from_us, to_us):
            yield self.stored(stream, page.take(page["arrival_us"] >= arrived_us))

    def _moving(self, pace: Pace, samples: Batch) -> Batch:
        xyz = np.stack([samples[name] for name in ("x_m", "y_m", "z_m")], axis=1)
        latitude, longitude, _ = self._frame().to_geodetic(xyz)
        return _columns(
            who=samples["actor"],
            time_us=pace.event_us(samples["time_ms"]),
            **_ties(latitude, longitude),
            **_places(xyz),
            speed_mps=samples["speed_mps"],
        )

    def _shining(self, pace: Pace, piece: Slice) -> Batch:
        signals = piece.signals
        return _columns(
            who=_head(signals),
            time_us=pace.event_us(signals["time_ms"]),
            light=signals["light"].astype(np.int64),
            end_s=signals["likely_end_s"],
        )

    def _senders(self, device_ids: npt.NDArray[np.str_]) -> Ints:
        """The actor (n,) behind each device id, -1 for a stranger's."""
        row_of = {name: index for index, name in enumerate(self.fleet.obu_ids) if name}
        names, index = np.unique(device_ids, return_inverse=True)
        return np.array([row_of.get(str(name), -1) for name in names], np.int64)[index]

    def _frame(self) -> LocalFrame:
        origin = self.scene.origin
        return LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m)


def _stored_lights(rows: Batch) -> Batch:
    return _columns(who=_head(rows), time_us=rows["time_us"], light=rows["light"].astype(np.int64), end_s=rows["likely_end_s"])


def _head(rows: Batch) -> Ints:
    return rows["intersection_id"].astype(np.int64) * 256 + rows["phase_id"]


def _ties(latitude: Floats, longitude: Floats) -> dict[str, Ints]:
    """What the wire makes of a place: the same on both sides."""
    return {
        "tie_a": np.rint(latitude / WIRE_DEG).astype(np.int64),
        "tie_b": np.rint(longitude / WIRE_DEG).astype(np.int64),
    }


def _places(xyz: Floats) -> dict[str, Floats]:
    return {"x_m": xyz[:, 0], "y_m": xyz[:, 1], "z_m": xyz[:, 2]}


def _columns(**given: npt.NDArray[np.int64] | Floats) -> Batch:
    """`COLUMNS` with what a stream has; places, speeds and ends it has not are NaN, lights and ties 0."""
    n = len(given.get("who", ()))
    blank = {name: np.full(n, np.nan) if name.endswith(("_m", "_mps", "_s")) else np.zeros(n, np.int64) for name in COLUMNS}
    return Batch({**blank, **given})
