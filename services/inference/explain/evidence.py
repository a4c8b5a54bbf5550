"""What the site knew at the decision, as JSON: both road users with their sources and futures, how they lie to one another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from services.inference.explain.margins import SWITCH
from services.inference.explain.who import Finding
from services.inference.futures import STEP_S
from services.inference.network import NetworkRoads
from services.inference.picture import resized
from services.inference.register import Register
from services.inference.reports import Floats, Participant, Track
from services.inference.site import Evaluation, Site
from services.inference.spread import spread_of
from services.inference.v2x.scene import Views

Json = dict[str, Any]
_UNITS = {"_deg": "°", "_mps": "m/s", "_m": "m", "_s": "s", "probability": ""}


@dataclass(frozen=True, slots=True)
class Moment:
    """A site at the instant of a decision, before its next step."""

    site: Site
    roads: NetworkRoads | None
    register: Register
    now_us: int


def of_road_user(at: Moment, slot: int) -> Json:
    """A track: its state, how old that is, who told of it, and where it may go."""
    site, picture, place = at.site, at.site.picture, at.site.placement
    lane, shift_s = int(place.lane[slot]), (at.now_us - int(picture.ints["time_us"][slot])) / 1e6
    return {
        "kind": Participant(int(picture.ints["participant_type"][slot])).name.lower(),
        "place_m": _rounded(picture.xyz[slot]),
        "age_s": number(shift_s),
        "speed_mps": number(picture.floats["speed_mps"][slot]),
        "heading_deg": number(picture.floats["heading_deg"][slot]),
        "acceleration_mps2": number(site.futures.acceleration_mps2[slot]),
        "yaw_rate_dps": number(picture.floats["yaw_rate_dps"][slot]),
        "size_m": _rounded([picture.floats[name][slot] for name in ("length_m", "width_m")]),
        "lane": at.roads.lane_id(lane) if at.roads is not None else None,
        "lane_offset_m": number(place.offset_m[slot]) if lane >= 0 else None,
        "heights_m": [one for one in _rounded(place.heights_m[slot]) if one is not None],
        "gradient": number(place.gradient[slot]),
        "grip": number(place.grip[slot]),
        "earlier_s": number(place.haste_s[slot]),
        "sources": sources(at, slot),
        "past_m": [_rounded(row[:2]) for row in _past(site, slot)],
        "futures": futures(site, slot, shift_s),
    }


def sources(at: Moment, slot: int) -> list[Json]:
    """The track itself, and those that other devices have of the same road user (`services.inference.fusion`)."""
    picture = at.site.picture
    twins = np.flatnonzero(resized(at.site.twins.twin, picture.capacity, -1) == slot)
    return [_source(at, one) for one in (slot, *twins.tolist()) if picture.kind[one] != Track.NONE]


def _source(at: Moment, slot: int) -> Json:
    picture, now_us = at.site.picture, at.now_us
    time_us, arrival_us = (int(picture.ints[name][slot]) for name in ("time_us", "arrival_us"))
    times = np.sort(picture.past_us[slot][picture.past_us[slot] > now_us - 2_000_000])
    device = at.register.by_key.get(int(picture.ints["device_key"][slot]))
    return {
        "says": "itself" if picture.kind[slot] == Track.SPEAKS else "seen",
        "device_id": device.device_id if device else None,
        "vehicle_id": f"{int(picture.own_id[slot]):016x}" if picture.own_id[slot] else None,
        "reports": int(picture.count[slot]),
        "rate_hz": number((len(times) - 1) * 1e6 / (times[-1] - times[0]), 1) if len(times) > 1 else None,
        "age_s": number((now_us - time_us) / 1e6),
        "latency_s": number((arrival_us - time_us) / 1e6),
        "position_sigma_m": number(picture.floats["place_sigma_m"][slot], 2),
        "position_is_reckoned": bool(picture.is_reckoned[slot]),
    }


def futures(site: Site, slot: int, shift_s: float) -> list[Json]:
    """The ways that the track may take from now on, with how likely each is; places every 0.2 s."""
    slots, shift = np.array([slot], np.int64), np.array([shift_s])
    told, picture = site.futures, site.picture
    is_vehicle = picture.ints["participant_type"][slots] == Participant.MOTOR
    along, across = picture.floats["place_sigma_m"][slots], picture.across_sigma_m(slots)
    spread = spread_of(along, across, picture.floats["speed_mps"][slots], shift, is_vehicle)
    sigma = {"along_sigma_m": _rounded(spread.along_m[0], 2), "across_sigma_m": _rounded(spread.across_m[0], 2)}
    made_by = "motion model" if told.is_modelled[slot] else "physics"
    ways = [(told.weight[slot], told.aligned(slots, shift))]
    if told.other_weight[slot] > 0:
        ways.append((told.other_weight[slot], told.aligned_others(slots, shift)))
    return [
        {
            "probability": number(weight),
            "made_by": made_by,
            "step_s": STEP_S,
            "xy_m": [_rounded(point, 2) for point in xy[0]],
            "heading_deg": _rounded(heading[0], 1),
            **sigma,
        }
        for weight, (xy, heading) in ways
    ]


def view(evaluation: Evaluation, finding: Finding) -> Json | None:
    """How the other lies to the host, as the applications saw it; None where the finding is about a thing."""
    scene, (host, other, _) = evaluation.scene, finding.key
    slots = scene.tracks.slots
    rows = np.flatnonzero((slots[scene.views.host] == host) & (slots[scene.views.other] == other))
    if not len(rows):
        return None
    names = [one.name for one in fields(Views) if one.name not in {"pair", "host", "other", "host_way", "other_way"}]
    return {name: number(getattr(scene.views, name)[rows[0]]) for name in names}


def unit_of(name: str) -> str:
    """Of a field, by its name."""
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def parameters(site: Site, application: str) -> Json:
    """Every value that the application, and warnings' life, went by, with unit and source."""
    return {
        group: {
            one.name: {"value": value, "unit": one.metadata["unit"], "source": one.metadata["source"]}
            for one, value in zip(fields(chosen), asdict(chosen).values(), strict=True)
            if one.name != SWITCH
        }
        for group, chosen in ((application, site.parameters.applications[application]), ("life", site.parameters.life))
    }


def lanes_near(roads: NetworkRoads | None, around: Sequence[Sequence[float]], room_m: float = 40.0) -> list[list[list[float]]]:
    """Middle lines (east, north) of the lanes about these places, for the drawing."""
    if roads is None:
        return []
    points, shape = np.array(around, np.float64).reshape(-1, 2), roads.network.lanes.shape
    low, high = points.min(axis=0) - room_m, points.max(axis=0) + room_m
    is_near = ((shape.points[:, :2] >= low) & (shape.points[:, :2] <= high)).all(axis=1)
    line = np.repeat(np.arange(len(shape)), np.diff(shape.start))
    return [np.round(shape[one][:, :2], 2).tolist() for one in np.unique(line[is_near]).tolist()]


def _past(site: Site, slot: int) -> Floats:
    """Where it was, the oldest first."""
    picture = site.picture
    count = int(picture.count[slot])
    place = picture.ring_places(np.array([slot]), np.arange(count)[None, :])[0]
    return np.asarray(picture.past.reshape(-1, picture.past.shape[2])[place][::-1])


def _rounded(values: Iterable[float], digits: int = 3) -> list[float | None]:
    return [number(value, digits) for value in values]


def number(value: float, digits: int = 3) -> float | None:
    """For JSON: rounded, null where there is none."""
    return round(float(value), digits) if math.isfinite(value) else None
