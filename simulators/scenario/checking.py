"""What a description's parts must be to one another: names that exist, an order that can be built, lanes that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from simulators.scenario.casting import placed_in_order, reference_of, way_of
from simulators.scenario.checking_manoeuvres import Found, Where, application, problems_of_manoeuvres
from simulators.scenario.constraints import condition
from simulators.scenario.description import ActorDescription, Description, Parameter
from simulators.scenario.kinds import WITH_A_UNIT
from simulators.scenario.names import unknown
from simulators.scenario.requirements import Limit
from simulators.scenario.roads import WayDescription
from simulators.scenario.values import Expression


def problems_of(description: Description) -> list[tuple[Where, str]]:
    """Where something is wrong, and what is allowed there."""
    return [
        *_expressions(description),
        *_road(description),
        *_starts(description),
        *problems_of_manoeuvres(description),
        *_requirements(description),
        *_unheard(description),
        *_device(description),
    ]


def _expressions(description: Description) -> Found:
    known = description.parameters
    for path, expression in expressions_of(description, ()):
        for name in sorted(expression.names - set(known)):
            yield path, unknown("parameter", name, known)
    yield from _conditions(description.where, ("where",), known)
    for index, one in enumerate(description.requirements):
        yield from _conditions(one.where, ("requirements", index, "where"), known)


def _conditions(texts: Sequence[str], path: Where, known: Mapping[str, Parameter]) -> Found:
    for index, text in enumerate(texts):
        try:
            missing = condition(text).names - set(known)
        except ValueError as error:
            yield (*path, index), str(error)
            continue
        for name in sorted(missing):
            yield (*path, index), unknown("parameter", name, known)


def expressions_of(part: Any, path: Where) -> Iterator[tuple[Where, Expression]]:
    """All that hang on parameters in a part of a description, and where each stands."""
    if isinstance(part, Expression):
        yield path, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from expressions_of(getattr(part, name), (*path, name))
    elif isinstance(part, Mapping):
        for name, value in part.items():
            yield from expressions_of(value, (*path, name))
    elif isinstance(part, tuple):
        for index, value in enumerate(part):
            yield from expressions_of(value, (*path, index))


def _road(description: Description) -> Found:
    """Stop lines and what is told stand on the ways that they name."""
    ways = description.road.described()
    for name, signal in description.road.signals.items():
        length_m = ways[signal.way].length_m
        if signal.stop_line_m > length_m:
            yield ("road", "signals", name, "stop_line_m"), f"at most {length_m:g} m: {signal.way} ends there"
    for name, notice in description.road.told.items():
        length_m = ways[notice.way].length_m
        for key in ("from_m", "until_m"):
            if (getattr(notice, key) or 0.0) > length_m:
                yield ("road", "told", name, key), f"at most {length_m:g} m: {notice.way} ends there"


def _starts(description: Description) -> Found:
    ways, order = description.road.described(), placed_in_order(description.actors)
    for name, actor in description.actors.items():
        yield from _start(name, actor, description.actors, ways)
        if name not in order and reference_of(actor) in description.actors:
            yield ("actors", name, "start"), "a place that does not hang on itself: these are placed by one another in a circle"


def _start(
    name: str, actor: ActorDescription, actors: Mapping[str, ActorDescription], ways: Mapping[str, WayDescription]
) -> Found:
    start, path = actor.start, ("actors", name, "start")
    for key in ("ahead_of", "behind"):
        other = getattr(start, key)
        others = [one for one in actors if one != name]
        if other is not None and other not in others:
            yield (*path, key), "another actor: " + ", ".join(others) if other == name else unknown("actor", other, others)
    way = way_of(name, actors)
    if start.way is not None and start.way not in ways:
        yield (*path, "way"), unknown("way", start.way, ways)
    elif way in ways and start.lane is not None and start.lane > ways[way].lanes:
        yield (*path, "lane"), f"1 (the rightmost) to {ways[way].lanes}"


def _requirements(description: Description) -> Found:
    names = [one.name for one in description.manoeuvres]
    for part in ("requirements", "validity"):
        for index, limit in enumerate(getattr(description, part)):
            path = (part, index)
            yield from _named(description, limit, path)
            yield from _signals(description, limit, path)
            if limit.application is not None:
                yield from application(description, limit.application, (*path, "application"))
            for key, name in (("from", limit.from_), ("until", limit.until), ("fired", getattr(limit, "fired", None))):
                if isinstance(name, str) and name not in names:
                    yield (*path, key), unknown("manoeuvre", name, names)
                elif isinstance(name, float) and name > description.end.after_s:
                    yield (*path, key), f"at most {description.end.after_s:g} s, when the run ends"


def _signals(description: Description, limit: Limit, path: Where) -> Found:
    for key in ("signal", "other_signal"):
        name = getattr(limit, key)
        if name is not None and name not in description.road.signals:
            yield (*path, key), unknown("signal", name, description.road.signals)


def _named(description: Description, limit: Limit, path: Where) -> Found:
    """Whom a requirement or validity condition is about, and which warning it waits for."""
    warning = getattr(limit, "warning", None)
    if warning is None:
        whose = (
            [((*path, "of"), limit.of)]
            if isinstance(limit.of, str)
            else [((*path, "of", row), one) for row, one in enumerate(limit.of)]
        )
    else:
        yield from application(description, warning.application, (*path, "warning", "application"))
        whose = [((*path, "warning", key), getattr(warning, key)) for key in ("host", "other")]
    for where, name in whose:
        if name is not None and name not in description.actors:
            yield where, unknown("actor", name, description.actors)


def _unheard(description: Description) -> Found:
    for index, actor in enumerate(description.radio.unheard):
        if actor not in description.actors:
            yield ("radio", "unheard", index), unknown("actor", actor, description.actors)


def _device(description: Description) -> Found:
    """The device under test stands for one actor; one that warns for one of a kind that says itself where it is."""
    if description.dut is None or description.dut.kind == "sees":
        return
    if description.dut.kind == "signals":
        yield from _controlled(description, description.dut.signals)
        return
    under_test = [name for name, actor in description.actors.items() if actor.under_test]
    if description.dut.actor is None and len(under_test) != 1:
        yield ("dut", "actor"), "one actor, since not exactly one is under_test: " + ", ".join(description.actors)
    actor = description.dut.actor or "".join(under_test[:1])
    if description.dut.actor is not None and actor not in description.actors:
        yield ("dut", "actor"), unknown("actor", actor, description.actors)
    elif actor and description.dut.kind == "warns" and description.actors[actor].kind not in WITH_A_UNIT:
        yield ("dut", "actor"), "an actor that has a unit of its own, so one of kind " + ", ".join(WITH_A_UNIT)


def _controlled(description: Description, named: Sequence[str]) -> Found:
    if not description.road.signals:
        yield ("dut", "kind"), "warns or drives: there are no signals"
    for index, name in enumerate(named):
        if name not in description.road.signals:
            yield ("dut", "signals", index), unknown("signal", name, description.road.signals)
