"""Where the road points, where it lies, which side one drives on and what time it is leave every verdict unchanged."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.inference.v2x.catalogue import APPLICATIONS
from tests.unit.inference import scenes, staged
from tests.unit.inference.scenes import drive, parties, raised

LASTS_S = 4.0
SCENES, RULES = staged.scenes(), staged.rules()
places = st.floats(-5000, 5000)
few = settings(deadline=None, max_examples=2, derandomize=True)


def _verdict(cars, later_us=0):
    """Who is warned of whom by what, and when."""
    epoch = scenes.EPOCH_US
    try:
        scenes.EPOCH_US = epoch + later_us
        found = raised(drive(cars, LASTS_S))
    finally:
        scenes.EPOCH_US = epoch
    return {(one.application, parties(one)[0], parties(one)[1] or staged.OTHER): t for t, one in found}


@cache
def _plain(name):
    return _verdict(SCENES[name])


def _same(found, plain) -> None:
    assert set(found) == set(plain)
    assert all(abs(found[key] - plain[key]) <= 0.11 for key in plain)  # a rounding may cost one message


@pytest.mark.parametrize("name", SCENES)
def test_the_scene_of_each_application_is_warned_of_by_it(name) -> None:
    assert (name, staged.HOST, staged.OTHER) in _plain(name)


def test_every_application_has_a_scene_of_its_own() -> None:
    assert sorted([*SCENES, *RULES]) == sorted(one.name for one in APPLICATIONS)


@pytest.mark.parametrize("name", SCENES)
@few
@given(by_deg=st.floats(0, 360))
def test_turning_the_world_changes_no_verdict(name, by_deg) -> None:
    _same(_verdict(staged.turned(SCENES[name], by_deg)), _plain(name))


@pytest.mark.parametrize("name", SCENES)
@few
@given(east=places, north=places, up=st.floats(-50, 900))
def test_moving_the_world_changes_no_verdict(name, east, north, up) -> None:
    _same(_verdict(staged.moved(SCENES[name], east, north, up)), _plain(name))


@pytest.mark.parametrize("name", SCENES)
def test_driving_on_the_other_side_changes_no_verdict(name) -> None:
    _same(_verdict(staged.mirrored(SCENES[name])), _plain(name))


@pytest.mark.parametrize("name", SCENES)
@few
@given(later_us=st.integers(0, 10**12))
def test_the_time_of_day_changes_no_verdict(name, later_us) -> None:
    _same(_verdict(SCENES[name], later_us), _plain(name))


@pytest.mark.parametrize("name", SCENES)
def test_one_deck_above_the_other_nobody_is_warned(name) -> None:
    host, *others = SCENES[name]
    above = [replace(one, start=(*one.start[:2], 7.0)) for one in others]
    assert _verdict([host, *above]).keys() & {(name, staged.HOST, staged.OTHER)} == set()


def _ruled(name, cars=None, later_us=0, **moved):
    """Which applications tell the host of what, and when; roads and roadside are moved, cars are given."""
    rule, move, epoch = RULES[name], staged.mover(**moved), scenes.EPOCH_US
    try:
        scenes.EPOCH_US = epoch + later_us
        found = raised(drive(cars or rule.cars, LASTS_S, rule.where(move), tell=rule.tell(move)))
    finally:
        scenes.EPOCH_US = epoch
    return {(one.application, parties(one)[0], one.subject.kind if one.subject else ""): t for t, one in found}


@cache
def _plainly(name):
    return _ruled(name)


@pytest.mark.parametrize("name", RULES)
def test_the_scene_of_each_rule_is_told_of_by_it(name) -> None:
    assert [key[:2] for key in _plainly(name)].count((name, staged.HOST)) == 1


@pytest.mark.parametrize("by_deg", [37.0, 181.0, 271.5])
@pytest.mark.parametrize("name", RULES)
def test_turning_the_world_changes_no_ruling(name, by_deg) -> None:
    _same(_ruled(name, staged.turned(RULES[name].cars, by_deg), by_deg=by_deg), _plainly(name))


@pytest.mark.parametrize("name", RULES)
@few
@given(east=places, north=places, up=st.floats(-50, 900))
def test_moving_the_world_changes_no_ruling(name, east, north, up) -> None:
    _same(_ruled(name, staged.moved(RULES[name].cars, east, north, up), to=(east, north, up)), _plainly(name))


@pytest.mark.parametrize("name", RULES)
def test_driving_on_the_other_side_changes_no_ruling(name) -> None:
    _same(_ruled(name, staged.mirrored(RULES[name].cars), is_mirrored=True), _plainly(name))


@pytest.mark.parametrize("name", RULES)
@few
@given(later_us=st.integers(0, 10**12))
def test_the_time_of_day_changes_no_ruling(name, later_us) -> None:
    _same(_ruled(name, later_us=later_us), _plainly(name))


@pytest.mark.parametrize("name", RULES)
def test_one_deck_above_nobody_is_told_what_holds_below(name) -> None:
    above = staged.moved(RULES[name].cars, 0, 0, 40)
    assert _ruled(name, above) == {}
