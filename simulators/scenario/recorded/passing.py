"""Background traffic in the evidence of a run: who was in its places when, so that a contact with it is found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chelu.messages import Batch
from simulators.scenario.description import Description
from simulators.scenario.trace import Actor, Floats
from simulators.scenario.traffic.crowd import places_of

COLUMNS = ("x_m", "y_m", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2")
GAP = 1.5  # of its samples' own distance in time: over more than that nobody was in a place


def recorded_places(description: Description, recordings: Sequence[Batch]) -> tuple[Actor, ...]:
    """The places of a scenario's traffic that are in any of the recordings (samples: of `rows.SAMPLE`)."""
    if description.traffic is None:
        return ()
    said = set().union(*(np.unique(samples["actor"]).tolist() for samples in recordings)) - set(description.actors)
    return tuple(one for one in places_of(description.traffic) if one.name in said)


def resampled(samples: Batch, place: Actor, instants: Floats) -> Mapping[str, Floats]:
    """By `COLUMNS` (t,): the samples of a place at these instants, straight between two; NaN while nobody is in it."""
    own = samples.take(np.asarray(samples["actor"] == place.name))
    time_s, first = np.unique(own["time_s"], return_index=True)
    if len(time_s) < 2:
        return {name: np.full(len(instants), np.nan) for name in COLUMNS}
    own = own.take(first)
    after = np.clip(np.searchsorted(time_s, instants - 1e-9), 1, len(time_s) - 1)
    is_there = (instants >= time_s[0] - 1e-9) & (instants <= time_s[-1] + 1e-9)
    is_there &= (np.diff(time_s)[after - 1] <= GAP * np.median(np.diff(time_s))) | (np.abs(time_s[after] - instants) < 1e-6)
    turned = own.with_columns(heading_deg=np.unwrap(np.asarray(own["heading_deg"]), period=360.0))
    found = {name: np.where(is_there, np.interp(instants, time_s, turned[name]), np.nan) for name in COLUMNS}
    return {**found, "heading_deg": np.mod(found["heading_deg"], 360.0)}
