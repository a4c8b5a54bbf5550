"""Which parameters a site goes by: file and register together, changed while it runs, and refused where they cannot be used."""

from __future__ import annotations

import pytest

from chelu.errors import ConfigurationError
from services.inference.chosen import Choices, chosen
from services.inference.register import SiteValues
from services.inference.site import Site, site_parameters
from services.inference.v2x.catalogue import APPLICATIONS
from tests.unit.inference.rsis import P as EVENTS
from tests.unit.inference.rsis import event, near, path, rsi, table
from tests.unit.inference.scenes import Car, drive, raised, site

FILES: dict[str, dict[str, dict[str, float]]] = {
    "north": {"fcw": {"warn_mps2": 4.0, "hold_share": 0.6}, "flood": {"tells_roads": 0}, "state": {}, "coop_sessions": {}}
}


def test_the_register_goes_before_the_file_and_the_file_before_the_default() -> None:
    found = chosen("north", FILES, SiteValues(3, {"fcw": {"warn_mps2": 5.0}}))
    fcw = found.parameters.applications["fcw"]
    assert (fcw.warn_mps2, fcw.hold_share, fcw.imminent_mps2) == (5.0, 0.6, 6.5)
    assert found.told().differing == {"fcw": {"warn_mps2": 5.0, "hold_share": 0.6}}
    assert (found.version, found.refused) == (3, "")


def test_a_file_that_is_wrong_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="parameters_file, site north: warn_mps2 = 99 is not allowed"):
        chosen("north", {"north": {"fcw": {"warn_mps2": 99}}}, SiteValues())


def test_what_cannot_be_used_is_refused_with_its_reason_and_the_former_stays() -> None:
    choices = Choices({})
    assert choices.take("north", SiteValues(1, {"fcw": {"warn_mps2": 5.0}}))
    assert not choices.take("north", SiteValues(1, {"fcw": {"warn_mps2": 5.0}}))
    for version, own in enumerate(({"fcw": {"warn_mps2": 99.0}}, {"fcw": {"of_tomorrow": 1.0}}, {"new": {"x": 1.0}}), 2):
        assert choices.take("north", SiteValues(version, own))
        assert choices.of("north").parameters.applications["fcw"].warn_mps2 == 5.0
        assert choices.goes_by("north").version == 1
        assert choices.goes_by("north").refused.startswith(f"version {version} of site north's parameters: ")
    assert choices.take("north", SiteValues(5, {}))
    assert (choices.goes_by("north").version, choices.goes_by("north").refused) == (5, "")
    assert choices.of("north").parameters.applications["fcw"].warn_mps2 == 4.8


def test_what_is_wrong_when_inference_begins_leaves_the_defaults() -> None:
    choices = Choices(FILES)
    choices.take("north", SiteValues(7, {"fcw": {"warn_mps2": -1.0}}))
    told = choices.goes_by("north")
    assert (told.version, told.differing) == (0, {"fcw": {"warn_mps2": 4.0, "hold_share": 0.6}})
    assert "warn_mps2 = -1.0 is not allowed: a number from 0.0 to 12.0" in told.refused


CROSSING = [Car(1, (0, -56, 0), 0, 14), Car(2, (-56, 0, 0), 90, 14)]
OFF_S, ON_S = 2.0, 2.8  # they meet after four seconds


def test_a_site_goes_by_new_parameters_from_the_next_evaluation_on_and_keeps_what_it_knows() -> None:
    place, slots = site(), dict[float, list[int]]()

    def tell(where: Site, t: float, now_us: int) -> None:
        slots[t] = where.picture.live().tolist()
        if t == pytest.approx(OFF_S):
            where.use(site_parameters({"icw": {"is_on": 0}}, where="here"))
        if t == pytest.approx(ON_S):
            where.use(site_parameters({}, where="here"))

    changes = drive(CROSSING, 3.6, place, tell=tell)
    before, meanwhile, after = (
        [one for one in changes if since <= one[0] < until - 0.01]
        for since, until in ((0, OFF_S), (OFF_S - 0.01, ON_S), (ON_S - 0.01, 9))
    )
    assert len(raised(before, "icw")) == 2
    assert [one.state for _, one in meanwhile] == ["cleared", "cleared"]
    assert len(raised(after, "icw")) == 2
    assert slots[max(slots)] == slots[OFF_S]


def test_a_warnings_life_goes_on_by_new_parameters() -> None:
    place = site()
    assert raised(drive(CROSSING, OFF_S, place), "icw")
    place.use(site_parameters({"life": {"update_s": 5.0}}, where="here"))
    later = drive(CROSSING, 0.9, place, start=OFF_S)
    assert not [one for _, one in later if one.level == 1]


def test_every_application_can_be_switched_off_while_the_site_runs() -> None:
    place = site()
    place.use(site_parameters({one.name: {"is_on": 0} for one in APPLICATIONS}, where="here"))
    assert place.needs() == {}
    assert drive(CROSSING, 2.0, place) == []


def test_events_that_are_known_are_placed_anew() -> None:
    events = table(rsi(event(305, reference_paths=[path((0, 50), (0, 150), radius_m=8.0)])))
    key = events.holding(0).things[0].key
    assert [code for _, code, _, _ in near(events, (0.0, 0.0, 0.0, 0.0))] == [305]
    changed = site_parameters({"events": {"congestion_code": 305, "same_m": 10.0}}, where="here").events
    events.use(changed)
    (thing,) = events.holding(0).things
    assert (thing.key, thing.meaning.name) == (key, "CONGESTION")
    events.use(EVENTS)
    assert events.holding(0).things[0].meaning.name == "WEATHER"
    events.update([])
    assert len(events) == 1
