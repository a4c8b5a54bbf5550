"""Metrics of a roadside unit under test: how often and how late it tells of road users and lights, and how rightly."""

from __future__ import annotations

from simulators.scenario.metrics.metric import Metric, of_rig

NOT_ELSEWHERE = "Not measured where no roadside unit is in the loop."


def _metric(name: str, unit: str, formula: str, about: str, edges: str = "") -> Metric:
    return Metric(
        name=name,
        unit=unit,
        parties=(0,),
        formula=formula,
        about=about,
        edges=f"{edges} {NOT_ELSEWHERE}".strip(),
        measure=of_rig(name),
        is_windowed=False,
    )


METRICS = (
    *(
        _metric(f"{kind}_rate_hz", "Hz", f"{kind.upper()} frames of the unit ÷ the run's duration", about)
        for kind, about in (
            ("rsm", "How often the unit tells of road users."),
            ("spat", "How often the unit tells what signals show."),
            ("map", "How often the unit tells of its map."),
            ("rsi", "How often the unit tells of events and signs."),
        )
    ),
    _metric(
        "unit_latency_s",
        "s",
        "95th percentile of (arrival at the rig − the instant that a row of RSM or SPAT is about)",
        "How old what the unit tells is when it tells it.",
        "By both clocks: see clock_offset_s. Not measured of a unit that tells of nobody and of no light.",
    ),
    _metric(
        "participant_error_m",
        "m",
        "95th percentile of the distance from where a participant is said to be to the nearest road user at that instant",
        "How exactly the unit says where road users are.",
        "Of participants within 5 m of somebody; others are ghosts. Not measured of a unit that tells of nobody.",
    ),
    _metric(
        "missed_participants",
        "",
        "share of tenths of a second, of all in its area for 1 s, at which nothing of the last second was said of them",
        "Whom the unit does not see.",
        "Not measured when nobody is in the area for a second.",
    ),
    _metric(
        "ghost_participants",
        "",
        "numbers of participants that were ever said to be where nobody is within 5 m",
        "Whom the unit sees though nobody is there.",
    ),
    _metric(
        "wrong_lights",
        "",
        "share of phases in SPAT that say another light than was shown within 0.1 s of the instant that they are about",
        "Whether the unit tells what signals show.",
        "An intersection that there is not is wrong. Not measured of a unit that tells of no light.",
    ),
)
