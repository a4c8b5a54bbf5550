"""Who drives and walks in the district, from a seed: trips between its edges, by class, in order of departure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

REACTION_S = 1.0  # see `Kind`


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of vehicles: share of the demand, size in metres, and how it drives: Krauss's model of 1998, as he wrote it.

    Who must stop begins to brake when a second's way and an even braking with `decel_mps2` are left, for lights and for queues.
    So do drivers who stop for a light: a second until they brake, and 3.07 m/s² on average (NCHRP project 03-95, 2,458 of them;
    ITE reckons with 1 s and 10 ft/s²). SUMO's own variant of the model begins a second later and brakes with 4.5 m/s².
    Whoever is surprised, by a yellow light or by somebody who pulls in, brakes with up to `hardest_mps2`.
    """

    vclass: str
    share: float
    length_m: float
    width_m: float
    height_m: float
    accel_mps2: float = 2.6
    decel_mps2: float = 3.0
    hardest_mps2: float = 4.5
    max_speed_mps: float = 33.0


KINDS: Mapping[str, Kind] = {
    "car": Kind("passenger", 0.58, 4.6, 1.80, 1.50),
    "suv": Kind("passenger", 0.20, 4.9, 1.95, 1.75, 2.4),
    "van": Kind("delivery", 0.08, 5.9, 2.05, 2.50, 2.0, max_speed_mps=28.0),
    "truck": Kind("truck", 0.08, 9.0, 2.50, 3.40, 1.3, 2.7, 4.0, 22.0),
    "bus": Kind("bus", 0.06, 12.0, 2.55, 3.20, 1.2, 2.7, 4.0, 22.0),
}
PEDESTRIAN = Kind("pedestrian", 1.0, 0.30, 0.50, 1.70, 1.5, 2.0, 2.0, 1.39)

# (from edge, to edge): vehicles per hour
EXPRESSWAY_FLOWS = {
    ("riverside_e1", "riverside_e8"): 1150,
    ("riverside_w1", "riverside_w9"): 1150,
    ("gorge_n1", "gorge_n6"): 1350,
    ("gorge_s1", "gorge_s6"): 1350,
    ("gorge_n1", "riverside_e8"): 220,
    ("gorge_s1", "riverside_w9"): 220,
    ("riverside_e1", "camellia_1s"): 90,
    ("riverside_e1", "camellia_6n"): 90,
    ("riverside_w1", "camellia_1s"): 90,
    ("riverside_w1", "camellia_6n"): 90,
    ("camellia_1n", "riverside_e8"): 90,
    ("camellia_1n", "riverside_w9"): 90,
    ("camellia_6s", "riverside_e8"): 90,
    ("camellia_6s", "riverside_w9"): 90,
}
# streets at the district's border, inward and outward, with their weights
GATES = {
    "ferry_1": ("ferry_1e", "ferry_1w", 1.0),
    "ferry_6": ("ferry_6w", "ferry_6e", 1.0),
    "lantern_1": ("lantern_1e", "lantern_1w", 2.0),
    "lantern_6": ("lantern_6w", "lantern_6e", 2.0),
    "terrace_1": ("terrace_1e", "terrace_1w", 2.0),
    "terrace_6": ("terrace_6w", "terrace_6e", 2.0),
    "ridge_1": ("ridge_1e", "ridge_1w", 1.0),
    "ridge_6": ("ridge_6w", "ridge_6e", 1.0),
    "river": ("camellia_1n", "camellia_1s", 1.6),
    "hill": ("camellia_7s", "camellia_7n", 1.6),
}
STREET_FLOW = 2900.0
WALKERS_PER_HOUR = 1200.0
WALKS = (
    ("lantern_3e", "lantern_4w"),
    ("lantern_3w", "camellia_2s"),
    ("terrace_3e", "terrace_4e"),
    ("terrace_4w", "camellia_5s"),
    ("camellia_2n", "lantern_4e"),
    ("camellia_6s", "terrace_3w"),
    ("ferry_3e", "camellia_1s"),
    ("ridge_3e", "ridge_4e"),
    ("camellia_3n", "camellia_3s"),
    ("camellia_4n", "camellia_5n"),
    ("lantern_1e", "bamboo_2n"),
    ("terrace_5e", "ginkgo_3n"),
)


