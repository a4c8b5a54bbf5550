"""What manoeuvres and their triggers must be to the rest of a description: lanes, actors, signals and names that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chelu.applications import WARNING_APPLICATIONS
from simulators.scenario.casting import way_of
from simulators.scenario.conditions import BETWEEN_TWO, OF_ONE, ReceivedCondition, Trigger
from simulators.scenario.description import Description
from simulators.scenario.kinds import WITH_A_UNIT
from simulators.scenario.manoeuvres import Manoeuvre
from simulators.scenario.names import there_are, unknown

Where = tuple[str | int, ...]
Found = Iterator[tuple[Where, str]]


def problems_of_manoeuvres(description: Description) -> Found:
    """Of all manoeuvres, and of what ends a run."""
    names = [one.name for one in description.manoeuvres]
    for index, one in enumerate(description.manoeuvres):
        path = ("manoeuvres", index)
        if one.name in names[:index]:
            yield (*path, "name"), "a name of its own: another manoeuvre has it"
        if one.actor not in description.actors:
            yield (*path, "actor"), unknown("actor", one.actor, description.actors)
        yield from _lanes(description, one, (*path, "lane_change"))
        yield from _likened(description, one, path)
        own = [other.name for other in description.manoeuvres if other.actor == one.actor]
        for row, name in enumerate(one.ends):
            if name not in own:
                yield (*path, "ends", row), f"one of the actor's own: {unknown('manoeuvre', name, own)}"
        yield from _trigger(description, one.when, (*path, "when"), one.actor, one.name)
    if description.end.when is not None:
        yield from _trigger(description, description.end.when, ("end", "when"), "", "")


def _lanes(description: Description, one: Manoeuvre, path: Where) -> Found:
    """A lane change leads to a lane that there is."""
    way = description.road.described().get(way_of(one.actor, description.actors))
    if way is None or one.lane_change is None:
        return
    if (one.lane_change.to_lane or 1) > way.lanes:
        yield (*path, "to_lane"), f"1 (the rightmost) to {way.lanes}"
    if abs(one.lane_change.lanes_left) >= way.lanes:
        yield (*path, "lanes_left"), f"{1 - way.lanes} to {way.lanes - 1}: the way has {way.lanes} lanes"


def _likened(description: Description, one: Manoeuvre, path: Where) -> Found:
    """Others than the actor by whom a change is measured."""
    for part in ("speed", "lane_change"):
        for key in ("like", "lane_of", "offset_of"):
            name = getattr(getattr(one, part), key, None)
            if name is not None and name not in description.actors:
                yield (*path, part, key), unknown("actor", name, description.actors)


def _trigger(description: Description, when: Trigger, path: Where, own: str, manoeuvre: str) -> Found:
    """Of a manoeuvre of that name and actor, or of the run's end, where everybody must be named."""
    for key in (*BETWEEN_TWO, *OF_ONE, "reaches", "stands", "touches", "warned", "received"):
        if getattr(when, key) is not None:
            yield from _parties(description, getattr(when, key), (*path, key), own)
    yield from _things(description, when, path, manoeuvre)
    if when.passes_m is not None and not own:
        yield (*path, "passes_m"), "only of a manoeuvre, whose actor it is about"
    for key in ("any_of", "all_of"):
        for index, one in enumerate(getattr(when, key)):
            yield from _trigger(description, one, (*path, key, index), own, manoeuvre)


def _things(description: Description, when: Trigger, path: Where, manoeuvre: str) -> Found:
    """What a trigger waits for that is no actor."""
    names = [other.name for other in description.manoeuvres if other.name != manoeuvre]
    if when.light is not None and when.light.signal not in description.road.signals:
        yield (*path, "light", "signal"), unknown("signal", when.light.signal, description.road.signals)
    if when.after is not None and when.after.manoeuvre not in names:
        yield (*path, "after", "manoeuvre"), unknown("other manoeuvre", when.after.manoeuvre, names)
    if when.warned is not None:
        yield from application(description, when.warned.application, (*path, "warned", "application"))
    if when.received is not None:
        yield from _received(description, when.received, (*path, "received"))


def _received(description: Description, one: ReceivedCondition, path: Where) -> Found:
    """What is sent at all."""
    if one.sender is not None:
        yield from _sends(description, one.sender, (*path, "from"))
    if one.signal is not None and one.signal not in description.road.signals:
        yield (*path, "signal"), unknown("signal", one.signal, description.road.signals)
    if one.told is not None and one.told not in description.road.told:
        yield (*path, "told"), unknown("event or sign that is told", one.told, description.road.told)


def _sends(description: Description, name: str, path: Where) -> Found:
    """Whether an actor has a radio."""
    if name not in description.actors:
        yield path, unknown("actor", name, description.actors)
    elif description.actors[name].kind not in WITH_A_UNIT:
        yield path, "an actor that has a unit of its own, so one of kind " + ", ".join(WITH_A_UNIT)
    elif name in description.radio.unheard:
        yield path, "an actor with a radio, and not one that radio: unheard names"


def _parties(description: Description, condition: Any, path: Where, own: str) -> Found:
    who = condition.of or own
    for key, name in (("of", who), *((key, getattr(condition, key, None)) for key in ("to", "about"))):
        if name is not None and name not in description.actors:
            yield (
                (*path, key),
                unknown("actor", name, description.actors) if name else there_are("one of the actors", description.actors),
            )
    for key, field in (("to", "to"), ("from", "sender")):
        if who and getattr(condition, field, None) == who:
            yield (*path, key), "another actor than the manoeuvre's"
    if isinstance(condition, ReceivedCondition) and who in description.actors:
        yield from _sends(description, who, (*path, "of"))


def application(description: Description, name: str, path: Where) -> Found:
    """One that warns: of Chelu's, or of a device's that the scenario names. A misspelt one never warns, and always passes."""
    known = (*WARNING_APPLICATIONS, *description.applications)
    if name not in known:
        yield path, f"{unknown('application', name, known)}; `applications` names those of a device of one's own"
