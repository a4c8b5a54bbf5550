"""What a suite's items must be to their scenarios: parameters that there are, actors and applications by their names."""

from __future__ import annotations

from collections import Counter

from chelu.errors import ConfigurationError
from simulators.scenario.cases import parameter_given
from simulators.scenario.checking_manoeuvres import Found as Problems
from simulators.scenario.checking_manoeuvres import Where, application
from simulators.scenario.description import Description
from simulators.scenario.devices import kind_of
from simulators.scenario.names import unknown
from simulators.scenario.suite.description import Item
from simulators.scenario.suite.library import Found


def problems_of_suite(found: Found) -> list[tuple[Where, str]]:
    """Where in the suite something is wrong, and what is allowed there. ScenarioError when one of its scenarios is none."""
    problems = [*_device(found.suite.device, ("device",))]
    names = Counter(slug(item) for item in found.suite.items)
    for index, item in enumerate(found.suite.items):
        path = ("items", index)
        if names[slug(item)] > 1:
            problems.append(((*path, "name"), "a name of its own: another item of the scenario has it"))
        problems += _item(found, item, path)
    return problems


def slug(item: Item) -> str:
    """A directory's name."""
    words = f"{item.scenario or ''} {item.name}"
    return "-".join("".join(sign if sign.isalnum() else " " for sign in words.lower()).split())


def _item(found: Found, item: Item, path: Where) -> Problems:
    if item.device is not None:
        yield from _device(item.device, (*path, "device"))
    if item.scenario is None:
        return
    if item.scenario not in found.names():
        yield (*path, "scenario"), unknown("scenario", item.scenario, found.names())
        return
    description = found.source(item).description
    yield from _values(description, item, path)
    yield from _turn(description, item, (*path, "turns"))


def _device(name: str, path: Where) -> Problems:
    try:
        kind_of(name)
    except ConfigurationError as error:
        yield path, error.allowed


def _values(description: Description, item: Item, path: Where) -> Problems:
    for name, value in item.set.items():
        where = (*path, "set", name)
        if name not in description.parameters:
            yield where, unknown("parameter", name, description.parameters)
            continue
        try:
            parameter_given(f"{name}={as_given(value)}", description)
        except ConfigurationError as error:
            yield where, error.allowed


def _turn(description: Description, item: Item, path: Where) -> Problems:
    if item.turns is None:
        return
    if item.turns.along not in description.parameters:
        yield (*path, "along"), unknown("parameter", item.turns.along, description.parameters)
    if item.turns.warned is not None:
        yield from application(description, item.turns.warned.application, (*path, "warned", "application"))
        if item.turns.warned.host not in description.actors:
            yield (*path, "warned", "host"), unknown("actor", item.turns.warned.host, description.actors)


def as_given(value: float | tuple[float, ...] | str) -> str:
    """An item's value as `--set` takes it."""
    return ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
