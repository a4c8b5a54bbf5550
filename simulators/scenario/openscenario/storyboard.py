"""The storyboard of an OpenSCENARIO file: its events as manoeuvres, its elements' states as what came before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chelu.xml_tree import Element
from simulators.scenario.openscenario.actions import Actions, Step
from simulators.scenario.openscenario.cast import Cast, Member
from simulators.scenario.openscenario.catalogs import Catalogs
from simulators.scenario.openscenario.conditions import AT_ONCE, Conditions, Trigger, all_of, any_of
from simulators.scenario.openscenario.scope import Names, Scope

BEGAN = {"startTransition": "began", "runningState": "began", "endTransition": "ended", "completeState": "ended"}
_GLOBAL = "GlobalAction"
_RUN_WITH_ACT = {"story", "act", "maneuverGroup", "maneuver"}  # they begin with their act, a story at once


@dataclass(slots=True)
class Event:
    """An <Event> where it stands."""

    element: Element
    scope: Scope
    act: Element
    group: Element
    maneuver: Element


@dataclass(slots=True)
class Leaf:
    """A manoeuvre in the making: whose, what, of which event (none: Init), and so long after which one of the same action."""

    name: str
    actor: str
    does: Mapping[str, Any]
    event: Event | None
    scope: Scope
    first: str | None = None
    after_s: float = 0.0

    @property
    def domain(self) -> str:
        """What it is about: speed, lane_change, driver, or nothing."""
        return next(iter(self.does))


@dataclass(slots=True)
class Storyboard:
    """Collects all manoeuvres; states are looked up once all are known."""

    cast: Cast
    actions: Actions
    catalogs: Catalogs
    leaves: list[Leaf] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    known: dict[tuple[str, str], dict[int, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    elements: dict[int, Element] = field(default_factory=dict)
    marks: dict[int, str] = field(default_factory=dict)
    written: list[dict[str, Any]] = field(default_factory=list)
    conditions: Conditions | None = None

    def at_start(self, action: Element, scope: Scope, who: Member) -> None:
        """An action of Init that takes its time."""
        name = f"{who.thing.own_name}_begins"
        self._steps(name, self.actions.private(action, scope, who), who, None, scope)

    def read(self, storyboard: Element, scope: Scope) -> None:
        """Every event of every story."""
        for story in storyboard.all("Story"):
            inner = scope.within(story.first("ParameterDeclarations"))
            for act in story.all("Act"):
                stop = act.first("StopTrigger")
                if stop is not None and any(group.children for group in stop.all("ConditionGroup")):
                    raise stop.wrong("an act that is stopped by conditions of its own is not understood")
                for event in self._events(act, inner):
                    self._event(story, event)

    def _events(self, act: Element, scope: Scope) -> Iterator[Event]:
        for group in act.all("ManeuverGroup"):
            if scope.value(group, "maximumExecutionCount", 1.0) > 1:
                raise group.wrong("maximumExecutionCount above 1 is not understood")
            for one in group.children:
                if one.tag == "CatalogReference":
                    maneuver, inner = self.catalogs.referred(one, scope)
                elif one.tag == "Maneuver":
                    maneuver, inner = one, scope.within(one.first("ParameterDeclarations"))
                else:
                    continue
                yield from (Event(event, inner, act, group, maneuver) for event in maneuver.all("Event"))

    def _event(self, story: Element, event: Event) -> None:
        scope, element = event.scope, event.element
        if scope.value(element, "maximumExecutionCount", 1.0) > 1:
            raise element.wrong("maximumExecutionCount above 1 is not understood")
        if scope.text(element, "priority", "overwrite") not in {"overwrite", "override", "parallel", "skip"}:
            raise element.wrong(f"priority = {element.get('priority')!r}: overwrite, override, parallel or skip")
        for action in element.all("Action"):
            found = self._action(event, action)
            for kind, one in (
                ("action", action), ("event", element), ("maneuver", event.maneuver), ("maneuverGroup", event.group),
                ("act", event.act), ("story", story),
            ):  # fmt: skip
                self.known[kind, one.get("name", "")].setdefault(id(one), []).extend(found)
                self.elements[id(one)] = one

    def _action(self, event: Event, action: Element) -> list[str]:
        scope = event.scope
        private = action.first("PrivateAction")
        if private is None:
            inside = action.children[0] if action.children else action
            what = inside.children[0].tag if inside.tag == _GLOBAL and inside.children else inside.tag
            raise inside.wrong(f"<{what}> is not understood in an event: PrivateAction")
        actors = event.group.only("Actors")
        if scope.truth(actors, "selectTriggeringEntities", default=False):
            raise actors.wrong("selectTriggeringEntities is not understood")
        found: list[str] = []
        for reference in actors.all("EntityRef"):
            who = self.cast.member(reference, scope.text(reference, "entityRef"))
            steps = self.actions.private(private, scope, who)
            label = f"{action.get('name') or event.element.get('name', '')}"
            found += self._steps(label, steps, who, event, scope)
        return found

    def _steps(self, label: str, steps: list[Step], who: Member, event: Event | None, scope: Scope) -> list[str]:
        found: list[str] = []
        for step in steps:
            leaf = Leaf(
                name=self.names.of(label),
                actor=who.thing.own_name,
                does=step.does,
                event=event,
                scope=scope,
                first=found[0] if found else None,
                after_s=step.after_s,
            )
            self.leaves.append(leaf)
            found.append(leaf.name)
        return found

    def state(self, element: Element, kind: str, name: str, state: str) -> Trigger:
        """A trigger that holds once an element of the storyboard has begun, or ended."""
        if state not in BEGAN:
            raise element.wrong(f"state = {state!r} is not understood: one of {', '.join(BEGAN)}")
        *within, own = name.split("::")
        found = {
            number: leaves
            for number, leaves in self.known.get((kind, own), {}).items()
            if set(within) <= set(_names_around(self.elements[number]))
        }
        if len(found) != 1:
            raise element.wrong(f"there {'is no' if not found else 'are several'} {kind} {name!r} with actions")
        leaves = next(iter(found.values()))
        if BEGAN[state] == "began" and kind in _RUN_WITH_ACT:
            first = next(one for one in self.leaves if one.name == leaves[0])
            return (self._act(first) if kind != "story" else None) or dict(AT_ONCE)
        after = [{"after": {"manoeuvre": one} | ({"state": "ended"} if BEGAN[state] == "ended" else {})} for one in leaves]
        return all_of(after) if BEGAN[state] == "ended" else any_of(after)

    def manoeuvres(self, conditions: Conditions) -> list[dict[str, Any]]:
        """All of them with their triggers, and a mark for each act that begins by a condition."""
        self.conditions = conditions
        for leaf in self.leaves:
            when = dict(AT_ONCE)
            if leaf.event is not None:
                asked = conditions.of(leaf.event.element.first("StartTrigger"), leaf.scope)
                when = all_of([one for one in (self._act(leaf), asked) if one is not None])
            self.written.append(self._written(leaf, self._own_trigger(leaf, when)))
        return self.written

    def _act(self, leaf: Leaf) -> Trigger | None:
        """That the leaf's act has begun, for good; nothing where it begins at once."""
        if leaf.event is None or self.conditions is None:
            return None
        act = leaf.event.act
        if id(act) not in self.marks:
            self.marks[id(act)] = ""  # of a condition that asks for the act itself
            when = self.conditions.of(act.first("StartTrigger"), leaf.scope)
            if when is not None and when != AT_ONCE:
                self.marks[id(act)] = self.names.of(act.get("name", "act"))
                mark = {"name": self.marks[id(act)], "actor": leaf.actor, "when": when, "is_mark": True, "is_needed": False}
                self.written.append(mark)
        return {"after": {"manoeuvre": self.marks[id(act)]}} if self.marks[id(act)] else None

    def _own_trigger(self, leaf: Leaf, when: Trigger) -> Trigger:
        if leaf.first is None or leaf.after_s == 0.0:
            return when if leaf.first is None else {"after": {"manoeuvre": leaf.first}}
        return {"after": {"manoeuvre": leaf.first, "by_s": leaf.after_s}}

    def _written(self, leaf: Leaf, when: Trigger) -> dict[str, Any]:
        written = {"name": leaf.name, "actor": leaf.actor, "when": when, **leaf.does}
        cut = self._cut_off(leaf)
        return written | ({"ends": cut} if cut else {}) | {"is_needed": False}

    def _cut_off(self, leaf: Leaf) -> list[str]:
        """What an event that overwrites ends: others of its maneuver, about something else (its like ends by itself)."""
        if leaf.event is None or leaf.scope.text(leaf.event.element, "priority", "overwrite") not in {"overwrite", "override"}:
            return []
        return [
            one.name
            for one in self.leaves
            if one.event is not None and one.event.maneuver is leaf.event.maneuver
            if one.event.element is not leaf.event.element and one.actor == leaf.actor
            if {one.domain, leaf.domain} == {"speed", "lane_change"}
        ]


def _names_around(element: Element) -> Iterator[str]:
    """Names of all that an element stands in."""
    while element.parent is not None:
        element = element.parent
        yield element.get("name", "")
