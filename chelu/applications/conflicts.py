"""Parameters of the applications that warn of another road user, one class each; services/inference/v2x has the functions."""

from __future__ import annotations

from dataclasses import dataclass

from chelu.applications.reactions import Notice, Reaction, Switch
from chelu.parameters import parameter


@dataclass(frozen=True, slots=True)
class FcwParameters(Notice):
    """Defaults and their sources; docs/applications/fcw.md carries this as a table."""

    warn_mps2: float = parameter(
        4.8, "m/s²", "above drivers' ordinary braking of 3 m/s², and of the surprised of 4.5 m/s²", high=12.0
    )
    imminent_mps2: float = parameter(
        6.5, "m/s²", "about full braking; UNECE R157's careful driver: 0.774 g = 7.6 m/s²", high=12.0
    )
    hold_share: float = parameter(
        0.7, "1", "hysteresis: a warning stays while the need is above this share of warn_mps2", high=1.0
    )
    longest_ttc_s: float = parameter(4.0, "s", "beyond, drivers judge for themselves; ISO 15623 warns below this", high=10.0)
    brake_now_s: float = parameter(
        3.0,
        "s",
        "a host that does not brake is warned this long before contact: 2.5 s, and time for messages and confirmation",
        high=6.0,
    )
    late_mps2: float = parameter(
        2.8,
        "m/s²",
        "and not before it needs this after its reaction: people begin when they do after a second's way, braking with 3 m/s²",
        high=6.0,
    )
    begins_mps2: float = parameter(
        -0.4, "m/s²", "who slows down by more has lifted the foot: four times what an acceleration is off", low=-5.0, high=0.0
    )
    begun_late_mps2: float = parameter(
        3.4, "m/s²", "and is given a moment to brake: until it needs this after its reaction", high=6.0
    )
    least_need_mps2: float = parameter(
        2.0, "m/s²", "and then only if it must brake noticeably: below, a warning is one too many", high=6.0
    )
    least_speed_mps: float = parameter(3.0, "m/s", "stop-and-go at walking pace is left to the driver", high=20.0)
    least_closing_mps: float = parameter(1.0, "m/s", "slower closing is following", high=20.0)
    heading_deg: float = parameter(45.0, "°", "a leader goes the same way: at most this turned, also in a bend", high=90.0)
    overlap_m: float = parameter(
        0.3, "m", "least sideways overlap to count as on the same path: of 1.8 m, at errors of 0.7 m", low=-1.0, high=2.0
    )
    sure_drift_mps: float = parameter(
        0.25, "m/s", "who leaves the other's path faster than that will have less overlap; headings are 0.5° off", high=2.0
    )
    hold_overlap_m: float = parameter(
        -0.6, "m", "hysteresis: a warning stays while the other is not further aside", low=-3.0, high=2.0
    )
    head_on_s: float = parameter(3.2, "s", "an oncoming vehicle on the host's path: both must act, so earlier", high=4.0)
    least_oncoming_mps: float = parameter(2.0, "m/s", "who stands the other way round does not come", high=20.0)
    head_on_overlap_m: float = parameter(0.5, "m", "least sideways overlap with an oncoming one", high=2.0)
    least_taken: float = parameter(
        0.8, "1", "that both take the ways on which they meet head on: a turn may be a guess", high=1.0
    )
    head_on_deg: float = parameter(155.0, "°", "oncoming: headings differ by more than this", low=90.0, high=180.0)


@dataclass(frozen=True, slots=True)
class IcwParameters(Notice):
    """Defaults and their sources; docs/applications/icw.md carries this as a table."""

    horizon_s: float = parameter(4.0, "s", "3GPP TS 22.185: ample response time 4 s", high=4.0)
    yield_mps2: float = parameter(4.5, "m/s²", "who can leave the place to the other with less may be about to", high=12.0)
    brake_now_s: float = parameter(
        2.95, "s", "but not so near the contact: 2.5 s, and time for messages and confirmation", high=4.0
    )
    least_need_mps2: float = parameter(2.0, "m/s²", "and then only who must brake noticeably to stop short", high=6.0)
    other_need_mps2: float = parameter(0.5, "m/s²", "of another that may still be rolling out to its line", high=6.0)
    imminent_s: float = parameter(1.0, "s", "so close to the collision nothing is confirmed first", high=4.0)
    hold_share: float = parameter(0.7, "1", "hysteresis on yield_mps2", high=1.0)
    least_probability: float = parameter(0.6, "1", "of a contact: less is passing closely, or another way", high=1.0)
    least_taken: float = parameter(0.8, "1", "that both take the ways on which they touch: before, a turn is a guess", high=1.0)
    least_speed_mps: float = parameter(1.5, "m/s", "creeping vehicles are not warned of", high=20.0)
    follows_deg: float = parameter(
        35.0, "°", "who is ahead on the same path and no more turned off than this is followed", high=60.0
    )
    least_angle_deg: float = parameter(25.0, "°", "below, the paths merge or follow: not this application", high=90.0)
    most_angle_deg: float = parameter(155.0, "°", "above, the vehicles are oncoming: not this application", low=90.0, high=180.0)


