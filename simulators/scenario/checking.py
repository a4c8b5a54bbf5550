"""What a description's parts must be to one another: names that exist, an order that can be built, lanes that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from simulators.scenario.conditions import BETWEEN_TWO, OF_ONE, Trigger
from simulators.scenario.constraints import condition
from simulators.scenario.description import ActorDescription, Description, Parameter
from simulators.scenario.manoeuvres import Manoeuvre
from simulators.scenario.roads import WayDescription
from simulators.scenario.values import Expression

WITH_A_UNIT = ("car", "bus", "truck", "motorcycle")  # others are seen by the roadside
Found = Iterator[tuple[tuple[str | int, ...], str]]


def problems_of(description: Description) -> list[tuple[tuple[str | int, ...], str]]:
    """Where something is wrong, and what is allowed there."""
    return [
        *_expressions(description),
        *_starts(description),
        *_manoeuvres(description),
        *_requirements(description),
        *_unheard(description),
        *_device(description),
    ]


def _expressions(description: Description) -> Found:
    known = description.parameters
    for path, expression in _all_expressions(description, ()):
        for name in sorted(expression.names - set(known)):
            yield path, f"there is no parameter {name!r}; " + _there_are("parameters", known)
    yield from _conditions(description.where, ("where",), known)
    for index, one in enumerate(description.requirements):
        yield from _conditions(one.where, ("requirements", index, "where"), known)


def _conditions(texts: Sequence[str], path: tuple[str | int, ...], known: Mapping[str, Parameter]) -> Found:
    for index, text in enumerate(texts):
        try:
            missing = condition(text).names - set(known)
        except ValueError as error:
            yield (*path, index), str(error)
            continue
        for name in sorted(missing):
            yield (*path, index), f"there is no parameter {name!r}; " + _there_are("parameters", known)


def _all_expressions(part: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Expression]]:
    if isinstance(part, Expression):
        yield path, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _all_expressions(getattr(part, name), (*path, name))
    elif isinstance(part, Mapping):
        for name, value in part.items():
            yield from _all_expressions(value, (*path, name))
    elif isinstance(part, tuple):
        for index, value in enumerate(part):
            yield from _all_expressions(value, (*path, index))


def _starts(description: Description) -> Found:
    ways, order = description.road.described(), placed_in_order(description.actors)
    for name, actor in description.actors.items():
        yield from _start(name, actor, description.actors, ways)
        if name not in order and reference_of(actor) in description.actors:
            yield ("actors", name, "start"), "a place that does not hang on itself: these are placed by one another in a circle"


def placed_in_order(actors: Mapping[str, ActorDescription]) -> list[str]:
    """Names so that everybody comes after whoever it is placed by; who cannot be placed is left out."""
    order: list[str] = []
    while ready := [name for name, actor in actors.items() if name not in order and reference_of(actor) in {None, *order}]:
        order += ready
    return order


def reference_of(actor: ActorDescription) -> str | None:
    """By whom an actor is placed, if by another."""
    return actor.start.ahead_of or actor.start.behind


def way_of(name: str | None, actors: Mapping[str, ActorDescription]) -> str:
    """The way that an actor is on: its own, or that of whoever it is placed by; nothing where that cannot be told."""
    for _ in actors:
        actor = actors.get(name or "")
        if actor is None or actor.start.way is not None:
            return "" if actor is None or actor.start.way is None else actor.start.way
        name = reference_of(actor)
    return ""


def _start(
    name: str, actor: ActorDescription, actors: Mapping[str, ActorDescription], ways: Mapping[str, WayDescription]
) -> Found:
    start, path = actor.start, ("actors", name, "start")
    for key in ("ahead_of", "behind"):
        other = getattr(start, key)
        if other is not None and (other not in actors or other == name):
            yield (*path, key), "another actor: " + ", ".join(one for one in actors if one != name)
    way = way_of(name, actors)
    if start.way is not None and start.way not in ways:
        yield (*path, "way"), "one of " + ", ".join(ways)
    elif way in ways and start.lane is not None and start.lane > ways[way].lanes:
        yield (*path, "lane"), f"1 (the rightmost) to {ways[way].lanes}"


def _manoeuvres(description: Description) -> Found:
    names = [one.name for one in description.manoeuvres]
    for index, one in enumerate(description.manoeuvres):
        path = ("manoeuvres", index)
        if one.name in names[:index]:
            yield (*path, "name"), "a name of its own: another manoeuvre has it"
        if one.actor not in description.actors:
            yield (*path, "actor"), "one of " + ", ".join(description.actors)
        way = description.road.described().get(way_of(one.actor, description.actors))
        if way is not None and one.lane_change is not None and (one.lane_change.to_lane or 1) > way.lanes:
            yield (*path, "lane_change", "to_lane"), f"1 (the rightmost) to {way.lanes}"
        yield from _likened(description, one, path)
        if set(one.ends) - {other.name for other in description.manoeuvres if other.actor == one.actor}:
            yield (
                (*path, "ends"),
                _there_are(
                    "manoeuvres of the actor", [other.name for other in description.manoeuvres if other.actor == one.actor]
                ),
            )
        yield from _trigger(description, one.when, (*path, "when"), one.actor, one.name)
    if description.end.when is not None:
        yield from _trigger(description, description.end.when, ("end", "when"), "", "")


def _likened(description: Description, one: Manoeuvre, path: tuple[str | int, ...]) -> Found:
    """Others than the actor by whom a change is measured."""
    for part in ("speed", "lane_change"):
        for key in ("like", "lane_of", "offset_of"):
            name = getattr(getattr(one, part), key, None)
            if name is not None and name not in description.actors:
                yield (*path, part, key), "one of " + ", ".join(description.actors)


def _trigger(description: Description, when: Trigger, path: tuple[str | int, ...], own: str, manoeuvre: str) -> Found:
    """Of a manoeuvre of that name and actor, or of the run's end, where everybody must be named."""
    names = [other.name for other in description.manoeuvres if other.name != manoeuvre]
    for key in (*BETWEEN_TWO, *OF_ONE, "reaches", "stands", "touches", "warned"):
        if getattr(when, key) is not None:
            yield from _parties(description, getattr(when, key), (*path, key), own)
    if when.light is not None and when.light.signal not in description.road.signals:
        yield (*path, "light", "signal"), _there_are("signals", description.road.signals)
    if when.after is not None and when.after.manoeuvre not in names:
        yield (*path, "after", "manoeuvre"), _there_are("other manoeuvres", names)
    if when.passes_m is not None and not own:
        yield (*path, "passes_m"), "only of a manoeuvre, whose actor it is about"
    for key in ("any_of", "all_of"):
        for index, one in enumerate(getattr(when, key)):
            yield from _trigger(description, one, (*path, key, index), own, manoeuvre)


