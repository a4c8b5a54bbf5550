"""What must hold of a run, and what makes a run one that can be judged at all: limits on metrics, warnings that are expected.

A requirement that is not met is a failure of what is under test; a validity condition that is not met is an error of the rig or
of the run, and nothing is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from chelu.coop.catalogue import types
from simulators.scenario.manoeuvres import MOST_LANES
from simulators.scenario.metrics.metric import Metric
from simulators.scenario.metrics.table import METRICS
from simulators.scenario.names import unknown
from simulators.scenario.parts import Application, Name, Part, wrong
from simulators.scenario.values import Ahead, Bounds, Metres, Quantity, Rate, Seconds, Share, Value


def _coop_type(name: str) -> str:
    """ValueError for a message of cooperation that there is not."""
    if name not in types():
        raise ValueError(unknown("message", name, types()))
    return name


BOUNDS = ("at_least", "at_most", "above", "below", "equals")
SIGNS: Mapping[str, str] = {"at_least": "≥", "at_most": "≤", "above": ">", "below": "<", "equals": "="}
PARAMETERS: tuple[str, ...] = tuple(dict.fromkeys(each.name for one in METRICS.values() for each in one.parameters))
Text = Annotated[str, StringConstraints(min_length=1, max_length=80)]
CoopType = Annotated[str, AfterValidator(_coop_type), WithJsonSchema({"type": "string", "enum": list(types())})]
Instant = Annotated[float, Field(ge=0, le=3600)] | Name


class Limit(Part):
    """A metric of some actors, and one bound (or a least and a largest value) for it.

    from, until: seconds, or the manoeuvre with whose beginning the metric's instants begin and end. within: how far off `equals`
    may be. All others are parameters of metrics (docs/metrics.md).
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True)

    name: Text | None = None
    metric: Annotated[str, WithJsonSchema({"type": "string", "enum": list(METRICS)})] | None = None
    of: Name | tuple[Name, ...] = ()
    at_least: Value | None = None
    at_most: Value | None = None
    above: Value | None = None
    below: Value | None = None
    equals: Value | None = None
    within: Annotated[Quantity, Bounds(0)] | None = None
    from_: Instant | None = Field(default=None, alias="from")
    until: Instant | None = None
    clause: str = ""

    acceleration_mps2: Annotated[Quantity, Bounds(0, 100)] | None = None
    application: Application | None = None
    available_mps2: Rate | None = None
    below_s: Ahead | None = None
    brake_correct_mps2: Rate | None = None
    brake_max_mps2: Rate | None = None
    brake_min_mps2: Rate | None = None
    lane: Annotated[Quantity, Bounds(1, MOST_LANES)] | None = None
    line_m: Metres | None = None
    margin_m: Metres | None = None
    message: CoopType | None = None
    other_signal: Name | None = None
    quantile: Share | None = None
    reaction_s: Annotated[Quantity, Bounds(0, 60)] | None = None
    signal: Name | None = None
    within_s: Seconds | None = None

    def actors(self) -> tuple[str, ...]:
        """Who it is about."""
        return (self.of,) if isinstance(self.of, str) else self.of

    def bounds(self) -> dict[str, Any]:
        """Which bounds it has: name → value."""
        return {name: getattr(self, name) for name in BOUNDS if getattr(self, name) is not None}

    def manoeuvres(self) -> tuple[str, ...]:
        """The manoeuvres that it names."""
        return tuple(one for one in (self.from_, self.until) if isinstance(one, str))

    @property
    def title(self) -> str:
        """Its name, or what it says: unique enough for a person."""
        return self.name or self._said()

    def _said(self) -> str:
        bounds = " and ".join(f"{SIGNS[name]} {shown(value)}" for name, value in self.bounds().items())
        tolerance = f" ± {shown(self.within)}" if self.within is not None else ""
        given = ", ".join(f"{name} {shown(getattr(self, name))}" for name in PARAMETERS if getattr(self, name) is not None)
        window = "".join(
            f" {word} {shown(one)}" for word, one in (("from", self.from_), ("until", self.until)) if one is not None
        )
        about = f" of {', '.join(self.actors())}" if self.actors() else ""
        return f"{self.metric}{f' ({given})' if given else ''}{about} {bounds}{tolerance}{window}"

    @model_validator(mode="after")
    def _is_a_limit(self) -> Self:
        if self.metric is not None:
            check(self, self.metric)
        return self


class WarningExpectation(Part):
    """A warning that a host must get, about another if one is named: in time, not too early, or never.

    by_ttc_s: before TTC to the other first falls below this. by_s, not_before_s: seconds since the run's beginning.
    not_before_ttc_s: not while TTC has not yet been as low as this. never: none may come.
    """

    application: Application
    host: Name
    other: Name | None = None
    by_ttc_s: Ahead | None = None
    by_s: Seconds | None = None
    not_before_s: Seconds | None = None
    not_before_ttc_s: Seconds | None = None
    never: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        when = [name for name in ("by_ttc_s", "by_s", "not_before_s", "not_before_ttc_s") if getattr(self, name) is not None]
        if self.never and when:
            raise wrong(when[0], f"either never or {when[0]}, not both")
        if not self.never and not when:
            raise ValueError("at least one of by_ttc_s, by_s, not_before_s, not_before_ttc_s, never")
        if self.by_ttc_s is not None and self.by_s is not None:
            raise wrong("by_s", "either by_ttc_s or by_s, not both")
        if self.other is None and (self.by_ttc_s is not None or self.not_before_ttc_s is not None):
            raise wrong("other", "by_ttc_s and not_before_ttc_s want other: TTC is to somebody")
        if self.other == self.host:
            raise wrong("other", "another actor than the host")
        return self

    @property
    def title(self) -> str:
        """What it says."""
        about = f" about {self.other}" if self.other else ""
        words = {
            "by_ttc_s": "by TTC",
            "by_s": "by",
            "not_before_s": "not before",
            "not_before_ttc_s": "not before TTC",
        }
        when = ", ".join(
            f"{word} {shown(getattr(self, name))} s" for name, word in words.items() if getattr(self, name) is not None
        )
        return f"{self.application} to {self.host}{about} {when or 'never'}"