@dataclass(frozen=True, slots=True)
class LtaParameters(Reaction):
    """Defaults and their sources; docs/applications/lta.md carries this as a table."""

    warn_s: float = parameter(3.4, "s", "2.5 s, and time for messages and confirmation; turns are short", high=4.0)
    imminent_s: float = parameter(1.5, "s", "so close to the collision nothing is confirmed first", high=4.0)
    least_need_mps2: float = parameter(
        1.6, "m/s²", "of the turning vehicle, to stop short: 2 m/s² by when the warning is up; below, it has time", high=6.0
    )
    hard_mps2: float = parameter(
        4.5, "m/s²", "the same of one that brakes already: it means to give way, or does not stop short", high=12.0
    )
    least_probability: float = parameter(0.7, "1", "of a contact, and so of a turn: before, it may go straight on", high=1.0)
    least_taken: float = parameter(0.8, "1", "that both take the ways on which they touch: before, a turn is a guess", high=1.0)
    least_speed_mps: float = parameter(1.0, "m/s", "who stands may be waiting for the gap", high=20.0)
    least_oncoming_mps: float = parameter(2.0, "m/s", "who stands gives way", high=20.0)
    least_angle_deg: float = parameter(20.0, "°", "of the headings at contact", high=90.0)


@dataclass(frozen=True, slots=True)
class LcwParameters(Switch):
    """Defaults and their sources; docs/applications/lcw.md carries this as a table."""

    most_aside_m: float = parameter(3.2, "m", "the next lane and no further: between the vehicles' sides", high=6.0)
    zone_ahead_m: float = parameter(1.0, "m", "ISO 17387: the zone begins about at the driver", high=10.0)
    zone_behind_m: float = parameter(4.0, "m", "ISO 17387: and ends 3 m behind the rear bumper", high=30.0)
    closing_s: float = parameter(3.5, "s", "one that comes up from behind; ISO 17387: 2.5 to 3.5 s", high=10.0)
    drift_s: float = parameter(2.2, "s", "contact from the side; a lane change takes 3 to 5 s", high=4.0)
    imminent_s: float = parameter(1.2, "s", "so close to the contact nothing is confirmed first", high=4.0)
    least_drift_mps: float = parameter(0.45, "m/s", "sideways towards the other; wandering within a lane is slower", high=3.0)
    sure_deg: float = parameter(1.8, "°", "and more than the two headings may be off: three times 0.6°", high=10.0)
    least_speed_mps: float = parameter(2.0, "m/s", "manoeuvring is left to the driver", high=20.0)
    heading_deg: float = parameter(12.0, "°", "goes the same way", high=90.0)


@dataclass(frozen=True, slots=True)
class DnpwParameters(Switch):
    """Defaults and their sources; docs/applications/dnpw.md carries this as a table."""

    leader_s: float = parameter(3.0, "s", "a vehicle ahead within this headway may be what is overtaken", high=10.0)
    leader_aside_m: float = parameter(5.0, "m", "its lane or, once the host has pulled out, the next", high=8.0)
    oncoming_deg: float = parameter(155.0, "°", "oncoming: headings differ by more than this", low=90.0, high=180.0)
    straight_deg: float = parameter(2.5, "°", "leader and oncoming vehicle agree so well on where the road goes", high=20.0)
    next_lane_m: float = parameter(4.4, "m", "the oncoming lane, centre to centre: next to the own and no further", high=8.0)
    half_out_m: float = parameter(2.6, "m", "and of one that already is between the lanes", high=6.0)
    own_lane_m: float = parameter(1.2, "m", "an oncoming vehicle within this is on the host's own lane", high=3.0)
    drift_mps: float = parameter(0.5, "m/s", "towards the oncoming lane; wandering within a lane is slower", high=3.0)
    overtaking_mps2: float = parameter(1.5, "m/s²", "an overtaking driver's acceleration", low=0.2, high=4.0)
    return_m: float = parameter(10.0, "m", "gap to the overtaken one on returning", high=50.0)
    margin_s: float = parameter(1.0, "s", "between returning and the oncoming vehicle's passing", high=5.0)
    horizon_s: float = parameter(3.8, "s", "to meeting: so far every pair is known, wherever the road points", high=4.0)
    imminent_s: float = parameter(2.0, "s", "so close to meeting nothing is confirmed first", high=5.0)
    least_speed_mps: float = parameter(3.0, "m/s", "manoeuvring is left to the driver", high=20.0)


