"""Runs inference's fusion over what sensors say and holds its road users against the truth, ten times a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from evaluation.fusion.metrics import MATCHES, Frame, clear, hota, idf1
from evaluation.fusion.staging import Conditions, Stage, cut, instants_us, stage
from evaluation.models.motion.tracks import EPOCH_US, Recording
from services.inference.fusion import Twins
from services.inference.picture import Picture
from services.inference.reports import Floats, Ints
from services.inference.sightings import agility, sightings
from services.inference.site import EXPIRE_S

MATCH_M = 2.0  # centres that are further apart are not one road user
_TICK_US = 50_000
_SILENT_US = 1_000_000  # who was not heard of for so long is not told of
_SETTLE_S = 2.0
_EDGE_M = 5.0  # between what is seen and what is not nobody is counted
_FAR_M = 4.0
_DECK_M = 3.0
Tell = Callable[[float], None]
Tracks = tuple[Ints, Floats]  # ids (k,) and places (k, 3)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one way to make road users of what is said. position_m: root mean square of the matches' distances."""

    mota: float
    idf1: float
    hota: float
    deta: float
    assa: float
    switches: int
    misses: int
    surplus: int
    truth: int
    position_m: float


def judge(recording: Recording, sensors: int, *, conditions: Conditions, seed: int, tell: Tell) -> dict[str, Any]:
    """Figures of fusion, and of every source for itself, both at the same instants."""
    staged = stage(recording, sensors, conditions, seed)
    fused, alone = list[Frame](), list[Frame]()
    for at_us, picture, twins in _driven(staged, tell):
        for frames, tracks in ((fused, _fused(picture, twins, at_us)), (alone, _alone(picture, at_us))):
            frames.append(frame(staged, at_us, tracks))
    return {"sensors": sensors, "fused": asdict(_figures(fused)), "alone": asdict(_figures(alone))}


def quarter(recording: Recording, seconds: float) -> Recording:
    """That long from where traffic has filled the roads."""
    begin_s = float(np.quantile(recording.time_s, 0.3))
    return cut(recording, begin_s, begin_s + seconds)


def _driven(staged: Stage, tell: Tell) -> Iterator[tuple[int, Picture, Twins]]:
    """The picture at every instant that is judged."""
    picture, twins = Picture(), Twins()
    due = iter(instants_us(staged.recording, _SETTLE_S).tolist())
    next_us, first_us = next(due), int(staged.said.arrival_us[0])
    lasts_us = int(staged.said.arrival_us[-1]) - first_us
    for end_us, reports in staged.ticks(_TICK_US):
        while next_us is not None and next_us < end_us:
            yield next_us, picture, twins
            next_us = next(due, None)
        change = picture.update(reports)
        twins.forget(picture.expire(end_us - round(EXPIRE_S * 1e6)))
        twins.update(picture, picture.living(change.slots))
        tell((end_us - first_us) / max(lasts_us, 1))


def _fused(picture: Picture, twins: Twins, at_us: int) -> Tracks:
    live = _heard(picture, at_us)
    leads = live[twins.twin[live] < 0]
    told = twins.estimates(picture, leads).at(np.full(len(leads), at_us), agility(picture, leads))
    return twins.names(leads), np.column_stack([told.xy, picture.xyz[leads, 2]])


def _alone(picture: Picture, at_us: int) -> Tracks:
    """Each source's own road users, brought to the instant at their own speed."""
    slots = _heard(picture, at_us)
    told = sightings(picture, slots).at(np.full(len(slots), at_us), agility(picture, slots))
    ids = slots + (picture.generation[slots].astype(np.int64) << 32)
    return ids, np.column_stack([told.xy, picture.xyz[slots, 2]])


def _heard(picture: Picture, at_us: int) -> Ints:
    live = picture.live()
    return np.asarray(live[picture.ints["time_us"][live] >= at_us - _SILENT_US])


def frame(staged: Stage, at_us: int, tracks: Tracks) -> Frame:
    """Those in sight of a sensor, and the tracks that are not of somebody at the edge of it."""
    recording = staged.recording
    rows = np.flatnonzero(np.abs(recording.time_s - (at_us - EPOCH_US) / 1e6) < 1e-3)
    xyz, (ids, places) = recording.xyz[rows], tracks
    away = cdist(xyz[:, :2], staged.places).min(axis=1)
    counts = away <= staged.reach_m - _EDGE_M
    distance = cdist(places[:, :2], xyz[:, :2]) if len(places) and len(xyz) else np.zeros((len(places), len(xyz)))
    distance += np.where(np.abs(places[:, None, 2] - xyz[None, :, 2]) > _DECK_M, np.inf, 0.0)
    nearest = np.argmin(distance, axis=1) if len(xyz) else np.zeros(len(places), np.int64)
    is_near = distance.min(axis=1, initial=np.inf) <= _FAR_M
    in_sight = cdist(places[:, :2], staged.places).min(axis=1) <= staged.reach_m - _EDGE_M
    kept = np.where(is_near, counts[nearest] if len(xyz) else False, in_sight)
    similarity = np.maximum(1.0 - distance[kept][:, counts].T / (MATCH_M / MATCHES), 0.0)
    return Frame(recording.vehicle[rows][counts], ids[kept], similarity)


def _figures(frames: list[Frame]) -> Figures:
    found, measured = clear(frames), hota(frames)
    best = [frame.similarity.max(axis=1, initial=0.0) for frame in frames]
    of_matches = np.concatenate(best)
    off_m = (1.0 - of_matches[of_matches >= MATCHES]) * (MATCH_M / MATCHES)
    return Figures(
        mota=round(found.mota, 4),
        idf1=round(idf1(frames), 4),
        hota=round(measured.hota, 4),
        deta=round(measured.deta, 4),
        assa=round(measured.assa, 4),
        switches=found.switches,
        misses=found.misses,
        surplus=found.surplus,
        truth=found.truth,
        position_m=round(float(np.sqrt(np.mean(off_m**2))), 3) if len(off_m) else float("nan"),
    )
