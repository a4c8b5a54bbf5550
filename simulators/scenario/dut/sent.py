"""What a roadside unit sent of road users and lights, held against where everybody was and what the signals showed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x
from chelu.codec.cv2x_spec import KINDS
from chelu.geo import LocalFrame
from chelu.messages import Batch, Frames, frames_of
from simulators.scenario.trace import Floats, Ints, Trace

Mask = npt.NDArray[np.bool_]

MATCHED_M = 5.0  # who is said to be farther from everybody is nobody
NEWEST_S = 1.0  # what was said longer ago says nothing of where somebody is
TICK_S = 0.1
SPREAD = 95.0  # percentile of errors and latencies: a single one is no finding
MEASURES = (
    "rsm_rate_hz",
    "spat_rate_hz",
    "map_rate_hz",
    "rsi_rate_hz",
    "unit_latency_s",
    "participant_error_m",
    "missed_participants",
    "ghost_participants",
    "wrong_lights",
)


@dataclass(frozen=True)
class Heard:
    """Frames, when the rig had each, and the run's beginning, µs UTC."""

    payloads: Sequence[bytes]
    arrival_us: Sequence[int]
    anchor_us: int

    @cached_property
    def frames(self) -> Frames:
        """All of them, each with its arrival for a reference."""
        return frames_of(self.payloads, np.array(self.arrival_us, np.int64))

    @cached_property
    def decoded(self) -> cv2x.Decoded:
        """What they say."""
        return cv2x.decode(self.frames)


@dataclass(frozen=True, slots=True)
class Rows:
    """What was said of participants (k,): whom the nearest actor is (−1: nobody near), how far off, event and arrival times."""

    actor: Ints
    off_m: Floats
    number: Ints
    event_s: Floats
    arrival_s: Floats


def measured(heard: Heard, trace: Trace, seen: Mask, frame: LocalFrame) -> dict[str, float]:
    """Of one run, by metric. seen (t, a): who was in the unit's area."""
    decoded, kind = heard.decoded, cv2x.kinds(heard.frames)
    arrival_s = (np.array(heard.arrival_us, np.int64) - heard.anchor_us) / 1e6
    lasted_s = max(float(trace.last[0]) * trace.step_s, trace.step_s)
    rows = _rows(decoded.participant, arrival_s, heard.anchor_us, trace, frame)
    is_matched = rows.actor >= 0
    own = is_matched & (rows.off_m <= MATCHED_M)
    found = {
        f"{name}_rate_hz": float(np.count_nonzero(kind == KINDS.index(name))) / lasted_s for name in ("rsm", "spat", "map", "rsi")
    }
    return {
        **found,
        "unit_latency_s": _spread(
            np.concatenate([rows.arrival_s - rows.event_s, _delays(decoded.spat, arrival_s, heard.anchor_us)])
        ),
        "participant_error_m": _spread(rows.off_m[own]),
        "missed_participants": _missed(rows, own, trace, seen),
        "ghost_participants": float(len(np.unique(rows.number[~own]))),
        "wrong_lights": _wrong_lights(decoded.spat, heard.anchor_us, trace),
        "unreadable_messages": float(len(decoded.rejects.index)),
    }


def _rows(said: Batch, arrival_s: Floats, anchor_us: int, trace: Trace, frame: LocalFrame) -> Rows:
    """Everybody's nearest actor at the instant of which the unit speaks."""
    place = frame.to_local(said["latitude_deg"], said["longitude_deg"], said["elevation_m"])[:, :2]
    event_s = (said["time_us"] - anchor_us) / 1e6
    at = np.stack(
        [[np.interp(event_s, trace.time_s, trace.xy[:, 0, a, axis]) for axis in (0, 1)] for a in range(len(trace.actors))]
    )
    off_m = np.hypot(*(place.T[:, None] - at.transpose(1, 0, 2))) if len(said) else np.zeros((len(trace.actors), 0))
    off_m = np.where(np.isnan(off_m), np.inf, off_m)  # of the traffic who is not there
    nearest = np.argmin(off_m, axis=0) if len(said) else np.zeros(0, np.int64)
    return Rows(
        actor=nearest.astype(np.int64),
        off_m=off_m[nearest, np.arange(len(said))],
        number=said["participant_id"].astype(np.int64),
        event_s=event_s,
        arrival_s=arrival_s[said["frame"]],
    )


def _missed(rows: Rows, own: Mask, trace: Trace, seen: Mask) -> float:
    """Of all tenths of a second during which somebody has been in the area for a second: of which the unit had said nothing."""
    missed = asked = 0
    for tick_s in np.arange(NEWEST_S, float(trace.last[0]) * trace.step_s, TICK_S).tolist():
        now, then = (min(round(at_s / trace.step_s), trace.instants - 1) for at_s in (tick_s, tick_s - NEWEST_S))
        fresh = own & (rows.arrival_s <= tick_s) & (rows.event_s > tick_s - NEWEST_S)
        there: Mask = np.asarray(seen[then : now + 1].all(axis=0))
        asked += int(np.count_nonzero(there))
        missed += int((there & ~np.isin(np.arange(len(there)), rows.actor[fresh])).sum())
    return missed / asked if asked else float("nan")


def _delays(said: Batch, arrival_s: Floats, anchor_us: int) -> Floats:
    return np.asarray(arrival_s[said["frame"]] - (said["time_us"] - anchor_us) / 1e6)


def _wrong_lights(said: Batch, anchor_us: int, trace: Trace) -> float:
    """The share of phases that say another light than the signal showed then, or within a tick of then."""
    names = sorted(trace.lights)
    wrong = []
    for intersection, light, time_us in zip(
        said["intersection_id"].tolist(), said["light"].tolist(), said["time_us"].tolist(), strict=True
    ):
        if not 1 <= intersection <= len(names):
            wrong.append(True)
            continue
        shown, at_s = trace.lights[names[intersection - 1]][:, 0], (time_us - anchor_us) / 1e6
        low, high = (int(np.clip(round(one / trace.step_s), 0, len(shown) - 1)) for one in (at_s - TICK_S, at_s + TICK_S))
        wrong.append(light not in shown[low : high + 1])
    return float(np.mean(wrong)) if wrong else float("nan")


def _spread(values: Floats) -> float:
    return float(np.percentile(values, SPREAD)) if len(values) else float("nan")
