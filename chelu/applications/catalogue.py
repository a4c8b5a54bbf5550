"""What may be set at a site: every application's parameters by its name, and those that all have in common.

THE schema: inference goes by instances of these classes, the register checks against them what somebody wants to set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Any

from chelu.applications import common, conflicts, rules
from chelu.parameters import allowed

Values = Mapping[str, Mapping[str, Any]]  # application → parameter → value

APPLICATIONS: Mapping[str, type[Any]] = {
    "fcw": conflicts.FcwParameters,
    "icw": conflicts.IcwParameters,
    "lta": conflicts.LtaParameters,
    "lcw": conflicts.LcwParameters,
    "dnpw": conflicts.DnpwParameters,
    "ebw": conflicts.EbwParameters,
    "avw": conflicts.AvwParameters,
    "clw": conflicts.ClwParameters,
    "evw": conflicts.EvwParameters,
    "svw": rules.SvwParameters,
    "glosa": rules.GlosaParameters,
    "vrucw": conflicts.VrucwParameters,
    "hlw": rules.HlwParameters,
    "slw": rules.SlwParameters,
    "ivs": rules.IvsParameters,
    "tjw": rules.TjwParameters,
}
COMMON: Mapping[str, type[Any]] = {
    "life": common.LifeParameters,
    "events": common.EventParameters,
    "weather": common.WeatherParameters,
    "jams": common.JamParameters,
    "reckoning": common.ReckoningParameters,
}
SCHEMA: Mapping[str, type[Any]] = {**APPLICATIONS, **COMMON}


def every() -> Iterator[tuple[str, Field[Any]]]:
    """Each parameter with its application, in the catalogue's order; its metadata has unit, source, low and high."""
    for application, kind in SCHEMA.items():
        yield from ((application, one) for one in fields(kind))


def faults(values: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, object, str]]:
    """What may not be set so: where (``fcw.warn_mps2``), what was found, and what is allowed instead."""
    for application, given in values.items():
        if application not in SCHEMA:
            yield application, dict(given), f"one of the applications {', '.join(SCHEMA)}"
            continue
        for name, value in given.items():
            if text := allowed(SCHEMA[application], name, value):
                yield f"{application}.{name}", value, text


def differing(values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Those that are not the default; of what the catalogue has."""
    defaults = {(application, one.name): one.default for application, one in every()}
    found: dict[str, dict[str, float]] = {}
    for application, given in values.items():
        own = {name: value for name, value in given.items() if value != defaults.get((application, name), value)}
        if own:
            found[application] = own
    return found
