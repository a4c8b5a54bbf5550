"""Which reader a topic's JSON is for, by the topic's pattern: ingest and inference take them all the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chelu.codec import observations
from chelu.codec.openv2x import read_rsm
from chelu.codec.openv2x_rsi import read_rsi
from chelu.codec.roadside import Decoded, Reader, Reading
from chelu.codec.tits0180_events import read_events
from chelu.codec.tits0180_lamps import read_lamps
from chelu.codec.tits0180_participants import read_participants
from chelu.codec.tits0180_traffic import read_traffic
from chelu.messages import OBSERVATION, PARTICIPANT, Frames, filled


def read_observations(frames: Frames, _readings: Sequence[Reading]) -> Decoded:
    """A sensor's samples: `Reader`."""
    found = observations.read(frames)
    nobody = filled(PARTICIPANT, 0, frame=np.empty(0, np.int64))
    return Decoded(nobody, (), found.rejects, {OBSERVATION.name: found.rows})


# What the live picture, its warnings and traffic state are made of: participants, signal phases, events, what sensors measure,
# and traffic counted.
PICTURED: Mapping[str, Reader] = {
    "V2X/RSU/{id}/RSM/UP": read_rsm,
    "V2X/RSU/{id}/RSI/UP": read_rsi,
    "rscu/{id}/participant/up": read_participants,
    "rscu/{id}/lamp/up": read_lamps,
    "rscu/{id}/event/up": read_events,
    "sensor/{id}/observation/up": read_observations,
    "rscu/{id}/traffic/up": read_traffic,
}
READERS: Mapping[str, Reader] = PICTURED
# What a platform may tell a roadside computer: the same documents the other way.
TOLD: Mapping[str, Reader] = {"event": read_events, "traffic": read_traffic}
