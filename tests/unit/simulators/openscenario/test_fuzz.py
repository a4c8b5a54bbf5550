"""Scenarios that somebody broke: imported all the same, or refused with what is wrong, never anything else."""

from __future__ import annotations

import random
from pathlib import Path
from xml.etree import ElementTree

from chelu.errors import CheluError
from simulators.scenario.openscenario.importing import Options, imported
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


def broken(rng: random.Random) -> str:
    """The scenario with a few attributes changed or gone, and elements doubled or gone."""
    root = ElementTree.fromstring(WHOLE)
    for _ in range(rng.randint(1, 3)):
        parent, one = rng.choice([(parent, one) for parent in root.iter() for one in parent])
        what = rng.random()
        if what < 0.15:
            parent.remove(one)
        elif what < 0.25:
            parent.append(one)
        elif one.attrib:
            name = rng.choice(sorted(one.attrib))
            one.attrib[name] = rng.choice(VALUES)
            if what > 0.9:
                del one.attrib[name]
    return ElementTree.tostring(root, encoding="unicode")


def test_a_scenario_that_somebody_broke_is_imported_or_refused(tmp_path: Path) -> None:
    rng, refused = random.Random(11), list[str]()
    for _ in range(150):
        path = written(tmp_path, broken(rng))
        try:
            imported(path, Options())
        except CheluError as error:
            refused.append(str(error))
    assert 50 < len(refused) < 150
    assert all("tried.xosc" in one for one in refused)
