"""Actions of OpenSCENARIO as manoeuvres of a description, without their triggers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chelu.units import KMH_PER_MPS
from chelu.xml_tree import Element
from simulators.scenario.openscenario.cast import Cast, Member
from simulators.scenario.openscenario.catalogs import Catalogs
from simulators.scenario.openscenario.conditions import one_of
from simulators.scenario.openscenario.scope import Scope
from simulators.scenario.openscenario.things import controller_of
from simulators.scenario.openscenario.trajectories import Drawn

SHAPES = {"linear": "linear", "sinusoidal": "sine", "cubic": "cubic", "step": "step"}
DIMENSIONS = {"time": "over_s", "rate": "rate", "distance": "over_m"}
MEAN_RATE = {"linear": 1.0, "sine": 2.0 / math.pi, "cubic": 1.0 / 1.5}  # of the highest
# Controllers of a public player that have a driver here; any other is what is under test
DRIVERS: Mapping[str, str] = {
    "ACCController": "idm", "ControllerACC": "idm", "ALKSController": "regulation", "ALKS_R157SM_Controller": "regulation",
    "ControllerALKS_R157SM": "regulation", "DefaultController": "none",
}  # fmt: skip
_FROM_OUTSIDE = frozenset({"InteractiveController", "ExternalController"})  # a person, or another program
_PLAYER = "esminiController"


@dataclass(frozen=True, slots=True)
class Step:
    """One manoeuvre of an action: what it does, and after how long since the action's first."""

    does: Mapping[str, Any]
    after_s: float = 0.0


