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
    _metric(
        "map_errors",
        "",
        "nodes, links, lanes, lines, widths, users, ways on and phases that any MAP tells otherwise than the road has them",
        "Whether the unit tells how the road lies: the nodes of its signals, numbered as their SPAT is.",
        "A node of a signal that is never told counts. Not measured of a road without signals of which the unit sends no MAP.",
    ),
    _metric(
        "missed_events",
        "",
        "share of tenths of a second from 2 s on, for each event and sign, at which it had not been told within 2 s",
        "Which of the scenario's `told` the unit does not tell of in RSI.",
        "Told is what has its kind, code and text, begins within 50 m of it and is not over. Not measured where there is none.",
    ),
    _metric(
        "ghost_events",
        "",
        "numbers of events and signs in RSI of which there is none of that kind, code and text within 50 m",
        "Of which events the unit tells though there are none.",
    ),
    _metric(
        "event_error_m",
        "m",
        "the farthest that the place or path of an event or sign in RSI is from where it lies",
        "How exactly the unit says where events and signs are.",
        "∞ when one's place, or path, is left out. Not measured of a unit that tells of none.",
    ),
)
