"""An explanation as text that people read: what happened, who knew what, which limits decided, and whether a replay agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.inference.explain.evidence import unit_of
from services.inference.explain.explanation import SEVERITIES
from services.inference.explain.warnings import Stored, clock_of

Json = Mapping[str, Any]
_AT_S = (1, 2, 3, 4)  # where futures are told
_VIEW = {
    "gap_m": "bumper to bumper",
    "ahead_m": "centre of the other ahead",
    "aside_m": "and to the right",
    "overlap_m": "widths that cover one another",
    "nears_mps": "drawing together sideways at",
    "turn_deg": "points to the right of the host by",
    "first_s": "footprints first touch after",
    "probability": "probability that they overlap",
    "likeliest_s": "likeliest after",
}


def told(explanation: Json) -> str:
    """All of it."""
    return "\n".join(_lines(explanation))


def listed(warnings: Sequence[Stored]) -> str:
    """A line for each, the newest first."""
    lines = []
    for one in warnings:
        detail = one.raised.detail
        about = name_of(detail["other"]) if detail["other"] else _thing(detail["subject"])
        what = f"{one.application:6} level {one.raised.level}  {name_of(detail['host'])} of {about}"
        lines.append(f"{one.warning_id}  {clock_of(one.raised.decided_us)}  {one.site_id}  {what}")
    return "\n".join(lines) or "no warning is stored"


def name_of(party: Json) -> str:
    """A road user, shortly."""
    if party["vehicle_id"]:
        return f"vehicle {party['vehicle_id']}"
    return f"participant {party['participant_id']} of {party['device_id']}"


def _lines(explanation: Json) -> Iterator[str]:
    warning, known = explanation["warning"], explanation["known"]
    raised = warning["raised"]
    yield f"{warning['application']} {warning['warning_id']}, site {warning['site']}"
    yield f"  {warning['about']}"
    yield ""
    about = name_of(raised["other"]) if raised["other"] else _thing(raised["subject"])
    yield f"{clock_of(raised['time_us'])} UTC: {name_of(raised['host'])} is warned of {about}: {warning['severity']}"
    yield f"  {_figures(raised)}; by {_cause(raised)}"
    yield from _life(warning["life"], raised["time_us"])
    if raised["subject"]:
        yield ""
        yield from _subject(raised["subject"])
    for side in ("host", "other"):
        if side in known:
            yield ""
            yield from _road_user(side, known[side])
    if known["view"]:
        yield ""
        yield "How the other lies to the host"
        yield from (f"  {_value(name, known['view'][name]):>12}  {words}" for name, words in _VIEW.items())
    yield ""
    yield from _why(known, warning["application"])
    yield ""
    yield from _found(explanation["found"], known)
    yield ""
    yield from _replay(explanation["replay"])


def _thing(subject: Json | None) -> str:
    return f"{subject['kind']} {subject['id']}" if subject else "nothing"


def _subject(subject: Json) -> Iterator[str]:
    """All that the application says of the thing."""
    yield f"The {subject['kind'].replace('_', ' ')}: {subject['id']}"
    yield "  " + ", ".join(
        f"{name} {value}" for name, value in subject.items() if name not in {"kind", "id"} and value is not None
    )


def _figures(detail: Json) -> str:
    ttc, need, way = (detail[name] for name in ("ttc_s", "required_deceleration_mps2", "distance_m"))
    parts = [("contact in", ttc, " s"), ("braking needed", need, " m/s²"), ("distance", way, " m")]
    return ", ".join(f"{words} {value:.2f}{unit}" for words, value, unit in parts if value is not None) or "no figures"


def _cause(raised: Json) -> str:
    cause = raised["cause"]
    after_ms = (raised["time_us"] - cause["arrival_us"]) / 1000
    late_ms = (cause["arrival_us"] - cause["event_time_us"]) / 1000
    came = f"message {cause['message_count']} of {cause['device_id']}, {late_ms:.0f} ms old when it came"
    return f"{came}, decided {after_ms:.1f} ms later"


def _life(life: Sequence[Json], raised_us: int) -> Iterator[str]:
    for row in life[1:]:
        after_s = (row["decided_us"] - raised_us) / 1e6
        yield f"  +{after_s:6.2f} s {row['state']:8} level {row['level']}  {_figures(row)}"


def _road_user(side: str, one: Json | None) -> Iterator[str]:
    if one is None:
        yield f"The {side} is not in the replayed picture at that instant"
        return
    motion = f"{_value('_mps', one['speed_mps'])} towards {_value('_deg', one['heading_deg'])}"
    yield f"The {side}: {one['kind']}, {motion}, lane {one['lane'] or 'unknown'}"
    yield (
        f"  accelerates {_value('_mps2', one['acceleration_mps2'])} m/s², turns {_value('_dps', one['yaw_rate_dps'])} °/s,"
        f" gradient {one['gradient']}, share of dry grip {one['grip']}, told {one['earlier_s']} s earlier for the weather"
    )
    for source in one["sources"]:
        who = "itself" if source["says"] == "itself" else "seen"
        yield (
            f"  {who:6} by {source['device_id']}: {_value('_s', source['age_s'])} old, {source['rate_hz'] or '–'} a second,"
            f" {_value('_s', source['latency_s'])} on the way, sigma {source['position_sigma_m'] or 'not said,'} m"
        )
    for way in one["futures"]:
        steps = [round(at / way["step_s"]) for at in _AT_S]
        places = ", ".join(
            f"{at} s ({way['xy_m'][step][0]:.1f}, {way['xy_m'][step][1]:.1f})" for at, step in zip(_AT_S, steps, strict=True)
        )
        sigma = (
            f"±{way['along_sigma_m'][steps[-1]]:.1f} m along, ±{way['across_sigma_m'][steps[-1]]:.1f} m across at {_AT_S[-1]} s"
        )
        yield f"  goes with probability {way['probability']:.2f} ({way['made_by']}) to {places}; {sigma}"


def _why(known: Json, application: str) -> Iterator[str]:
    yield f"Why {known['severity']}"
    if not known["margins"]:
        yield "  no single parameter decides: more than one condition is met, or none is"
    for one in known["margins"]:
        side = "above" if one["is_above"] else "below"
        beyond = f"{side} {one['limit']:.4g} it would be: {SEVERITIES[one['level']]}"
        yield f"  {one['name']} is {_measured(one)}: {beyond}"
    decided = {one["name"] for one in known["margins"]}
    values = known["parameters"][application]
    rest = [f"{name} {_measured(one)}" for name, one in values.items() if name not in decided]
    yield f"  none of these alone would change it: {', '.join(rest)}"


def _found(found: Sequence[Json], known: Json) -> Iterator[str]:
    life = known["parameters"]["life"]
    yield f"Found before (a warning is confirmed over {life['confirm_s']['value']:g} s of messages, an imminent one at once)"
    if not found:
        yield "  nothing"
    last = None
    for one in found:
        if last is not None and (one["event_us"], one["level"]) == (last["event_us"], last["level"]):
            continue
        last = one
        yield f"  {(one['at_us'] - known['at_us']) / 1e6:+.3f} s  {SEVERITIES[one['level']]}"


def _replay(replay: Json) -> Iterator[str]:
    stored = ", ".join(f"{count} {name}" for name, count in replay["stored_rows"].items() if count)
    kind = "map" if replay["is_map"] else "roads"
    roads = f"{kind} of version {replay['roads_version']}" if replay["roads_version"] else "no roads"
    yield f"Replayed from the database ({stored}; {roads}): {replay['says']}"
    if not replay["is_cause_stored"]:
        yield "  the message that caused it is not among those stored"
    for one in replay["differences"]:
        yield f"  {one['field']}: then {one['stored']}, now {one['replayed']}"


def _measured(one: Json) -> str:
    """A parameter's value with its unit, where it has one."""
    return f"{one['value']:g}" + ("" if one["unit"] == "1" else f" {one['unit']}")


def _value(name: str, value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} {unit_of(name)}".rstrip()
