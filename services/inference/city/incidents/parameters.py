"""What counts as an incident."""

from __future__ import annotations

from dataclasses import dataclass

from services.inference.parameters import parameter


@dataclass(frozen=True, slots=True)
class IncidentParameters:
    """Of one site; docs/city/incidents.md carries this as a table."""

    stands_mps: float = parameter(1.0, "m/s", "slower is standing: noise of places and speeds is below", low=0.1, high=5.0)
    stopped_s: float = parameter(20.0, "s", "standing so long where no queue explains it", low=2.0, high=600.0)
    queue_reach_m: float = parameter(150.0, "m", "so far before the end of a lane that is not free queues are usual", high=1000.0)
    red_s: float = parameter(150.0, "s", "in a queue: longer than a cycle and what its end takes", low=10.0, high=900.0)
    follows_m: float = parameter(30.0, "m", "who stands so close behind another stands because of it", low=5.0, high=200.0)
    in_lane_m: float = parameter(1.6, "m", "further from the lane's middle is a bay or the hard shoulder", low=0.5, high=5.0)
    wrong_s: float = parameter(3.0, "s", "against the direction for so long, and over 15 m", low=1.0, high=30.0)
    queue_vehicles: float = parameter(
        3.0, "veh", "that stand one behind the other where queues are not usual", low=2.0, high=50.0
    )
    queue_s: float = parameter(10.0, "s", "each for so long", low=2.0, high=300.0)
    avoided_by: float = parameter(4.0, "veh", "that left a lane before one place, one after the other", low=2.0, high=50.0)
    avoided_chance: float = parameter(
        1e-5, "1", "that so many leave one after the other, by how many usually do there, is less likely", high=0.1
    )
    avoided_s: float = parameter(240.0, "s", "within so long", low=10.0, high=3600.0)
    over_s: float = parameter(20.0, "s", "an incident that is not seen so long is over", low=2.0, high=600.0)
