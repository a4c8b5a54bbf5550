"""Networks made at random for the tests of formats: roads around a junction with lights, with heights, in SUMO's words."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from chelu.roads import sumo
from chelu.roads.network import RoadNetwork


def star(arms: list[tuple[float, int, int, float]], *, groups: int, limit_mps: float = 13.9, width_m: float = 3.5) -> str:
    """One junction; arms: direction in degrees, lanes in, lanes out, rise of the road in metres.

    Every lane in leads to every other arm's first lane out; groups: of its signal, taken in turn, 0 for no signal.
    """
    parts, ways, names = [], [], []
    for number, (degrees, into, out, rise) in enumerate(arms):
        east, north = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        names.append(f"end{number}")
        parts.append(
            f'<junction id="end{number}" type="dead_end" x="{east * 200:.2f}" y="{north * 200:.2f}" z="{rise:.2f}" shape=""/>'
        )
        for way, count in (("in", into), ("out", out)):
            ends = (f"end{number}", "mid") if way == "in" else ("mid", f"end{number}")
            lanes = "".join(
                _lane(f"{way}{number}", index, count, (east, north), rise, limit_mps, width_m) for index in range(count)
            )
            parts.append(f'<edge id="{way}{number}" from="{ends[0]}" to="{ends[1]}" priority="-1">{lanes}</edge>')
        ways += [
            (f"in{number}", lane, f"out{other}")
            for lane in range(into)
            for other, arm in enumerate(arms)
            if other != number and arm[2]
        ]
    held = [f'tl="mid" linkIndex="{row % groups}"' if groups else "" for row in range(len(ways))]
    links = [
        f'<connection from="{begin}" to="{end}" fromLane="{lane}" toLane="0" dir="{"slrt"[row % 4]}" {tl}/>'
        for row, ((begin, lane, end), tl) in enumerate(zip(ways, held, strict=True))
    ]
    light = f'<tlLogic id="mid" type="static" programID="0" offset="0"><phase duration="30" state="{"G" * groups}"/></tlLogic>'
    kind = "traffic_light" if groups else "priority"
    middle = f'<junction id="mid" type="{kind}" x="0.00" y="0.00" z="0.00" shape=""/>'
    return f"<net>{''.join(parts)}{light if groups else ''}{middle}{''.join(links)}</net>"


def _lane(edge: str, index: int, count: int, arm: tuple[float, float], rise: float, limit: float, width: float) -> str:
    """To the right of the arm's middle, seen in the direction of travel; index 0 is the rightmost."""
    east, north = arm
    is_in = edge.startswith("in")
    aside = (count - index - 0.5) * width * (-1.0 if is_in else 1.0)
    points = [(10.0, 0.05), (90.0, 0.4), (200.0, 1.0)]
    line = [(east * d + north * aside, north * d - east * aside, rise * share) for d, share in points]
    shape = " ".join(f"{x:.3f},{y:.3f},{z:.3f}" for x, y, z in (line[::-1] if is_in else line))
    who = 'disallow="pedestrian tram rail rail_urban rail_electric rail_fast subway"'
    return f'<lane id="{edge}_{index}" index="{index}" speed="{limit}" length="190" width="{width}" {who} shape="{shape}"/>'


@st.composite
def networks(draw: st.DrawFn) -> RoadNetwork:
    """A junction with 2 to 6 arms, at least 40° apart."""
    count = draw(st.integers(2, 6))
    arms = [
        (
            draw(st.floats(-8.0, 8.0)) + 360.0 * number / count,
            draw(st.integers(0 if number else 1, 3)),
            draw(st.integers(1, 3)),
            draw(st.floats(-15.0, 15.0)),
        )
        for number in range(count)
    ]
    limit, width = draw(st.sampled_from([8.34, 13.9, 22.22])), draw(st.sampled_from([2.8, 3.25, 3.5]))
    return sumo.read(star(arms, groups=draw(st.integers(0, 12)), limit_mps=limit, width_m=width).encode())