@dataclass(slots=True)
class Actions:
    """Translates private actions; notes: what was left out because it moves nobody. controllers: those assigned later."""

    cast: Cast
    catalogs: Catalogs
    driver: str
    drawn: Mapping[int, Drawn]  # trajectories by their action's identity
    notes: list[str] = field(default_factory=list)
    controllers: dict[str, Mapping[str, str] | None] = field(default_factory=dict)

    def private(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        """What an actor does by a <PrivateAction>."""
        kind, inner = one_of(action, {
            "LongitudinalAction": self._longitudinal, "LateralAction": self._lateral, "ActivateControllerAction": self._activate,
            "ControllerAction": self._controller, "RoutingAction": self._routing, "VisibilityAction": self._unseen,
            "AppearanceAction": self._unseen,
        })  # fmt: skip
        found: list[Step] = kind(inner, scope, who)
        return found

    def _unseen(self, action: Element, _scope: Scope, _who: Member) -> list[Step]:
        self.notes.append(f"line {action.line}: {action.tag} moves nobody")
        return [Step({"is_mark": True})]

    def _longitudinal(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        kind, inner = one_of(action, {"SpeedAction": self._speed, "SpeedProfileAction": self._profile})
        found: list[Step] = kind(inner, scope, who)
        return found

    def _speed(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        dynamics = action.only("SpeedActionDynamics")
        does = self.target(action, scope, who) | self._pace(dynamics, scope, "rate_mps2", 1.0)
        if "is_lasting" in does and "shape" in does:
            raise dynamics.wrong("continuous = 'true' is understood with dynamicsShape = 'linear' or 'step'")
        return [Step({"speed": does})]

    def target(self, action: Element, scope: Scope, who: Member) -> dict[str, Any]:
        """The speed that is meant: a number, or another's."""
        kind, inner = one_of(action.only("SpeedActionTarget"), {"AbsoluteTargetSpeed": False, "RelativeTargetSpeed": True})
        value = scope.number(inner, "value")
        if not kind:
            if value.value < 0:
                raise inner.wrong(f"value = {value.value:g}: driving backwards is not understood")
            return {"to_kmh": (value * KMH_PER_MPS).quantity}
        other = self.cast.member(inner, scope.text(inner, "entityRef"))
        if other is who:
            raise inner.wrong("relative to its own speed is not understood")
        is_factor = scope.chosen(inner, "speedTargetValueType", {"delta": "", "factor": "times"}, "delta")
        found: dict[str, Any] = {"like": other.thing.own_name}
        found |= {"times": value.quantity} if is_factor else {"by_kmh": (value * KMH_PER_MPS).quantity}
        return found | ({"is_lasting": True} if scope.truth(inner, "continuous", default=False) else {})

    def _pace(self, dynamics: Element, scope: Scope, rate: str, of_rate: float) -> dict[str, Any]:
        """How a change is reached; of_rate: what a description's rate is of the file's."""
        shape = scope.chosen(dynamics, "dynamicsShape", SHAPES)
        dimension = scope.chosen(dynamics, "dynamicsDimension", DIMENSIONS, "time")
        value = scope.number(dynamics, "value", 0.0)
        if shape == "step" or (dimension != "rate" and not value.names and value.value == 0.0):
            return {"at_once": True}
        name = rate if dimension == "rate" else dimension
        found: dict[str, Any] = {name: (value * (of_rate if dimension == "rate" else 1.0)).quantity}
        return found | ({} if shape == "linear" else {"shape": shape})

    def _profile(self, action: Element, scope: Scope, _who: Member) -> list[Step]:
        if scope.has(action, "entityRef"):
            raise action.wrong("a speed profile relative to an entity is not understood")
        steps, gone = list[Step](), 0.0
        for entry in action.all("SpeedProfileEntry"):
            to: dict[str, Any] = {"to_kmh": (scope.number(entry, "speed") * KMH_PER_MPS).quantity}
            if not scope.has(entry, "time"):
                raise entry.wrong("a speed profile is understood with a time for each entry")
            time = scope.value(entry, "time")
            steps.append(Step({"speed": to | ({"over_s": time} if time > 0 else {"at_once": True})}, after_s=gone))
            gone += time
        if not steps:
            raise action.wrong("at least one SpeedProfileEntry")
        return steps

    def _lateral(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        kind, inner = one_of(action, {"LaneChangeAction": self._lane_change, "LaneOffsetAction": self._lane_offset})
        found: list[Step] = kind(inner, scope, who)
        return found

    def _lane_change(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        dynamics = action.only("LaneChangeActionDynamics")
        shape = scope.chosen(dynamics, "dynamicsShape", SHAPES)
        kind, inner = one_of(action.only("LaneChangeTarget"), {"AbsoluteTargetLane": False, "RelativeTargetLane": True})
        change = self._relative_lane(inner, scope, who) if kind else self._absolute_lane(inner, scope, who)
        offset = scope.number(action, "targetLaneOffset", 0.0) * -who.left
        if offset.names or offset.value:
            change["offset_m"] = offset.quantity
        return [Step({"lane_change": change | self._pace(dynamics, scope, "lateral_mps", MEAN_RATE.get(shape, 1.0))})]

    def _absolute_lane(self, target: Element, scope: Scope, who: Member) -> dict[str, Any]:
        lane = scope.integer(target, "value")
        known = {number: place for place, (number, _, _) in enumerate(who.track.lanes if who.track else (), 1)}
        if lane not in known:
            raise target.wrong(f"value = {lane}: lanes on the way of {who.thing.name}: {', '.join(map(str, known)) or 'none'}")
        return {"to_lane": known[lane]}

    def _relative_lane(self, target: Element, scope: Scope, who: Member) -> dict[str, Any]:
        other = self.cast.member(target, scope.text(target, "entityRef"))
        if other.way != who.way:
            raise target.wrong(f"{other.thing.name} drives on another way than {who.thing.name}")
        left = scope.integer(target, "value") * (1 if who.is_along else -1)
        return {"lane_of": other.thing.own_name} | ({"lanes_left": left} if left else {})

    def _lane_offset(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        kind, inner = one_of(
            action.only("LaneOffsetTarget"), {"AbsoluteTargetLaneOffset": False, "RelativeTargetLaneOffset": True}
        )
        change: dict[str, Any] = {"lane_of": who.thing.own_name, "offset_m": (scope.number(inner, "value") * -who.left).quantity}
        if kind:
            change["offset_of"] = self.cast.member(inner, scope.text(inner, "entityRef")).thing.own_name
            if scope.truth(action, "continuous", default=False):
                raise action.wrong("an offset that goes on following another's is not understood: continuous = 'false'")
        dynamics = action.only("LaneOffsetActionDynamics")
        shape = scope.chosen(dynamics, "dynamicsShape", SHAPES)
        if shape == "step" or not scope.has(dynamics, "maxLateralAcc"):
            return [Step({"lane_change": change | {"at_once": True}})]
        if shape == "linear":
            raise dynamics.wrong("maxLateralAcc with dynamicsShape = 'linear' is not understood: sinusoidal or cubic")
        peak = scope.number(dynamics, "maxLateralAcc").quantity
        return [Step({"lane_change": change | {"peak_mps2": peak, "shape": shape}})]

    def _controller(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        steps = list[Step]()
        for one in action.children:
            if one.tag == "ActivateControllerAction":
                steps += self._activate(one, scope, who)
            elif one.tag == "AssignControllerAction":
                steps += self._assign(one, scope, who)
            elif one.tag == "OverrideControllerValueAction" and not any(scope.truth(each, "active") for each in one.children):
                steps.append(Step({"is_mark": True}))
            else:
                raise one.wrong(f"<{one.tag}> is not understood: ActivateControllerAction")
        return steps

    def _assign(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        """Another controller, which may be activated at once (1.1 and later) and otherwise is later."""
        inside = action.first("ObjectController") or action
        self.controllers[who.thing.name] = controller_of(inside, self.catalogs, scope)
        if not scope.truth(action, "activateLongitudinal", default=False):
            return [Step({"is_mark": True})]
        return [Step({"driver": {"model": self._model(action, who)}})]

    def _activate(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        if not scope.has(action, "longitudinal"):
            self.notes.append(f"line {action.line}: the controller of {who.thing.name} is not given the speed")
            return [Step({"is_mark": True})]
        if not scope.truth(action, "longitudinal"):
            return [Step({"driver": {"model": "none"}})]
        if self._controller_of(who) is None:
            self.notes.append(f"line {action.line}: {who.thing.name} has no controller to be activated")
            return [Step({"is_mark": True})]
        model = self._model(action, who)
        return [Step({"driver": {"model": model}})]

    def _model(self, action: Element, who: Member) -> str:
        player = (self._controller_of(who) or {}).get(_PLAYER)
        if player is None or player in _FROM_OUTSIDE:
            return self.driver
        if player not in DRIVERS:
            raise action.wrong(f"the controller {player!r} of {who.thing.name} is not understood: one of {', '.join(DRIVERS)}")
        return DRIVERS[player]

    def _controller_of(self, who: Member) -> Mapping[str, str] | None:
        return self.controllers.get(who.thing.name, who.thing.controllers[0] if who.thing.controllers else None)

    def _routing(self, action: Element, scope: Scope, who: Member) -> list[Step]:
        kind, inner = one_of(action, {
            "AssignRouteAction": self._routed, "AcquirePositionAction": self._routed, "FollowTrajectoryAction": self._trajectory,
        })  # fmt: skip
        found: list[Step] = kind(inner, scope, who)
        return found

    def _routed(self, _action: Element, _scope: Scope, _who: Member) -> list[Step]:
        """The way has been laid along it."""
        return [Step({"is_mark": True})]

    def _trajectory(self, action: Element, _scope: Scope, _who: Member) -> list[Step]:
        """The way has been laid along it; what is left are the speeds between its points."""
        drawn = self.drawn[id(action)]
        return [Step({"speed": {"to_kmh": kmh, "at_once": True}}, after_s=time) for time, kmh in drawn.speeds] or [
            Step({"is_mark": True})
        ]
