"""The judge of traffic state: what SUMO's files say as columns, and what errors come of a known difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.state import truth
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