def trips(seed: int, duration_s: float, *, scale: float = 1.0) -> str:
    """Trips and persons as SUMO reads them, in order of departure; the same seed gives the same text."""
    random = np.random.default_rng(seed)
    flows = {**EXPRESSWAY_FLOWS, **_street_flows()}
    rows = [(depart, "vehicle", pair) for pair, rate in flows.items() for depart in _departures(random, rate * scale, duration_s)]
    for pair in WALKS:
        rows += [(depart, "person", pair) for depart in _departures(random, WALKERS_PER_HOUR / len(WALKS), duration_s)]
    rows.sort(key=lambda row: row[0])
    lines = [_vtype(name, kind) for name, kind in KINDS.items()] + [_vtype("walker", PEDESTRIAN)]
    for index, (depart, what, pair) in enumerate(rows):
        lines.append(_trip(random, index, depart, pair) if what == "vehicle" else _walk(random, index, depart, pair))
    return "\n".join(["<routes>", *lines, "</routes>", ""])


def _street_flows() -> dict[tuple[str, str], float]:
    """A gravity of gates: each pair by the product of its weights, between different streets."""
    pairs = {
        (inward, outward): weight * other_weight
        for gate, (inward, _, weight) in GATES.items()
        for other, (_, outward, other_weight) in GATES.items()
        if gate != other
    }
    total = sum(pairs.values())
    return {pair: STREET_FLOW * weight / total for pair, weight in pairs.items()}


def _departures(random: np.random.Generator, per_hour: float, duration_s: float) -> Sequence[float]:
    """A Poisson stream's instants, to 10 ms."""
    count = int(random.poisson(per_hour * duration_s / 3600.0))
    return [round(float(at), 2) for at in np.sort(random.uniform(0.0, duration_s, count))]


def _vtype(name: str, kind: Kind) -> str:
    size = f'vClass="{kind.vclass}" length="{kind.length_m}" width="{kind.width_m}" height="{kind.height_m}"'
    if kind is PEDESTRIAN:
        return f'  <vType id="{name}" {size} desiredMaxSpeed="{kind.max_speed_mps}" speedFactor="normc(1,0.12,0.7,1.3)"/>'
    brake = f'carFollowModel="KraussOrig1" tau="{REACTION_S:g}" decel="{kind.decel_mps2}" emergencyDecel="{kind.hardest_mps2}"'
    drive = f'accel="{kind.accel_mps2}" maxSpeed="{kind.max_speed_mps}" sigma="0.3" sigmaStep="1" {brake}'
    # sideways at most a tenth of the way ahead: a body cannot shift sideways on the spot, as SUMO would let it
    change = 'lcMaxSpeedLatStanding="0" lcMaxSpeedLatFactor="0.1" minGap="2.0"'
    return f'  <vType id="{name}" {size} {drive} {change} speedFactor="normc(0.98,0.08,0.8,1.15)"/>'


def _trip(random: np.random.Generator, index: int, depart: float, pair: tuple[str, str]) -> str:
    name = str(random.choice(list(KINDS), p=[kind.share for kind in KINDS.values()]))
    if pair[0].partition("_")[0] != pair[1].partition("_")[0]:
        name = {"bus": "car", "truck": "van"}.get(name, name)  # SUMO's lanes are too tight for long vehicles to turn in
    return (
        f'  <trip id="{name}{index}" type="{name}" depart="{depart:.2f}" from="{pair[0]}" to="{pair[1]}" '
        'departLane="best" departSpeed="desired" departPos="base"/>'
    )


def _walk(random: np.random.Generator, index: int, depart: float, pair: tuple[str, str]) -> str:
    start, stop = random.uniform(-60.0, -5.0), random.uniform(5.0, 60.0)
    return (
        f'  <person id="walker{index}" type="walker" depart="{depart:.2f}" departPos="{start:.1f}">'
        f'<walk from="{pair[0]}" to="{pair[1]}" arrivalPos="{stop:.1f}"/></person>'
    )