class Requirement(Limit):
    """Something that must hold of a run: a limit on a metric, or a warning.

    where: conditions between parameters, as the scenario's own; of cases in which they do not hold it is not asked.
    """

    warning: WarningExpectation | None = None
    where: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.metric is None) == (self.warning is None):
            raise ValueError("exactly one of metric and warning")
        _only(self, self.warning is not None, "warning", frozenset({"name", "warning", "clause", "where"}))
        return self

    def actors(self) -> tuple[str, ...]:
        """Who it is about."""
        if self.warning is None:
            return super().actors()
        return (self.warning.host, self.warning.other) if self.warning.other else (self.warning.host,)

    @property
    def title(self) -> str:
        """Its name, or what it says."""
        about = f", where {' and '.join(self.where)}" if self.where else ""
        return self.name or (self.warning.title if self.warning else self._said()) + about


class Validity(Limit):
    """Something without which a run is not judged: a limit on a metric, or a manoeuvre that must have begun."""

    fired: Name | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.metric is None) == (self.fired is None):
            raise ValueError("exactly one of metric and fired")
        _only(self, self.fired is not None, "fired", frozenset({"name", "fired", "clause"}))
        return self

    def manoeuvres(self) -> tuple[str, ...]:
        """The manoeuvres that it names."""
        return (self.fired,) if self.fired else super().manoeuvres()

    @property
    def title(self) -> str:
        """Its name, or what it says."""
        return self.name or (f"{self.fired} begins" if self.fired else self._said())


def shown(value: Any) -> str:
    """A value for a person: numbers without a tail of noughts, expressions as written."""
    return f"{value:g}" if isinstance(value, int | float) else str(getattr(value, "text", value))


def check(limit: Limit, name: str) -> None:
    """ValueError when there is no such metric, or it does not go with what else is given; says what is allowed."""
    metric = METRICS.get(name)
    if metric is None:
        raise wrong("metric", unknown("metric", name, METRICS))
    _check_actors(limit, metric)
    _check_bounds(limit)
    _check_parameters(limit, metric)
    if not metric.is_windowed and (limit.from_ is not None or limit.until is not None):
        key = "from" if limit.from_ is not None else "until"
        raise wrong(key, f"from and until do not go with {name}: it is one number of a whole run")


def _check_actors(limit: Limit, metric: Metric) -> None:
    actors = limit.actors()
    if len(actors) not in metric.parties:
        words = " or ".join(("nobody", "one actor", "two actors, as [one, other]")[count] for count in metric.parties)
        raise wrong("of", f"{metric.name} is about {words}")
    if len(set(actors)) < len(actors):
        raise wrong("of", "two different actors")


def _check_bounds(limit: Limit) -> None:
    low, high, exact = ["at_least", "above"], ["at_most", "below"], ["equals"]
    found = [[name for name in group if getattr(limit, name) is not None] for group in (low, high, exact)]
    if not any(found):
        raise ValueError("a bound: " + ", ".join(BOUNDS))
    if any(len(group) > 1 for group in found) or (found[2] and (found[0] or found[1])):
        key = next(group[-1] for group in found if group)
        raise wrong(key, "one of at_least and above, one of at_most and below, or equals")
    if limit.within is not None and not found[2]:
        raise wrong("within", "within goes with equals")


def _check_parameters(limit: Limit, metric: Metric) -> None:
    taken = {one.name for one in metric.parameters}
    for name in PARAMETERS:
        if getattr(limit, name) is not None and name not in taken:
            allowed = ", ".join(sorted(taken)) or "none"
            raise wrong(name, f"{name} is no parameter of {metric.name}; its parameters: {allowed}")
    missing = [one.name for one in metric.parameters if one.default is None and getattr(limit, one.name) is None]
    if missing:
        raise wrong(missing[0], f"{metric.name} wants {', '.join(missing)} ({_about(metric, missing[0])})")


def _about(metric: Metric, name: str) -> str:
    found = metric.parameter(name)
    return found.about if found else ""


def _only(part: Part, is_so: bool, what: str, allowed: frozenset[str]) -> None:  # noqa: FBT001 - a guard
    given = {name for name in part.model_fields_set if getattr(part, name) not in (None, (), "")}
    if is_so and given - allowed:
        raise wrong(min(given - allowed).rstrip("_"), f"{', '.join(sorted(given - allowed))} does not go with {what}")


ON_THE_ROAD = Validity.model_validate({"name": "everybody stays on the road", "metric": "off_road_m", "at_most": 0})
