"""A replay's warnings in the terms of the scene that was replayed, for the judge."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.fleet import Fleet
from simulators.judge import Expectation, Verdict, Warned, judge
from simulators.pace import Pace
from simulators.received import Party, ReceivedWarning
from simulators.replay import ReplayReport
from simulators.scene import Scene

RAISED = "raised"


def verdicts(expectations: Sequence[Expectation], report: ReplayReport, scene: Scene, fleet: Fleet) -> list[Verdict]:
    """What became of what a scene was staged for, judged by the warnings its vehicles got back."""
    return judge(expectations, warned(report, scene, fleet))


def warned(report: ReplayReport, scene: Scene, fleet: Fleet) -> list[Warned]:
    """Every warning that was raised, by the names of the scene's actors and on its clock."""
    names = {int(number): str(name) for number, name in zip(fleet.vehicle_ids, scene.actors["name"], strict=True)}
    return [_warned(one, names, report.pace) for one in report.warnings if one.state == RAISED]


def _warned(warning: ReceivedWarning, names: dict[int, str], pace: Pace) -> Warned:
    at_s = (warning.event_time_us - pace.anchor_us) / 1e6 + pace.begin_ms / 1000
    return Warned(warning.application, named(warning.host, names), about(warning, names), at_s)


def about(warning: ReceivedWarning, names: dict[int, str]) -> str:
    """Whom or what it warns of."""
    return warning.subject or named(warning.other, names)


def named(party: Party, names: dict[int, str]) -> str:
    """An actor's name; for one that is only perceived, that of the device that said so."""
    named = names.get(party.vehicle_id) if party.vehicle_id is not None else None
    return named or f"somebody seen by {party.device_id}"
