"""All monitors: one entry each, from which the command, the parameters and docs/monitors.md are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from chelu.errors import ConfigurationError
from chelu.parameters import with_site_values
from chelu.quality.monitors import alignment, clocks, content, counts, delivery, greens, lanes, progress, rates, stop_lines
from chelu.quality.monitors.judged import Subject
from chelu.quality.monitors.junctions import place_name
from chelu.quality.monitors.monitor import Assessed, Monitor, Part
from chelu.quality.monitors.vehicles import cell_name

YDT, GB, OURS = "YD/T 3709-2020", "GB 14886-2016", "Chelu"
ITS = "T/ITS 0180.1-2021"
NO_COUNT = "; a roadside computer's documents and OpenV2X's messages without a count are not judged"

MONITORS: tuple[Monitor, ...] = (
    Monitor(
        name="spat-rate",
        title="SPAT rate",
        about="A signal stream comes too seldom or too often.",
        formula="messages in a stretch of the clock ÷ its length; stretches with none are left to `spat-zero`",
        source=f"{ITS}: 10 Hz",
        action="Look at the roadside unit's load and its radio; a controller that speaks once a second gets a value of its own.",
        unit="Hz",
        part=Part.NONE,
        parameters=rates.SignalRate,
        judge=rates.spat_rate,
        apart_s=10.0,
    ),
    Monitor(
        name="spat-zero",
        title="SPAT zero rate",
        about="A signal stream that was there has gone dark.",
        formula="stretches of the clock without a message, once the stream has begun",
        source=OURS,
        action="See whether the signal controller still speaks to the roadside unit, and the unit to the platform.",
        unit="s",
        part=Part.NONE,
        parameters=rates.Dark,
        judge=rates.spat_zero,
        apart_s=10.0,
    ),
    Monitor(
        name="map-rate",
        title="MAP rate",
        about="A MAP that is repeated comes too seldom or too often.",
        formula="as `spat-rate`; a MAP that came less than three times is sent on occasion and not judged",
        source="1 Hz is usual; T/ITS 0180.1 asks for an event only",
        action="Set the unit's repetition of its MAP; too often takes the channel's time.",
        unit="Hz",
        part=Part.NONE,
        parameters=rates.MapRate,
        judge=rates.map_rate,
        apart_s=10.0,
    ),
    Monitor(
        name="map-zero",
        title="MAP zero rate",
        about="A MAP that was repeated comes no more.",
        formula="as `spat-zero`, for MAPs that came three times at least",
        source=OURS,
        action="See whether the unit has lost its map, for instance after an update.",
        unit="s",
        part=Part.NONE,
        parameters=rates.Dark,
        judge=rates.map_zero,
        apart_s=10.0,
    ),
    Monitor(
        name="bsm-rate",
        title="BSM rate",
        about="Vehicles are heard too seldom or too often while they are there.",
        formula="(instants − 1) ÷ time between the first and the last, of each vehicle and stretch",
        source=f"{ITS}: 10 Hz",
        action="One device: its OBU. All devices at one roadside unit: its radio or its uplink.",
        unit="Hz",
        part=Part.NONE,
        parameters=rates.TrackRate,
        judge=rates.bsm_rate,
    ),
    Monitor(
        name="rsm-rate",
        title="RSM rate",
        about="A roadside unit says too seldom or too often where a participant is.",
        formula="as `bsm-rate`, of each participant",
        source=f"{ITS}: 10 Hz",
        action="Look at the perception's frame rate and at participants that it loses and finds again.",
        unit="Hz",
        part=Part.NONE,
        parameters=rates.TrackRate,
        judge=rates.rsm_rate,
    ),
    Monitor(
        name="spat-content",
        title="SPAT minimum content",
        about="A SPAT says phases without a light, or without any timing.",
        formula="phases whose light is unavailable or that carry no timing ÷ phases of the message; dark and flashing need none",
        source=f"{YDT}: both are optional",
        action="Have the controller's protocol mapped in full; without timing there is no speed advice.",
        unit="share",
        part=Part.NONE,
        parameters=content.Content,
        judge=content.spat_content,
        apart_s=2.0,
    ),
    Monitor(
        name="map-content",
        title="MAP minimum content",
        about="A MAP lacks what is needed to place a vehicle on it.",
        formula="missing: reference position, all links, a lane's line, where a lane for vehicles goes on to (at a node with one "
        "neighbour at most a road ends, and with two a lane may end beside others)",
        source=f"{YDT}: all but the reference position are optional",
        action="Complete the map and push it anew.",
        unit="things",
        part=Part.NONE,
        parameters=content.Content,
        judge=content.map_content,
        apart_s=60.0,
    ),
    Monitor(
        name="spat-time",
        title="SPAT time-stamp delta",
        about="The time in a SPAT is not the time at which it came.",
        formula="arrival − event time",
        source=OURS,
        action="Synchronise the controller or the roadside unit; see whether messages wait on their way.",
        unit="s",
        part=Part.NONE,
        parameters=clocks.SignalTime,
        judge=clocks.spat_time,
        apart_s=2.0,
    ),
    Monitor(
        name="map-time",
        title="MAP time-stamp delta",
        about="The minute of the year in a MAP is not the one in which it came.",
        formula="minute said − minute of arrival, the short way round the year",
        source=f"{YDT}: MinuteOfTheYear",
        action="Have the unit stamp its MAP when it sends it, not when it was made.",
        unit="min",
        part=Part.NONE,
        parameters=clocks.MapTime,
        judge=clocks.map_time,
        apart_s=60.0,
    ),
    *(
        Monitor(
            name=f"{stream}-count",
            title=f"{stream.upper()} message count",
            about=f"The message count of {whose} is repeated or goes backwards.",
            formula="(count − count before) mod 128 is 0 or above 64" + but + without,
            source=f"{YDT}: MsgCount goes on by one with each message",
            action="Two senders may share an id, a unit may have begun anew, or messages may come twice.",
            unit="counts",
            part=Part.NONE,
            parameters=counts.CountProgress,
            judge=judge,
            apart_s=2.0,
        )
        for stream, whose, judge, but, without in (
            ("spat", "a signal stream", counts.spat_count, "", NO_COUNT),
            ("map", "a MAP", counts.map_count, "; not of the same message again, nor where another MAP begins", ""),
            ("bsm", "a vehicle", counts.bsm_count, "", ""),
            ("rsm", "a roadside unit", counts.rsm_count, "", NO_COUNT),
        )
    ),
    Monitor(
        name="spat-transition",
        title="Illegal signal-state change",
        about="A light becomes another that cannot follow it.",
        formula="yellow → green; flashing green → green; red → flashing green; red → yellow; vehicles' green → red",
        source=f"{GB}: green, yellow for 3 s at least, red",
        action="Compare with the lamps themselves: either the controller or what translates it is wrong.",
        unit="former × 10 + new LightState",
        part=Part.PHASE,
        parameters=progress.Transitions,
        judge=progress.spat_transition,
    ),
    Monitor(
        name="spat-countdown",
        title="Time to change going backwards",
        about="A change is put forward after it was announced, comes before its earliest time, or does not come.",
        formula="earliest end said before − earliest end said now (or the change's time); now − an end that has passed; "
        "a second more is tolerated where ends are said in whole seconds",
        source=f"{YDT}: minEndTime, likelyEndTime",
        action="Speed advice misleads: have the controller announce earliest ends that it keeps.",
        unit="s",
        part=Part.PHASE,
        parameters=progress.Countdown,
        judge=progress.spat_countdown,
        apart_s=2.0,
    ),
    Monitor(
        name="phase-alignment",
        title="MAP–SPAT phase alignment",
        about="MAP and SPAT of a junction do not speak of the same phases.",
        formula="phases of the MAP that no SPAT of a stretch has + phases of SPAT that show yellow and that the MAP lacks",
        source=f"{YDT}: phaseId in MAP is id in SPAT",
        action="One of the two was changed without the other: number the phases anew and push both.",
        unit="phases",
        part=Part.NONE,
        parameters=alignment.Alignment,
        judge=alignment.phase_alignment,
        apart_s=10.0,
    ),
    Monitor(
        name="green-conflict",
        title="Conflicting greens",
        about="Phases whose ways cross are green at the same time.",
        formula="ways as chords of a circle that cross, both green; but a left turn's round green beside those it yields to",
        source=f"{GB}: conflicting movements",
        action="At once: compare with the lamps; take the junction's SPAT off the air until it is right.",
        unit="first phase × 1000 + second",
        part=Part.NONE,
        parameters=greens.Conflict,
        judge=greens.green_conflict,
        apart_s=2.0,
    ),
    Monitor(
        name="stop-line-red",
        title="Stop-line passage on red",
        about="Vehicles pass a stop line while SPAT says red.",
        formula="the front gets over the line while the phase of the way it takes has been red for `red_for_s`; not right turns",
        source=OURS,
        action="Many at one lane: its phase in the MAP is wrong, or SPAT is late. Few: drivers.",
        unit="s",
        part=Part.LANE,
        parameters=stop_lines.OnRed,
        judge=stop_lines.stop_line_red,
    ),
    Monitor(
        name="stop-at-green",
        title="Stop at green",
        about="The first vehicle at a stop line stands while SPAT says green.",
        formula="seconds of green in which it stood; every moment counts under one colour: red, yellow, green, dark …",
        source=OURS,
        action="Many at one lane: its phase in the MAP is wrong, or the road behind the junction is full.",
        unit="s",
        part=Part.LANE,
        parameters=stop_lines.AtGreen,
        judge=stop_lines.stop_at_green,
    ),
    Monitor(
        name="lane-direction",
        title="Lane direction of travel",
        about="Vehicles drive along a lane otherwise than the MAP draws it.",
        formula="median over a passage of |heading − lane's direction|, the short way round",
        source=OURS,
        action="Many: the lane is drawn backwards or in the wrong place. One: somebody drives the wrong way.",
        unit="°",
        part=Part.LANE,
        parameters=lanes.Direction,
        judge=lanes.lane_direction,
    ),
    Monitor(
        name="way-not-in-map",
        title="Connection of travel not in the map",
        about="Vehicles turn to where their lane does not go by the MAP.",
        formula="heading behind the junction − lane's direction: the nearest of 0°, ±90°, 180° is no manoeuvre of the lane",
        source=f"{YDT}: connectsTo, maneuver",
        action="Complete the lane's connections, or look at why drivers turn there.",
        unit="°",
        part=Part.LANE,
        parameters=lanes.NotInMap,
        judge=lanes.way_not_in_map,
    ),
    Monitor(
        name="bsm-outside",
        title="BSM outside the map",
        about="Vehicles drive into a junction beside all lanes of its MAP.",
        formula="least distance from a lane's edge where a vehicle gets over the lines of a link",
        source=OURS,
        action="The map is shifted, or a lane is missing; one device alone: its positions are off.",
        unit="m",
        part=Part.LANE,
        parameters=lanes.Outside,
        judge=lanes.outside_lanes,
    ),
    Monitor(
        name="delivery-ratio",
        title="Packet delivery ratio",
        about="Too many BSMs of a place do not reach a device.",
        formula="missing by message counts ÷ (missing + received), by device and square of about 100 m",
        source="3GPP TR 36.885: range is where 90 % come through",
        action="A shadow or interference at that place: move or add an antenna.",
        unit="share",
        part=Part.PLACE,
        parameters=delivery.Delivery,
        judge=delivery.delivery_ratio,
        apart_s=1.0,
    ),
    Monitor(
        name="bsm-latency",
        title="BSM latency",
        about="BSMs arrive late.",
        formula="arrival − event time, by device and square",
        source=OURS,
        action="Look at clocks first (`chelu alarms`: clock-skew), then at the uplink.",
        unit="s",
        part=Part.PLACE,
        parameters=delivery.Latency,
        judge=delivery.latency,
        apart_s=1.0,
    ),
    Monitor(
        name="information-age",
        title="Age of information",
        about="What is known of vehicles grows old before the next message.",
        formula="arrival of a message − event time of the one before it: the peak age, by device and square",
        source="Kaul, Yates, Gruteser 2012: age of information",
        action="As for delivery and latency: it is what both come to for whoever listens.",
        unit="s",
        part=Part.PLACE,
        parameters=delivery.Age,
        judge=delivery.information_age,
        apart_s=1.0,
    ),
)
BY_NAME: Mapping[str, Monitor] = {monitor.name: monitor for monitor in MONITORS}


def monitor_of(name: str) -> Monitor:
    """The monitor of this name; ConfigurationError names those there are."""
    if name not in BY_NAME:
        raise ConfigurationError("monitor", name, f"one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


def site_parameters(values: Mapping[str, Mapping[str, Any]], *, where: str) -> dict[str, Assessed]:
    """Every monitor's parameters, with a site's values (`chelu.parameters.read_site_values`); ConfigurationError.

    Applications' values may stand in the same file: their names have no hyphen, those of monitors all have one.
    """
    for name in values:
        if "-" in name:
            monitor_of(name)
    found = {one.name: with_site_values(one.parameters(), values.get(one.name, {}), where=where) for one in MONITORS}
    for name, parameters in found.items():
        _refuse_reversed(f"{where}, {name}", parameters)
    return found


def _refuse_reversed(where: str, parameters: Assessed) -> None:
    """ConfigurationError for a lowest value above its highest: everything would be bad, whatever comes."""
    for one in fields(parameters):
        if one.name.startswith("lowest_"):
            other = one.name.replace("lowest_", "highest_", 1)
            low, high = getattr(parameters, one.name), getattr(parameters, other)
            if low > high:
                raise ConfigurationError(one.name, low, f"at most {other}, which is {high}", source=where)


def named(monitor: Monitor, subject: Subject, device_names: Mapping[int, str] | None = None) -> str:
    """A subject for people."""
    words = []
    if subject.device_key >= 0:
        words.append((device_names or {}).get(subject.device_key, f"device {subject.device_key}"))
    if subject.node >= 0:
        words.append(f"junction {subject.region}/{subject.node}")
    if monitor.part is Part.PHASE:
        words.append(f"phase {subject.part}")
    elif monitor.part is Part.LANE and subject.part >= 0:
        words.append(place_name(subject.part))
    elif monitor.part is Part.PLACE:
        words.append(cell_name(subject.part))
    return ", ".join(words)