def _parties(description: Description, condition: Any, path: tuple[str | int, ...], own: str) -> Found:
    who = condition.of or own
    for key, name in (("of", who), *((key, getattr(condition, key, None)) for key in ("to", "about"))):
        if name is not None and name not in description.actors:
            yield (*path, key), "one of " + ", ".join(description.actors)
    if getattr(condition, "to", None) == who:
        yield (*path, "to"), "another actor than the manoeuvre's"


def _requirements(description: Description) -> Found:
    names = [one.name for one in description.manoeuvres]
    for part in ("requirements", "validity"):
        for index, limit in enumerate(getattr(description, part)):
            for actor in limit.actors():
                if actor not in description.actors:
                    yield (part, index), f"there is no actor {actor!r}; actors: " + ", ".join(description.actors)
            if limit.signal is not None and limit.signal not in description.road.signals:
                yield (part, index), f"there is no signal {limit.signal!r}; " + _there_are("signals", description.road.signals)
            for name in sorted(set(limit.manoeuvres()) - set(names)):
                yield (part, index), f"there is no manoeuvre {name!r}; " + _there_are("manoeuvres", names)


def _unheard(description: Description) -> Found:
    for index, actor in enumerate(description.radio.unheard):
        if actor not in description.actors:
            yield ("radio", "unheard", index), "one of " + ", ".join(description.actors)


def _device(description: Description) -> Found:
    """The device under test stands for one actor, of a kind that says itself where it is."""
    if description.dut is None:
        return
    under_test = [name for name, actor in description.actors.items() if actor.under_test]
    if description.dut.actor is None and len(under_test) != 1:
        yield ("dut", "actor"), "one actor, since not exactly one is under_test: " + ", ".join(description.actors)
    actor = description.dut.actor or "".join(under_test[:1])
    if description.dut.actor is not None and actor not in description.actors:
        yield ("dut", "actor"), "one of " + ", ".join(description.actors)
    elif actor and description.actors[actor].kind not in WITH_A_UNIT:
        yield ("dut", "actor"), "an actor that has a unit of its own, so one of kind " + ", ".join(WITH_A_UNIT)


def _there_are(what: str, names: Any) -> str:
    return f"{what}: " + (", ".join(names) if names else "there are none")
