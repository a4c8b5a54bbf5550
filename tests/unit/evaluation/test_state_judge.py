"""The judge of traffic state: what SUMO's files say as columns, and what errors come of a known difference."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evaluation.state import command, truth
from evaluation.state.drive import WARM_UP_S

EDGES = f"""<meandata>
<interval begin="0" end="60"><edge id="a" sampledSeconds="999" speed="9" entered="9" timeLoss="1"/></interval>
<interval begin="{WARM_UP_S}" end="{WARM_UP_S + 60}"><edge id="a" sampledSeconds="120" speed="10" entered="7" timeLoss="30"/>
<edge id=":inner" sampledSeconds="5" speed="3" entered="1" timeLoss="0"/></interval>
<interval begin="{WARM_UP_S + 60}" end="{WARM_UP_S + 120}"><edge id="b" sampledSeconds="60" speed="5" entered="3" timeLoss="2"/>
</interval>
</meandata>"""
LOOPS = f"""<detector>
<interval begin="{WARM_UP_S}" end="{WARM_UP_S + 60}" id="l a_0" nVehContrib="3" speed="10"/>
<interval begin="{WARM_UP_S}" end="{WARM_UP_S + 60}" id="l a_1" nVehContrib="1" speed="20"/>
<interval begin="{WARM_UP_S + 60}" end="{WARM_UP_S + 120}" id="l a_0" nVehContrib="0" speed="-1"/>
</detector>"""
AREAS = f"""<detector>
<interval begin="{WARM_UP_S + 5}" end="{WARM_UP_S + 10}" id="a a_1" meanMaxJamLengthInVehicles="2.5" maxJamLengthInVehicles="3"/>
</detector>"""
ROUTES = f"""<routes><vehicle id="v"><route edges="a b" exitTimes="{WARM_UP_S + 10} {WARM_UP_S + 90}"/></vehicle>
<vehicle id="w"><route edges="a b" exitTimes="-1 -1"/></vehicle>
<vehicle id="x"><route edges="a b" exitTimes="10 400"/></vehicle></routes>"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in (("edges", EDGES), ("loops", LOOPS), ("areas", AREAS), ("routes", ROUTES)):
        (tmp_path / f"{name}.xml").write_text(text)
    return tmp_path


def test_detectors_are_read_by_segment_and_minute_after_the_warm_up(home: Path) -> None:
    found = truth.read(home, {"a": 0, "b": 1}, {"a_0": 0, "a_1": 1}, 120)
    assert found.time_s.tolist() == [[120.0, 0.0], [0.0, 60.0]]
    assert found.way_m.tolist() == [[1200.0, 0.0], [0.0, 300.0]]
    assert found.entered.tolist() == [[7.0, 0.0], [0.0, 3.0]]
    assert found.loops.tolist() == [[4.0, 0.0], [0.0, 0.0]]
    assert found.loop_speed_mps[0, 0] == pytest.approx((3 * 10 + 20) / 4)
    assert np.isnan(found.loop_speed_mps[0, 1])
    assert (found.jam[1, 1], found.jam_most[1, 1], found.jam.sum()) == (2.5, 3.0, 2.5)
    assert found.turns == {(0, 1): 1}
    assert found.trips == {(0, 1): 2}  # of v and x; w has not arrived


def test_on_a_usual_terminal_nothing_of_the_table_is_cut() -> None:
    period = {"flow_percent": 12.3, "speed_percent": 12.3, "known_share": 1.0}
    queue = {"mean_absolute": 12.34, "within_one": 1.0, "p95": 12.5}
    one = {**{f"{s}_s": period for s in (60, 300, 900)}, "queue": queue, "turns": {"share_points": 12.3}, "share": 1.0}
    printed = io.StringIO()
    Console(file=printed, width=80).print(command._trials({"100": one}))
    assert "…" not in printed.getvalue()
    assert printed.getvalue().split()[-10:-5] == ["100", "12.3/12.3/12.3", "12.3/12.3/12.3", "100", "12.34"]
    assert printed.getvalue().split()[-5:] == ["100", "%", "12.5", "12.3", "1.000"]
