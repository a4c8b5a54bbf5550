"""Follows a site's live picture over MQTT, as a console would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.bus import Session
from chelu.clock import Clock
from chelu.codec import columns
from chelu.messages import Batch
from chelu.topics import PICTURE

PEDESTRIAN = 3  # ParticipantType of YD/T 3709
NOTHING = np.empty((0, 2))
BACKLOG = 64

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Positions (n, 2) in local metres: who is there, and who is being warned."""

    vehicles: Points
    pedestrians: Points
    warned: Points


class PictureWatch:
    """One site's picture; for one thread. A picture that is not newer costs nothing."""

    def __init__(self, url: str, site: str, clock: Clock) -> None:
        self._session = Session(url, client_id="console", clock=clock, subscriptions=[PICTURE.format(site=site)])
        self._session.start()
        self._seen = Seen(NOTHING, NOTHING, NOTHING)

    def latest(self) -> Seen:
        """The newest picture that has arrived; empty before the first."""
        newest = None
        while received := self._session.drain(BACKLOG, 0.0):
            newest = received[-1]
        if newest is not None:
            batch, _ = columns.unpack(newest.payload)
            self._seen = seen(batch)
        return self._seen

    def close(self) -> None:
        """End the session."""
        self._session.stop()


def seen(participants: Batch) -> Seen:
    """The picture's columns (docs/formats/columns.md) as points; a road user seen twice shows once."""
    place = np.stack([participants["east_m"], participants["north_m"]], axis=1).astype(np.float64)
    on_foot = participants["participant_type"] == PEDESTRIAN
    return Seen(place[~on_foot], place[on_foot], place[participants["level"] > 0])
