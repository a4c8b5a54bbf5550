"""Incidents as findings: which lane, where on the earth, how grave, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.network import RoadNetwork
from services.inference.city.findings import Finding
from services.inference.city.incidents.lanes import LaneSpots
from services.inference.city.incidents.parameters import IncidentParameters
from services.inference.city.incidents.watch import Incident, IncidentWatch, Kind, Tracks
from services.inference.city.state.sightings import Sightings

GRAVITY: Mapping[Kind, tuple[str, str]] = {
    Kind.STOPPED: ("major", "a vehicle stands on"),
    Kind.WRONG_WAY: ("critical", "a vehicle drives the wrong way on"),
    Kind.QUEUE: ("warning", "a queue has formed on"),
    Kind.DEBRIS: ("major", "vehicles avoid a place on"),
}


class IncidentFinder:
    """Of one site and its roads. Owned by one thread; time is the site's event time."""

    def __init__(self, site_id: str, network: RoadNetwork, frame: LocalFrame, parameters: IncidentParameters) -> None:
        self._site_id, self._frame, self._lane_id = site_id, frame, network.lanes.id
        self._spots = LaneSpots(network)
        self._watch = IncidentWatch(self._spots, parameters)

    def step(self, seen: Sightings, now_us: int) -> list[Finding]:
        """What began and what is over, from where all motor vehicles are now."""
        tracks = Tracks(seen.slot, seen.generation, seen.xyz, seen.speed_mps)
        return [self._told(one) for one in self._watch.update(tracks, now_us)]

    def nobody(self, now_us: int) -> list[Finding]:
        """What is over, now that nobody is there."""
        none = np.empty(0, np.int64)
        return [self._told(one) for one in self._watch.update(Tracks(none, none, np.empty((0, 3)), np.empty(0)), now_us)]

    def _told(self, incident: Incident) -> Finding:
        of = incident.finding
        severity, says = GRAVITY[of.kind]
        lane = str(self._lane_id[of.lane])
        found = Finding(
            site_id=self._site_id,
            finding_id="/".join(map(str, (self._site_id, of.kind, *of.key[1:], incident.raised_us))),
            kind=of.kind,
            severity=severity,
            since_us=of.since_us,
            place=_geodetic(self._frame, self._spots.at(of.lane, of.along_m)),
            spot=lane,
            text=f"{says} {lane}, {of.along_m:.0f} m along",
            detail={"along_m": round(of.along_m, 1), "vehicles": max(len(of.tracks), 1), "raised_us": incident.raised_us},
        )
        return found.over(over_us=incident.over_us) if incident.over_us else found


def _geodetic(frame: LocalFrame, point: Sequence[float]) -> tuple[float, float, float]:
    latitude, longitude, elevation = (float(one[0]) for one in frame.to_geodetic(np.array([point], np.float64)))
    return round(latitude, 7), round(longitude, 7), round(elevation, 1)
