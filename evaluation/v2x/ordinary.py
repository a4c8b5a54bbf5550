"""Ordinary traffic: recordings in which nobody collides, every vehicle with a radio, ten messages a second.

Driven twice: exact, with nothing late or lost, and as it arrives under conditions that encounters are staged with, too.
Warnings are counted by application, and so are the needless ones (`evaluation.v2x.truth`): at every moment of the next five
seconds the required deceleration is below 2 m/s², each going on as fast as it then is on the path that it really takes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.models.motion.tracks import EPOCH_US
from evaluation.v2x import recordings, traffic
from evaluation.v2x.explain import Explanations
from evaluation.v2x.hindsight import NOBODY, Hindsight, Raised, Verdict
from evaluation.v2x.measured import Conditions
from evaluation.v2x.traffic import Traffic
from services.inference.life import Party, State
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.reports import Reports
from services.inference.site import Site, SiteParameters

Tell = Callable[[float], None]
Heard = Iterable[tuple[float, float, Reports]]
"""Instants of evaluation: when, as of when signals are known, and what has arrived since the last."""
NOT_JUDGED = ("slw", "glosa")  # drivers of the recordings exceed limits by up to 15 %; advice warns of nothing
_NOTHING: Mapping[str, Any] = {"raised": {}, "false": {}, "unjudged": {}}


@dataclass(frozen=True, slots=True)
class Roadside:
    """Where further recordings are kept, and the file for explanations, if anybody wants to read them."""

    recordings: Path
    explanations: Path | None = None


def drive_district(seed: int, at: Roadside, tell: Tell, *, conditions: Conditions | None = None) -> dict[str, Any]:
    """The recording that ships (0), or one made of a further seed; one in which somebody collides or brakes hard has no hours.

    conditions: of one encounter; without them everything is exact.
    """
    found = recordings.of_seed(seed, at.recordings) if seed else recordings.shipped()
    if found is None:
        return {"vehicle_hours": 0.0, **_NOTHING, "note": "not ordinary: somebody collides or brakes hard"}
    return _figures(traffic.read(found), at, tell, conditions, seed)


def drive_ngsim(at: Roadside, tell: Tell) -> dict[str, Any]:
    """Interstate 80, if its file is there; else a note that it is not."""
    found = traffic.ngsim()
    if found is None:
        return {"vehicle_hours": 0.0, **_NOTHING, "note": "not driven: the recording is not on this machine"}
    return _figures(found, at, tell)


def together(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Hours, warnings and needless ones of several recordings; None without any."""
    parts = [part for part in parts if part["vehicle_hours"]]
    hours = sum(part["vehicle_hours"] for part in parts)
    if not hours:
        return None
    counts = {name: sum((Counter(part[name]) for part in parts), Counter()) for name in ("raised", "false", "unjudged")}
    return {
        "recordings": len(parts),
        "vehicle_hours": round(hours, 2),
        **{name: _sorted(one) for name, one in counts.items()},
        "false_per_vehicle_hour": {name: round(number / hours, 3) for name, number in sorted(counts["false"].items())},
    }


def _figures(driven: Traffic, at: Roadside, tell: Tell, conditions: Conditions | None = None, seed: int = 0) -> dict[str, Any]:
    hindsight = Hindsight(driven.recording)
    explanations = Explanations(driven.recording, hindsight, is_exact=conditions is None)
    rules, heard = list[Raised](), exact(driven) if conditions is None else on_air(driven, conditions, seed)
    warnings = drive(driven, heard, tell, explanations if at.explanations else None, rules)
    verdicts = hindsight.verdicts(warnings)
    if at.explanations:
        explanations.append_to(at.explanations, verdicts)
    count = {
        which: Counter(one.application for one, verdict in zip(warnings, verdicts, strict=True) if verdict is which)
        for which in Verdict
    }
    told = Counter(one.application for one in rules)
    stays = hindsight.stay([one.host for one in rules], [one.at_s for one in rules])
    kept, gone = (
        Counter(one.application for one, is_there in zip(rules, stays, strict=True) if is_there == which)
        for which in (True, False)
    )
    for name in NOT_JUDGED:
        del kept[name], gone[name]
    return {
        "vehicle_hours": round(driven.vehicle_hours, 3),
        "raised": _sorted(Counter(one.application for one in warnings) + told),
        "false": _sorted(count[Verdict.NEEDLESS] + kept),
        "unjudged": _sorted(count[Verdict.UNJUDGED] + gone),
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def exact(driven: Traffic) -> Heard:
    """Everything that is true, at once."""
    return ((at_s, at_s, reports) for at_s, reports in driven.instants())


def on_air(driven: Traffic, conditions: Conditions, seed: int) -> Heard:
    """What arrives under these conditions of one encounter; of signals so late that it is true of all of them."""
    air, latency_s = driven.broadcast(conditions, seed), float(conditions.latency_s[0])
    for now_s, rows in air.ticks(float(driven.recording.time_s[-1]) + latency_s):
        yield now_s, now_s - latency_s, air.reports.take(np.arange(rows.start, rows.stop))


def drive(
    driven: Traffic,
    heard: Heard,
    tell: Tell | None = None,
    explanations: Explanations | None = None,
    rules: list[Raised] | None = None,
) -> list[Raised]:
    """All of a recording through one site, as it is heard; every warning raised of another. rules: takes those about things.

    Nobody runs a red light in a recording, nor does a roadside tell of an event: a warning about a thing is a false one, but
    for limits, which some exceed. Trips may end before a light, though: who is gone five seconds later is not judged.
    """
    roads = driven.recording.roads
    site = Site(SiteParameters(), roads=roads, model=OnnxMotionModel(shipped()), new_id=map(str, itertools.count()).__next__)
    lasts_s, found = float(driven.recording.time_s[-1]) + 1e-9, list[Raised]()
    for now_s, said_s, reports in heard:
        if driven.signals is not None:
            site.signals.update(driven.signals.at(said_s))
        for one in site.step(reports, EPOCH_US + round(now_s * 1e6)):
            if rules is not None and one.state is State.RAISED and one.subject is not None and one.subject.advice is None:
                rules.append(Raised(one.application, _road_user(one.host), NOBODY, now_s))
            if one.state is State.RAISED and one.other is not None:
                warning = Raised(one.application, _road_user(one.host), _road_user(one.other), now_s)
                found.append(warning)
                if explanations is not None:
                    explanations.note(site, one, one.other, warning)
        if tell is not None:
            tell(min(now_s / lasts_s, 1.0))
    return found


def _road_user(party: Party) -> int:
    """The recording's number of it; who walks is known by the number that the roadside unit gives."""
    return (party.vehicle_id or party.participant_id or 0) - 1
