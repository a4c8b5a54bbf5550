"""What the register says of a site, as arrays: whose a position is, which vehicle may be where, and how. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.geo import LocalFrame
from services.registry.track.geometry import Mask, Shapes, shapes_of

UNKNOWN = -1
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle, or an OBU that is on none: whoever speaks."""

    vehicle: str
    team: str | None


@dataclass(frozen=True, slots=True)
class Permits:
    """Permits as columns (p,): by vehicle, area by number, in µs; max_speed_mps infinite and modes None where free."""

    permit_id: Ints
    vehicle_key: Ints
    area: Ints
    starts_us: Ints
    ends_us: Ints
    max_speed_mps: npt.NDArray[np.float64]
    modes: tuple[frozenset[str] | None, ...]

    def counting(self, now_us: int) -> Permits:
        """Those that count now."""
        rows = np.flatnonzero((self.starts_us <= now_us) & (now_us < self.ends_us))
        return Permits(
            permit_id=self.permit_id[rows],
            vehicle_key=self.vehicle_key[rows],
            area=self.area[rows],
            starts_us=self.starts_us[rows],
            ends_us=self.ends_us[rows],
            max_speed_mps=self.max_speed_mps[rows],
            modes=tuple(self.modes[row] for row in rows.tolist()),
        )


@dataclass(frozen=True, slots=True)
class Roster:
    """A site as of one reading of the register.

    speakers: the vehicle's key by that of each device that speaks for it (its own included); bsm_ids: the same by the id in BSMs.
    covering: [i, j] area j lies in area i; needs_permit: (a,).
    """

    site_id: str
    frame: LocalFrame
    shapes: Shapes
    needs_permit: Mask
    covering: Mask
    permits: Permits
    vehicles: Mapping[int, Vehicle]
    speakers: tuple[Ints, Ints]
    bsm_ids: tuple[Ints, Ints]

    def keys(self) -> dict[str, int]:
        """Device keys by vehicle."""
        return {vehicle.vehicle: key for key, vehicle in self.vehicles.items()}

    def vehicle_keys(self, device_key: Ints, bsm_id: Ints) -> Ints:
        """Whose each position is (n,): by the device that said it, else by the id in its BSM; −1 for who is not registered."""
        by_device = _found(self.speakers, device_key)
        return np.where(by_device == UNKNOWN, _found(self.bsm_ids, bsm_id), by_device)


def roster_of(
    site: Mapping[str, Any],
    areas: Sequence[Mapping[str, Any]],
    permits: Sequence[Mapping[str, Any]],
    devices: Sequence[Mapping[str, Any]],
) -> Roster:
    """The rows of the register (`watch_rows`) as arrays."""
    frame = LocalFrame(site["latitude_deg"], site["longitude_deg"], site["elevation_m"])
    shapes = shapes_of(frame, areas)
    named = [row for row in devices if row["bsm_id"] is not None]
    return Roster(
        site["site_id"],
        frame,
        shapes,
        np.array([area["needs_permit"] for area in areas], np.bool_),
        shapes.covering(),
        _permits(permits, shapes.ids),
        {row["vehicle_key"]: Vehicle(row["vehicle"], row["team"]) for row in devices},
        _sorted([row["device_key"] for row in devices], [row["vehicle_key"] for row in devices]),
        _sorted([row["bsm_id"] for row in named], [row["vehicle_key"] for row in named]),
    )


def _permits(rows: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> Permits:
    speeds = [np.inf if row["max_speed_mps"] is None else row["max_speed_mps"] for row in rows]
    return Permits(
        permit_id=_ints(row["permit_id"] for row in rows),
        vehicle_key=_ints(row["vehicle_key"] for row in rows),
        area=_ints(ids.index(row["area_id"]) for row in rows),
        starts_us=_ints(row["starts_us"] for row in rows),
        ends_us=_ints(row["ends_us"] for row in rows),
        max_speed_mps=np.array(speeds, np.float64),
        modes=tuple(None if row["modes"] is None else frozenset(row["modes"]) for row in rows),
    )


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), np.int64)


def _sorted(keys: Sequence[int], values: Sequence[int]) -> tuple[Ints, Ints]:
    order = np.argsort(np.array(keys, np.int64), kind="stable")
    return np.array(keys, np.int64)[order], np.array(values, np.int64)[order]


def _found(table: tuple[Ints, Ints], wanted: Ints) -> Ints:
    keys, values = table
    if not len(keys):
        return np.full(len(wanted), UNKNOWN, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], UNKNOWN)
