"""`chelu scenario run --replay`: recordings judged by a scenario's requirements, as if they had been runs of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from simulators.command import parse_origin
from simulators.scenario.cases import Cases, repeated
from simulators.scenario.description import Description
from simulators.scenario.domain import outside_of
from simulators.scenario.judging import judge
from simulators.scenario.real_time import Ran
from simulators.scenario.recorded.aligning import Begin, aligned
from simulators.scenario.recorded.conditions import TRACK, VALIDITY
from simulators.scenario.recorded.forms import read
from simulators.scenario.running_options import Options
from simulators.scenario.track.record import read as read_track

LONGEST_S = 1e9


def replayed(options: Options, description: Description, cases: Cases, console: Console) -> Ran:  # noqa: ARG001 - as other modes
    """A run for each recording. cases: the one case that all of them are of; ConfigurationError for more."""
    if len(cases) != 1:
        raise ConfigurationError("--replay", f"{len(cases):,} cases", "one case: what was driven, said by --set")
    if not 0 <= options.start_s < LONGEST_S or not math.isfinite(options.start_s):
        raise ConfigurationError("--start", options.start_s, "seconds, 0 or more")
    origin = _origin(options.origin)
    recordings = [one for path in options.recordings for one in read(path, origin)]
    names = names_given(options.recorded_as, description)
    conducted = None if options.track is None else read_track(options.track)
    started_s = None if conducted is None or conducted.started_us is None else conducted.started_us / 1e6
    trace = aligned(recordings, description, repeated(cases, len(recordings)), names, Begin(options.start_s, started_s))
    validity = (*VALIDITY, *description.conditions())
    if conducted is not None:
        trace = replace(trace, rig={**trace.rig, "aborted": np.full(trace.runs, float(not conducted.is_done))})
        validity = (*TRACK, *validity)
    verdicts = judge(trace, description.requirements, validity, outside_of(description, trace))
    return Ran(verdicts, trace, range(len(recordings)))


def names_given(given: Sequence[str], description: Description, option: str = "--actor") -> Mapping[str, str]:
    """`ego=obu-1` of the command line: by actor what it is called elsewhere. ConfigurationError says what is allowed."""
    names: dict[str, str] = {}
    for text in given:
        actor, sign, name = text.partition("=")
        if not sign or not name or actor not in description.actors:
            raise ConfigurationError(option, text, "ACTOR=NAME; actors: " + ", ".join(description.actors))
        names[actor] = name
    return names


def _origin(text: str | None) -> LocalFrame | None:
    if text is None:
        return None
    place = parse_origin(text)
    return LocalFrame(place.latitude_deg, place.longitude_deg, place.elevation_m)