@dataclass(frozen=True, slots=True)
class EbwParameters(Reaction):
    """Defaults and their sources; docs/applications/ebw.md carries this as a table."""

    hard_mps2: float = parameter(
        4.8, "m/s²", "above ordinary braking of up to 4.5 m/s²; who flags it as hard (J2945/1: from 0.4 g) is believed", high=9.0
    )
    range_m: float = parameter(150.0, "m", "T/CSAE 53-2017, table: communication range", high=300.0)
    need_mps2: float = parameter(
        2.0, "m/s²", "what the host will need if the other brakes to a stop; below, it is no concern", high=9.0
    )
    imminent_mps2: float = parameter(5.5, "m/s²", "harder than drivers ordinarily brake, by a good deal", high=12.0)
    hold_mps2: float = parameter(2.5, "m/s²", "hysteresis: while the other still brakes with this", high=9.0)
    least_speed_mps: float = parameter(3.0, "m/s", "stop-and-go at walking pace is left to the driver", high=20.0)
    heading_deg: float = parameter(45.0, "°", "goes the same way: at most this turned, also in a bend", high=90.0)
    overlap_m: float = parameter(0.2, "m", "least sideways overlap to count as on the same path", low=-3.0, high=2.0)


@dataclass(frozen=True, slots=True)
class AvwParameters(Switch):
    """Defaults and their sources; docs/applications/avw.md carries this as a table."""

    range_m: float = parameter(150.0, "m", "T/CSAE 53-2017, table: communication range", high=300.0)
    warn_s: float = parameter(4.0, "s", "until the host is there; 3GPP TS 22.185: ample response time 4 s", high=10.0)
    hold_s: float = parameter(6.0, "s", "hysteresis", high=15.0)
    creeps_mps: float = parameter(3.0, "m/s", "faster, it flows with the traffic", high=20.0)
    most_aside_m: float = parameter(4.5, "m", "its lane or the next", high=10.0)
    hold_aside_m: float = parameter(6.0, "m", "hysteresis", high=12.0)
    least_speed_mps: float = parameter(3.0, "m/s", "a host at walking pace sees it", high=20.0)


@dataclass(frozen=True, slots=True)
class ClwParameters(Switch):
    """Defaults and their sources; docs/applications/clw.md carries this as a table."""

    range_m: float = parameter(300.0, "m", "T/CSAE 53-2017, table: communication range", high=300.0)
    warn_s: float = parameter(4.0, "s", "until the host is where it is now; 3GPP TS 22.185: ample response time 4 s", high=10.0)
    hold_s: float = parameter(6.0, "s", "hysteresis", high=15.0)
    imminent_s: float = parameter(
        2.5, "s", "nothing is confirmed first: who skids may stand across the road in a second", high=10.0
    )
    most_aside_m: float = parameter(8.0, "m", "its lane and two beside: it may leave its own", high=20.0)
    least_speed_mps: float = parameter(3.0, "m/s", "manoeuvring is left to the driver", high=20.0)


@dataclass(frozen=True, slots=True)
class EvwParameters(Switch):
    """Defaults and their sources; docs/applications/evw.md carries this as a table."""

    warn_s: float = parameter(8.0, "s", "until the two are nearest: time to make way", high=12.0)
    hold_s: float = parameter(10.0, "s", "hysteresis", high=15.0)
    passes_m: float = parameter(30.0, "m", "how near it then comes; beyond, it is on another road", high=100.0)
    hold_passes_m: float = parameter(60.0, "m", "hysteresis: 2° of heading are 7 m after 200 m, and of a turn more", high=200.0)
    least_closing_mps: float = parameter(1.0, "m/s", "who follows it or stands beside it is not warned", high=20.0)


@dataclass(frozen=True, slots=True)
class VrucwParameters(Notice):
    """Defaults and their sources; docs/applications/vrucw.md carries this as a table."""

    warn_s: float = parameter(3.2, "s", "2.5 s before contact and two messages, and some for a pedestrian's whims", high=4.0)
    imminent_s: float = parameter(0.9, "s", "nothing is confirmed first: also of one first seen 0.7 s before contact", high=4.0)
    least_need_mps2: float = parameter(2.0, "m/s²", "of the vehicle, to stop short: below, it can stop at leisure", high=6.0)
    hard_mps2: float = parameter(4.5, "m/s²", "needed after a reaction: warned whatever else", high=12.0)
    least_probability: float = parameter(0.38, "1", "of a contact: who walks changes direction at will, so not more", high=1.0)
    least_taken: float = parameter(0.8, "1", "that both take the ways on which they touch: before, a turn is a guess", high=1.0)
    near_probability: float = parameter(
        0.6, "1", "of a contact that is imminent: by then it is known better who passes closely", high=1.0
    )
    least_crossing_mps: float = parameter(
        0.5, "m/s", "slower across the vehicle's way somebody stands or walks along it", high=3.0
    )
    least_speed_mps: float = parameter(1.5, "m/s", "slower vehicles can stop at once", high=20.0)
    kerb_m: float = parameter(1.5, "m", "who seems so far off a pavement may be upon it: three times an error of 0.5 m", high=3.0)
