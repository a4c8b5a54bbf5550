"""Scenarios that somebody broke: imported all the same, or refused with what is wrong, never anything else."""

from __future__ import annotations

import random
from pathlib import Path

from chelu.errors import CheluError
from simulators.scenario.openscenario.importing import Options, imported
from tests.broken_xml import broken
from tests.unit.simulators.openscenario.files import (
    EGO,
    OTHER,
    after,
    by_entity,
    by_value,
    event,
    lane_change,
    scenario,
    speed,
    story,
    written,
)

VALUES = (
    "",
    "x",
    "-1",
    "0",
    "1e400",
    "nan",
    "99",
    "-0.5",
    "true",
    "Ego",
    "Other",
    "$p",
    "${1/0}",
    "${$p*2}",
    "step",
    "rate",
    "any",
)
NEAR = (
    '<RelativeDistanceCondition entityRef="Other" relativeDistanceType="longitudinal" freespace="true" value="30" '
    'rule="lessThan"/>'
)
STATE = '<StoryboardElementStateCondition storyboardElementType="action" storyboardElementRef="InAction" state="completeState"/>'
WHOLE = scenario(
    init=EGO + OTHER,
    parameters='<ParameterDeclaration name="p" parameterType="double" value="2"/>',
    stories=story(
        "Other",
        event("In", lane_change('<RelativeTargetLane entityRef="Ego" value="0"/>'), by_entity("Ego", NEAR)),
        event(
            "Brake", speed("${$p * 2}", 'dynamicsShape="linear" dynamicsDimension="rate" value="2"'), by_value(STATE), after(1)
        ),
    ),
)


def test_a_scenario_that_somebody_broke_is_imported_or_refused(tmp_path: Path) -> None:
    rng, refused = random.Random(11), list[str]()
    for _ in range(150):
        path = written(tmp_path, broken(WHOLE, rng, VALUES, 3).decode())
        try:
            imported(path, Options())
        except CheluError as error:
            refused.append(str(error))
    assert 50 < len(refused) < 150
    assert all("tried.xosc" in one for one in refused)
