"""When an imported run is over: the file's stop trigger, and at the latest after a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chelu.xml_tree import Element
from simulators.scenario.openscenario.conditions import Conditions, any_of
from simulators.scenario.openscenario.scope import Scope

MOST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Ending:
    """after_s: at the latest; groups: what ends it sooner."""

    after_s: float
    groups: tuple[Element, ...]

    def described(self, conditions: Conditions, scope: Scope) -> dict[str, Any]:
        """As a description has it."""
        end: dict[str, Any] = {"after_s": self.after_s}
        return end | ({"when": any_of([conditions.group(one, scope) for one in self.groups])} if self.groups else {})


def end_of(trigger: Element | None, scope: Scope, longest_s: float) -> Ending:
    """Groups that are a time alone set the latest end; without one it is `longest_s`."""
    groups = [] if trigger is None else [one for one in trigger.all("ConditionGroup") if one.children]
    times = [time for time in (_time(one, scope) for one in groups) if time is not None]
    others = tuple(one for one in groups if _time(one, scope) is None)
    return Ending(min(max(min(times, default=longest_s), 0.1), MOST_S), others)


def _time(group: Element, scope: Scope) -> float | None:
    conditions = group.all("Condition")
    found = conditions[0].below("ByValueCondition", "SimulationTimeCondition") if len(conditions) == 1 else []
    if not found or scope.text(found[0], "rule") not in {"greaterThan", "greaterOrEqual", "equalTo"}:
        return None
    return scope.value(found[0], "value") + scope.value(conditions[0], "delay", 0.0)
