"""Who can be warned, one by one: what applications look at that concern a host and a rule, with or without others near."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from chelu.motion.footprints import forward
from services.inference.futures import MAX_SHIFT_S, Futures
from services.inference.pairs import can_be_told
from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.reports import Floats, Ints, Participant
from services.inference.types import Mask


@dataclass(frozen=True, slots=True)
class Hosts:
    """h motor vehicles that have just said something and can be told, each once, brought to this moment.

    xyz (h, 3): local metres, up NaN when unknown. gradient: of the road in driving direction. lane, offset_m: of the site's roads
    and metres along it, −1 and NaN where there is none; in front, half a length further on, is the bumper. grip, haste_s: as
    `Placement` has them. vehicle_class: BasicVehicleClass, 0 unknown.
    """

    slots: Ints
    xyz: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    length_m: Floats
    gradient: Floats
    lane: Ints
    offset_m: Floats
    grip: Floats
    haste_s: Floats
    vehicle_class: Ints

    def __len__(self) -> int:
        return len(self.slots)

    def where(self, rows: Mask | Ints) -> Self:
        """These only."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


def hosts_of(picture: Picture, futures: Futures, placement: Placement, slots: Ints, now_us: int) -> Hosts:
    """Those of these slots, usable and nobody's twin, that are motor vehicles and can be told."""
    shift = (now_us - picture.ints["time_us"][slots]) / 1e6
    is_motor = picture.ints["participant_type"][slots] == Participant.MOTOR
    kept = is_motor & can_be_told(picture, slots) & (np.abs(shift) <= MAX_SHIFT_S)
    slots, shift = slots[kept], shift[kept]
    speed, rate, heading = (
        picture.floats["speed_mps"][slots],
        futures.acceleration_mps2[slots],
        picture.floats["heading_deg"][slots],
    )
    way = speed * shift
    xyz = picture.xyz[slots].copy()
    xyz[:, :2] += way[:, None] * forward(heading)
    return Hosts(
        slots=slots,
        xyz=xyz,
        heading_deg=heading,
        speed_mps=np.maximum(speed + rate * np.clip(shift, 0.0, None), 0.0),
        acceleration_mps2=rate,
        length_m=picture.floats["length_m"][slots],
        gradient=placement.gradient[slots],
        lane=placement.lane[slots],
        offset_m=placement.along_m(picture, slots) + way,
        grip=placement.grip[slots],
        haste_s=placement.haste_s[slots],
        vehicle_class=picture.ints["vehicle_class"][slots],
    )
