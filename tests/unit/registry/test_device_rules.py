"""What devices must keep among each other; lifecycles, VINs and areas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.topics import Kind
from services.registry import lifecycle, vin
from services.registry.device_models import VEHICLE_FIELDS, NewDevice
from services.registry.device_rules import Known, find_faults
from services.registry.lifecycle import SPEAKING, TRANSITIONS, Lifecycle
from services.registry.site_models import OrganisationRole, Polygon

KNOWN = Known(
    kinds={"bus-1": Kind.VEHICLE, "rsu-1": Kind.RSU},
    parents={},
    sites=frozenset({"s"}),
    roles={"maker": OrganisationRole.VENDOR, "crew": OrganisationRole.TEAM},
    vins=frozenset({"LSVAA4182E2123456"}),
    serials=frozenset({("77", "maker"), ("88", None), ("R1", "maker")}),
    esns=frozenset({"R1"}),
)

ESN = "its ESN, 1..64 of letters, digits, '_', '.', '-', since its profile is openv2x"


WHEN = "one made from 1970-01-01 to 2100-01-01 that holds longer than until then"


def device(device_id: str = "d", kind: Kind = Kind.OBU, **fields: object) -> NewDevice:
    return NewDevice.model_validate({"device_id": device_id, "kind": kind, "site_id": "s", **fields})


def test_a_device_that_keeps_all_rules_has_no_fault() -> None:
    assert not find_faults([device(parent="rsu-1", on_vehicle="bus-1", vendor="maker", serial="78")], KNOWN)
    assert not find_faults([device(kind=Kind.VEHICLE, team="crew", automation_level=4, vehicle_kind="bus")], KNOWN)
    assert not find_faults([device(serial="77")], KNOWN)  # of no vendor
    assert not find_faults([device("bus-2", Kind.VEHICLE, carries=["rsu-1", "new"]), device("new")], KNOWN)


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        ({"device_id": "rsu-1"}, "device_id", "one that is not registered yet"),
        ({"site_id": "t"}, "site_id", "a registered site"),
        ({"parent": "x"}, "parent", "a registered device"),
        ({"on_vehicle": "rsu-1"}, "on_vehicle", "a registered vehicle"),
        ({"kind": Kind.VEHICLE, "on_vehicle": "bus-1"}, "on_vehicle", "nothing, since it is a vehicle"),
        ({"latitude_deg": 29.5}, "longitude_deg", "a value, since latitude_deg has one"),
        ({"longitude_deg": 106.5}, "latitude_deg", "a value, since longitude_deg has one"),
        ({"vendor": "crew"}, "vendor", "a registered vendor"),
        ({"carries": ["rsu-1"]}, "carries", "nothing, unless its kind is vehicle"),
        ({"kind": Kind.VEHICLE, "carries": ["x"]}, "carries", "registered devices that are no vehicles"),
        ({"kind": Kind.VEHICLE, "carries": ["bus-1"]}, "carries", "registered devices that are no vehicles"),
        ({"kind": Kind.VEHICLE, "carries": ["rsu-1", "rsu-1"]}, "carries", "each device once"),
        ({"kind": Kind.VEHICLE, "team": "maker"}, "team", "a registered vehicle team"),
        ({"vendor": "maker", "serial": "77"}, "serial", "one that its vendor's devices do not have yet"),
        ({"serial": "88"}, "serial", "one that its vendor's devices do not have yet"),
        ({"lifecycle": "planned", "credential": True}, "credential", "none while planned or retired"),
        ({"plate": "渝A12345"}, "plate", "nothing, unless its kind is vehicle"),
        ({"automation_level": 0}, "automation_level", "nothing, unless its kind is vehicle"),
        ({"profile": "openv2x", "serial": "R2"}, "kind", "rsu, since its profile is openv2x"),
        ({"kind": Kind.RSU, "profile": "openv2x"}, "serial", ESN),
        ({"kind": Kind.RSU, "profile": "openv2x", "serial": "R/2"}, "serial", ESN),
        ({"kind": Kind.RSU, "profile": "openv2x", "serial": "R1"}, "serial", "an ESN that no other openv2x has"),
        ({"calibration": {"at": "0001-01-01T00:00:00Z"}}, "calibration", WHEN),
        ({"calibration": {"at": "2026-05-01T08:00:00Z", "valid_until": "2026-05-01T08:00:00Z"}}, "calibration", WHEN),
        ({"calibration": {"at": "2026-05-01T08:00:00Z", "valid_until": "9999-12-31T00:00:00Z"}}, "calibration", WHEN),
    ],
)
def test_a_fault_names_field_and_what_is_allowed(fields: dict[str, object], field: str, allowed: str) -> None:
    (fault,) = find_faults([device(**fields)], KNOWN)  # type: ignore[arg-type]
    assert (fault.row, fault.fault.field, fault.fault.allowed) == (0, field, allowed)


@pytest.mark.parametrize(
    ("field", "value"),
    [("latitude_deg", True), ("elevation_m", False), ("calibration", {"at": "20260102"}), ("calibration", {"at": 1_767_312_000})],
)
def test_what_means_something_else_than_it_would_be_read_as_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"a number, not true or false|an instant with its offset from UTC"):
        device(**{field: value})  # type: ignore[arg-type]


def test_a_kind_is_named_as_it_is_written() -> None:
    (fault,) = find_faults([device(kind=Kind.OBU, profile="openv2x", serial="R2")], KNOWN)
    assert (fault.fault.field, fault.fault.value) == ("kind", "'obu'")


def test_an_esn_is_one_openv2x_roadsides_whatever_its_vendor() -> None:
    rows = [
        device(name, Kind.RSU, profile="openv2x", serial="R7", vendor=vendor) for name, vendor in (("a", None), ("b", "maker"))
    ]
    assert [(fault.row, fault.fault.allowed) for fault in find_faults(rows, KNOWN)] == [
        (0, "each ESN once"),
        (1, "each ESN once"),
    ]
    assert not find_faults(
        [device("a", Kind.RSU, profile="openv2x", serial="R7"), device("b", Kind.RSU, serial="R7", vendor="maker")], KNOWN
    )


def test_every_fault_of_every_row_is_found() -> None:
    rows = [device("a", parent="b"), device("b", parent="a"), device("a", serial="1"), device("c", serial="1", site_id="t")]
    found = {(fault.row, fault.fault.field) for fault in find_faults(rows, KNOWN)}
    assert found == {
        (0, "device_id"),
        (2, "device_id"),
        (2, "serial"),
        (3, "serial"),
        (3, "site_id"),
        (0, "parent"),
        (1, "parent"),
    } | {(2, "parent")}


def test_a_parent_below_the_device_is_found_through_the_register() -> None:
    known = Known({"mid": Kind.RSCU, "low": Kind.SENSOR}, {"low": "mid", "mid": "d"}, KNOWN.sites, {}, frozenset(), frozenset())
    assert [fault.fault.allowed for fault in find_faults([device(parent="low")], known)] == ["not below itself"]


def test_planned_devices_get_no_secret_by_default() -> None:
    assert [device(lifecycle=state).has_credential for state in Lifecycle] == [state in SPEAKING for state in Lifecycle]


def test_every_state_is_in_the_table_and_can_be_reached_and_left_for_retirement() -> None:
    assert set(TRANSITIONS) == set(Lifecycle)
    assert {state for following in TRANSITIONS.values() for state in following} == set(Lifecycle) - {Lifecycle.PLANNED}
    assert all(lifecycle.may_follow(state, Lifecycle.RETIRED) for state in Lifecycle if state is not Lifecycle.RETIRED)
    assert not TRANSITIONS[Lifecycle.RETIRED]
    assert not lifecycle.may_follow(Lifecycle.PLANNED, Lifecycle.ACTIVE)


def test_vehicle_fields_are_fields() -> None:
    assert set(VEHICLE_FIELDS) < set(NewDevice.model_fields)


@pytest.mark.parametrize("number", ["1M8GDM9AXKP042788", "11111111111111111", "1m8gdm9axkp042788", "WVWZZZ1JZXW000001"])
def test_vins_with_the_right_check_digit_or_of_elsewhere_pass(number: str) -> None:
    assert vin.valid(number) == number.upper()


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("1M8GDM9A1KP042788", "9th character, is X"),
        ("L1111111111111111", "9th character, is"),
        ("1M8GDM9AXKP04278", "17 letters"),
        ("1M8GDM9AXKP04278O", "17 letters"),
        ("1M8GDM9AXKP042７88", "17 letters"),
    ],
)
def test_wrong_vins_are_refused(number: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        vin.valid(number)


@given(st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=17, max_size=17), st.integers(0, 8))
def test_one_wrong_digit_is_always_found(text: str, place: int) -> None:
    number = "L" + text[1:8] + "0" + text[9:]
    number = number[:8] + vin.check_digit(number) + number[9:]
    assert vin.valid(number) == number
    wrong = number[:8] + ("0" if number[8] != "0" else "1") + number[9:]
    with pytest.raises(ValueError, match="check digit"):
        vin.valid(wrong)


def ring(*points: tuple[float, float]) -> list[tuple[float, float]]:
    return [*points, points[0]]


def test_rings_that_bound_an_area_pass() -> None:
    Polygon(coordinates=[ring((0, 0), (1, 0), (1, 1))])
    Polygon(coordinates=[ring((0, 0), (4, 0), (4, 3), (3, 3), (3, 1), (1, 1), (1, 3), (0, 3))])
    Polygon(coordinates=[ring((0, 0), (9, 0), (9, 9)), ring((3, 1), (6, 1), (6, 2)), ring((8, 2), (8, 6), (7, 6))])


@pytest.mark.parametrize(
    ("rings", "why"),
    [
        ([[]], "at least 4"),
        ([[(0, 0), (1, 0), (1, 1)]], "at least 4"),
        ([[(0, 0), (1, 0), (1, 1), (0, 1)]], "which is the first"),
        ([ring((0, 0), (1, 0), (0, 0), (1, 1))], "each once"),
        ([ring((0, 0), (1, 1), (1, 0), (0, 1))], "does not cross itself"),
        ([ring((0, 0), (4, 0), (4, 4), (2, 0), (0, 4))], "does not cross itself"),
        ([ring((0, 0), (1, 1), (2, 2))], "does not cross itself"),
        ([ring((0, 0), (9, 0), (9, 9)), ring((1, 3), (2, 3), (2, 4))], "hole lies outside shell"),
        ([ring((0, 0), (9, 0), (9, 9)), ring((3, 1), (6, 1), (6, 8))], "self-intersection"),
        ([ring((0, 0), (9, 0), (9, 9)), ring((3, 1), (8, 1), (8, 6)), ring((6, 2), (7, 2), (7, 3))], "holes are nested"),
    ],
)
def test_rings_that_bound_none_are_refused(rings: list[list[tuple[float, float]]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Polygon(coordinates=rings)
