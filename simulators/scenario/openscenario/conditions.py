"""Conditions of OpenSCENARIO as triggers of a description."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chelu.units import KMH_PER_MPS
from chelu.xml_tree import Element
from simulators.scenario.openscenario.cast import Cast, Member
from simulators.scenario.openscenario.numbers import Number
from simulators.scenario.openscenario.scope import RULES, Scope

Trigger = dict[str, Any]
AT_ONCE: Trigger = {"time_s": 0.0}
NEVER: Trigger = {"time_s": 1e9}
SLACK = 1e-6  # of "or equal"
_LONGITUDINAL = {"longitudinal": "longitudinal"}
States = Callable[[Element, str, str, str], Trigger]  # element that asks, type, name and state of what is asked about


class Conditions:
    """Reads <StartTrigger> and <StopTrigger> elements."""

    def __init__(self, cast: Cast, states: States) -> None:
        self._cast, self._states = cast, states
        self._by_value: dict[str, Callable[[Element, Scope], Trigger]] = {
            "SimulationTimeCondition": self._time, "StoryboardElementStateCondition": self._state,
            "ParameterCondition": self._parameter,
        }  # fmt: skip
        self._by_entity: dict[str, Callable[[Element, Scope, Member], Trigger]] = {
            "TimeHeadwayCondition": self._headway, "TimeToCollisionCondition": self._ttc, "SpeedCondition": self._speed,
            "AccelerationCondition": self._acceleration, "StandStillCondition": self._stands,
            "RelativeSpeedCondition": self._relative_speed, "TraveledDistanceCondition": self._travelled,
            "ReachPositionCondition": self._reaches, "DistanceCondition": self._distance,
            "RelativeDistanceCondition": self._relative_distance, "CollisionCondition": self._collision,
            "EndOfRoadCondition": self._end_of_road,
        }  # fmt: skip

    def of(self, trigger: Element | None, scope: Scope) -> Trigger | None:
        """What a trigger asks for; nothing for one that is not there or empty: at once."""
        groups = [] if trigger is None else [group for group in trigger.all("ConditionGroup") if group.children]
        return any_of([self.group(group, scope) for group in groups]) if groups else None

    def group(self, group: Element, scope: Scope) -> Trigger:
        """All conditions of a group."""
        found = group.all("Condition")
        return all_of([self._condition(one, scope, is_alone=len(found) == 1) for one in found])

    def _condition(self, element: Element, scope: Scope, *, is_alone: bool) -> Trigger:
        edge = scope.text(element, "conditionEdge", "none")
        if edge == "risingOrFalling" and element.below("ByValueCondition", "SimulationTimeCondition"):
            edge = "rising"  # time never falls back
        if edge not in {"none", "rising"}:
            raise element.wrong(f"conditionEdge = {edge!r} is not understood: none or rising")
        kind = one_of(element, {"ByValueCondition": self._value, "ByEntityCondition": self._entities})
        found = kind[0](kind[1], scope)
        delay = scope.value(element, "delay", 0.0)
        more: Trigger = {"rises": True} if edge == "rising" and not is_alone else {}
        if delay:
            more["delay_s"] = delay
        return {**(found if not {"rises", "delay_s"} & set(found) else {"all_of": [found]}), **more} if more else found

    def _value(self, element: Element, scope: Scope) -> Trigger:
        kind, inner = one_of(element, self._by_value)
        found: Trigger = kind(inner, scope)
        return found

    def _entities(self, element: Element, scope: Scope) -> Trigger:
        who = element.only("TriggeringEntities")
        rule = scope.chosen(who, "triggeringEntitiesRule", {"any": "any_of", "all": "all_of"})
        kind, inner = one_of(element.only("EntityCondition"), self._by_entity)
        names = [scope.text(one, "entityRef") for one in who.all("EntityRef")]
        if not names:
            raise who.wrong("at least one EntityRef")
        found = [kind(inner, scope, self._cast.member(who, name)) for name in names]
        return any_of(found) if rule == "any_of" else all_of(found)

    def _time(self, element: Element, scope: Scope) -> Trigger:
        rule = _rule(element, scope)
        if rule in {"lessThan", "lessOrEqual", "notEqualTo"}:
            raise element.wrong(f"rule = {rule!r} is not understood of time: greaterThan, greaterOrEqual or equalTo")
        time = scope.number(element, "value")
        return dict(AT_ONCE) if not time.names and time.value <= 0.0 else {"time_s": time.quantity}

    def _state(self, element: Element, scope: Scope) -> Trigger:
        return self._states(
            element,
            scope.text(element, "storyboardElementType"),
            scope.text(element, "storyboardElementRef"),
            scope.text(element, "state"),
        )

    def _parameter(self, element: Element, scope: Scope) -> Trigger:
        """Parameters keep their values, so it is known now."""
        name, rule = scope.text(element, "parameterRef").removeprefix("$"), _rule(element, scope)
        value, wanted = scope.values.get(name), scope.text(element, "value")
        if value is None:
            raise element.wrong(f"there is no parameter {name}")
        if isinstance(value, str):
            if rule not in {"equalTo", "notEqualTo"}:
                raise element.wrong(f"rule = {rule!r} between texts: equalTo or notEqualTo")
            return AT_ONCE if (value == wanted) == (rule == "equalTo") else NEVER
        return AT_ONCE if RULES[rule](scope.fix(value), scope.value(element, "value")) else NEVER

    def _headway(self, element: Element, scope: Scope, who: Member) -> Trigger:
        scope.chosen(element, "relativeDistanceType", _LONGITUDINAL, "longitudinal")
        return {"headway_s": self._near(element, scope, who, scope.number(element, "value"))}

    def _near(self, element: Element, scope: Scope, who: Member, value: Number, shift_m: float = 0.0) -> Trigger:
        """A measure along the way to another; shift_m: added to the value where centres stand for origins."""
        other = self._other(element, scope)
        found: Trigger = {"of": who.thing.own_name, "to": other.thing.own_name}
        if not scope.truth(element, "freespace", default=False):
            found["between"] = "centres"
            value = value + Number(shift_m)
        if who.way != other.way:
            found["along"] = "heading"
        return found | _bound(element, scope, value)

    def _other(self, element: Element, scope: Scope) -> Member:
        return self._cast.member(element, scope.text(element, "entityRef"))

    def _ttc(self, element: Element, scope: Scope, who: Member) -> Trigger:
        target = element.only("TimeToCollisionConditionTarget").children
        if len(target) != 1 or target[0].tag not in {"EntityRef", "EntityRefCondition"}:
            raise element.wrong("time to collision is understood to an EntityRef only")
        other = self._cast.member(target[0], scope.text(target[0], "entityRef"))
        found: Trigger = {"of": who.thing.own_name, "to": other.thing.own_name} | _bound(
            element, scope, scope.number(element, "value")
        )
        if who.way != other.way:
            return {"ttc_s": found}
        return {"closing_s": found if scope.truth(element, "freespace", default=False) else {**found, "between": "centres"}}

    def _speed(self, element: Element, scope: Scope, who: Member) -> Trigger:
        _no_direction(element)
        bound = _bound(element, scope, scope.number(element, "value") * KMH_PER_MPS)
        return {"speed_kmh": {"of": who.thing.own_name} | bound}

    def _relative_speed(self, element: Element, scope: Scope, who: Member) -> Trigger:
        _no_direction(element)
        bound = _bound(element, scope, scope.number(element, "value") * KMH_PER_MPS)
        return {"faster_kmh": {"of": who.thing.own_name, "to": self._other(element, scope).thing.own_name} | bound}

    def _acceleration(self, element: Element, scope: Scope, who: Member) -> Trigger:
        _no_direction(element)
        return {"acceleration_mps2": {"of": who.thing.own_name} | _bound(element, scope, scope.number(element, "value"))}

    def _stands(self, element: Element, scope: Scope, who: Member) -> Trigger:
        return {"stands": {"of": who.thing.own_name, "for_s": scope.value(element, "duration")}}

    def _travelled(self, element: Element, scope: Scope, who: Member) -> Trigger:
        return {"travels_m": {"of": who.thing.own_name, "above": (scope.number(element, "value") - SLACK).quantity}}

    def _reaches(self, element: Element, scope: Scope, who: Member) -> Trigger:
        return self._within(element, scope, who, scope.number(element, "tolerance"))

    def _within(self, element: Element, scope: Scope, who: Member, within: Number) -> Trigger:
        place = self._cast.roads.plane(self._cast.positions.of(element.only("Position"), scope))
        where = {"x_m": round(place.x_m, 6), "y_m": round(place.y_m, 6), "within_m": within.quantity}
        return {"reaches": {"of": who.thing.own_name, **where}}

    def _distance(self, element: Element, scope: Scope, who: Member) -> Trigger:
        rule = _rule(element, scope)
        scope.chosen(element, "relativeDistanceType", _PLANE, "euclidianDistance")
        if rule not in {"lessThan", "lessOrEqual"} or scope.truth(element, "freespace", default=False):
            raise element.wrong("distance to a position is understood from origin to position, below a value")
        return self._within(element, scope, who, scope.number(element, "value"))

    def _relative_distance(self, element: Element, scope: Scope, who: Member) -> Trigger:
        kind = scope.chosen(element, "relativeDistanceType", {**_PLANE, **_LONGITUDINAL, "lateral": "lateral"})
        value, other = scope.number(element, "value"), self._other(element, scope)
        if kind == "longitudinal":
            return {"gap_m": self._near(element, scope, who, value, other.thing.ahead_m - who.thing.ahead_m)}
        if scope.truth(element, "freespace", default=False):
            raise element.wrong(f"freespace = 'true' is not understood of {kind} distances")
        near = self._near(element, scope, who, value)
        near.pop("between")
        if kind == "lateral":
            return {"lateral_m": near}
        near.pop("along", None)
        return {"distance_m": near}

    def _collision(self, element: Element, scope: Scope, who: Member) -> Trigger:
        kind = one_of(element, {"EntityRef": "entityRef", "ByType": "type", "ByObjectType": "type"})
        wanted = scope.text(kind[1], kind[0])
        if kind[0] == "entityRef":
            others = [self._cast.member(kind[1], wanted)]
        else:
            others = [one for one in self._cast.members.values() if one is not who and one.thing.type == wanted]
        found = [{"touches": {"of": who.thing.own_name, "to": one.thing.own_name}} for one in others]
        return any_of(found) if found else NEVER

    def _end_of_road(self, element: Element, scope: Scope, who: Member) -> Trigger:
        if who.track is None:
            raise element.wrong(f"{who.thing.name} is on no road whose end is known")
        left = Number(who.track.length_m - SLACK) - who.along
        return {"travels_m": {"of": who.thing.own_name, "above": left.quantity}, "delay_s": scope.value(element, "duration", 0.0)}


_PLANE = {"euclidianDistance": "euclidian", "cartesianDistance": "euclidian"}


def one_of(element: Element, kinds: Mapping[str, Any]) -> tuple[Any, Element]:
    """What its only child stands for, and the child."""
    if len(element.children) != 1:
        raise element.wrong("exactly one of " + ", ".join(kinds))
    child = element.children[0]
    if child.tag not in kinds:
        raise child.wrong(f"<{child.tag}> is not understood: one of {', '.join(kinds)}")
    return kinds[child.tag], child


def _rule(element: Element, scope: Scope) -> str:
    return scope.chosen(element, "rule", {one: one for one in RULES})


def _bound(element: Element, scope: Scope, value: Number) -> Trigger:
    rule = _rule(element, scope)
    if rule in {"equalTo", "notEqualTo"}:
        raise element.wrong(f"rule = {rule!r} is not understood of what changes from instant to instant: less or greater")
    slack = {"lessOrEqual": SLACK, "greaterOrEqual": -SLACK}.get(rule, 0.0)
    return {"below" if rule.startswith("less") else "above": (value + slack).quantity}


def _no_direction(element: Element) -> None:
    if element.get("direction") not in {None, "longitudinal"}:
        raise element.wrong(f"direction = {element.get('direction')!r} is not understood: longitudinal, or none")


def all_of(triggers: Sequence[Trigger]) -> Trigger:
    """One that wants all of them."""
    kept = [one for one in triggers if one != AT_ONCE]
    if len(kept) < 2:
        return kept[0] if kept else dict(AT_ONCE)
    return {"all_of": kept}


def any_of(triggers: Sequence[Trigger]) -> Trigger:
    """One that wants any of them."""
    return triggers[0] if len(triggers) == 1 else {"any_of": list(triggers)}
