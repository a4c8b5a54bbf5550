"""What Init says: who begins where and how fast, and what is to be done from the first instant on."""

from __future__ import annotations

from typing import Any

from chelu.xml_tree import Element
from simulators.scenario.openscenario.cast import Cast, Member
from simulators.scenario.openscenario.conditions import one_of
from simulators.scenario.openscenario.routing import Routing
from simulators.scenario.openscenario.scope import Scope

LEAST_FASTEST_MPS = 20.0  # who stands at first may drive later
_UNSEEN = {"TimeOfDay", "Properties", "ParameterDeclarations"}


class Beginning:
    """Reads <Init>; later: actions that take their time, with whose they are."""

    def __init__(self, cast: Cast, scope: Scope) -> None:
        self._cast, self._scope = cast, scope
        self.later: list[tuple[Element, Member]] = []
        self.weather: dict[str, Any] = {}
        self.notes: list[str] = []

    def read(self, storyboard: Element) -> None:
        """All actions of Init; places and speeds are worked out once they are asked for."""
        for one in storyboard.only("Init").only("Actions").children:
            if one.tag == "Private":
                who = self._cast.member(one, self._scope.text(one, "entityRef"))
                for action in one.all("PrivateAction"):
                    self._private(action, who)
            elif one.tag == "GlobalAction":
                self._global(one)
            else:
                raise one.wrong(f"<{one.tag}> is not understood: Private or GlobalAction")

    def look_for_routes(self, routing: Routing, storyboard: Element) -> None:
        """In Init and in every event."""
        for action, who in self.later:
            routing.look(action, self._scope, who, is_at_once=True)
        for story in storyboard.all("Story"):
            scope = self._scope.within(story.first("ParameterDeclarations"))
            for group in story.below("Act", "ManeuverGroup"):
                for event in group.below("Maneuver", "Event"):
                    self._look(
                        routing, group, event, scope.within(event.parent.first("ParameterDeclarations") if event.parent else None)
                    )

    def _look(self, routing: Routing, group: Element, event: Element, scope: Scope) -> None:
        for action in event.below("Action", "PrivateAction"):
            if action.first("RoutingAction") is None:
                continue
            for reference in group.below("Actors", "EntityRef"):
                who = self._cast.member(reference, scope.text(reference, "entityRef"))
                routing.look(action, scope, who, is_at_once=_is_at_once(event, group, scope))

    def _private(self, action: Element, who: Member) -> None:
        if action.first("TeleportAction") is not None:
            who.teleport = action.only("TeleportAction").only("Position"), self._scope
            return
        longitudinal = action.first("LongitudinalAction")
        inner = longitudinal.children[0] if longitudinal is not None and longitudinal.children else None
        if inner is not None and inner.tag == "SpeedAction" and self._is_step(inner):
            who.speed = self._speed(inner, who)
        elif inner is not None and inner.tag == "LongitudinalDistanceAction":
            self._gap(inner, who)
        else:
            self.later.append((action, who))

    def _is_step(self, action: Element) -> bool:
        dynamics, target = action.only("SpeedActionDynamics"), action.only("SpeedActionTarget")
        lasts = any(self._scope.truth(one, "continuous", default=False) for one in target.all("RelativeTargetSpeed"))
        is_step = self._scope.text(dynamics, "dynamicsShape") == "step" or (
            self._scope.text(dynamics, "dynamicsDimension", "time") != "rate"
            and self._scope.number(dynamics, "value", 0.0).value == 0.0
        )
        return is_step and not lasts

    def _speed(self, action: Element, who: Member) -> Any:
        is_relative, inner = one_of(action.only("SpeedActionTarget"), {"AbsoluteTargetSpeed": False, "RelativeTargetSpeed": True})
        value = self._scope.number(inner, "value")
        if not is_relative:
            if value.value < 0.0:
                raise inner.wrong(f"value = {value.value:g}: driving backwards is not understood")
            return lambda: value
        other = self._cast.member(inner, self._scope.text(inner, "entityRef"))
        if other is who:
            raise inner.wrong("relative to its own speed is not understood")
        is_factor = self._scope.chosen(inner, "speedTargetValueType", {"delta": "", "factor": "factor"}, "delta")
        return lambda: other.speed() * value if is_factor else other.speed() + value

    def _gap(self, action: Element, who: Member) -> None:
        """An exact gap to begin with: without limits of its dynamics, and not kept afterwards, it is there at once."""
        scope = self._scope
        if scope.truth(action, "continuous") or action.children:
            raise action.wrong(
                "a distance that is kept, or reached within limits, is not understood: continuous = 'false', at once"
            )
        if not scope.truth(action, "freespace"):
            raise action.wrong("freespace = 'false' is not understood of a distance to begin with")
        name = scope.text(action, "entityRef")
        other = self._cast.member(action, name)
        is_ahead = scope.chosen(
            action,
            "displacement",
            {"leadingReferencedEntity": "ahead", "trailingReferencedEntity": "behind", "any": "any"},
            "any",
        )
        if is_ahead == "any":
            raise action.wrong("displacement: leadingReferencedEntity or trailingReferencedEntity")
        if scope.has(action, "distance"):
            gap = scope.number(action, "distance")
        else:
            follower = other if is_ahead == "ahead" else who
            gap = scope.number(action, "timeGap") * follower.speed()
        who.gap = name, gap, is_ahead == "ahead"

    def _global(self, action: Element) -> None:
        kind, inner = one_of(action, {"EnvironmentAction": True})
        environment = inner.first("Environment") if kind else None
        if environment is None:
            self.notes.append(f"line {inner.line}: an environment of a catalogue, with its friction")
            return
        for one in environment.children:
            if one.tag == "RoadCondition":
                share = self._scope.value(one, "frictionScaleFactor", 1.0)
                self.weather["friction"] = min(max(round(share, 6), 0.03), 1.2)
            elif one.tag == "Weather" or one.tag in _UNSEEN:
                self.notes.append(f"line {one.line}: {one.tag} moves nobody")
            else:
                raise one.wrong(f"<{one.tag}> is not understood in an environment")

    def fastest_mps(self) -> float:
        """Of all who move at first."""
        return max(LEAST_FASTEST_MPS, *(one.speed().value for one in self._cast.members.values())) * 1.5


def _is_at_once(event: Element, group: Element, scope: Scope) -> bool:
    """Whether nothing more than time 0 is waited for."""
    act = group.parent
    triggers = [one for one in (event.first("StartTrigger"), act.first("StartTrigger") if act else None) if one is not None]
    conditions = [one for trigger in triggers for one in trigger.below("ConditionGroup", "Condition")]
    return all(_is_time_0(one, scope) for one in conditions)


def _is_time_0(condition: Element, scope: Scope) -> bool:
    found = condition.below("ByValueCondition", "SimulationTimeCondition")
    return bool(found) and scope.value(found[0], "value") <= 0.0 and scope.value(condition, "delay", 0.0) == 0.0
