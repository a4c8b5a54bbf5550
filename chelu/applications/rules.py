"""Parameters of the applications about a rule or a place: signals, signs, limits, dangers on the road, one class each."""

from __future__ import annotations

from dataclasses import dataclass

from chelu.applications.reactions import Switch
from chelu.parameters import parameter


@dataclass(frozen=True, slots=True)
class SvwParameters(Switch):
    """Defaults and their sources; docs/applications/svw.md carries this as a table."""

    range_m: float = parameter(150.0, "m", "T/CSAE 53-2017, table: communication range", high=300.0)
    reaction_s: float = parameter(
        1.5,
        "s",
        "drivers brake 1.0 s after they see a need (NCHRP 03-95); 0.5 s until a warning is confirmed and there",
        high=3.0,
    )
    warn_mps2: float = parameter(
        4.0, "m/s²", "who would have to brake harder after it and does not brake: above drivers' 3 m/s² for a light", high=12.0
    )
    least_need_mps2: float = parameter(
        2.0, "m/s²", "and then only who must brake noticeably: below, a warning is one too many", high=6.0
    )
    lead_s: float = parameter(2.35, "s", "the need counts that there will be so long before the line at this speed", high=6.0)
    imminent_mps2: float = parameter(6.0, "m/s²", "near full braking: at once, and also to who brakes already", high=12.0)
    is_braking_mps2: float = parameter(-1.0, "m/s²", "more than engine braking", low=-5.0, high=0.0)
    yellow_mps2: float = parameter(4.6, "m/s²", "who would have to brake harder at yellow may go on: the dilemma zone", high=12.0)
    hold_mps2: float = parameter(1.8, "m/s²", "hysteresis: a warning stays while the need now is above this", high=12.0)
    margin_m: float = parameter(1.0, "m", "a stop so far beyond the line is none on red: errors of position and map", high=5.0)
    turn_mps: float = parameter(8.0, "m/s", "a right turn that is free is driven no faster than this", high=20.0)
    least_speed_mps: float = parameter(2.0, "m/s", "who rolls up to the line slower is left to the driver", high=20.0)


@dataclass(frozen=True, slots=True)
class GlosaParameters(Switch):
    """Defaults and their sources; docs/applications/glosa.md carries this as a table."""

    range_m: float = parameter(300.0, "m", "to the first line; T/CSAE 53-2017, table: 150 m, of use is more", high=1000.0)
    least_m: float = parameter(10.0, "m", "nearer to the line it is too late to choose a speed", high=100.0)
    least_mps: float = parameter(5.5, "m/s", "20 km/h: slower advice would hinder others; also of who is advised", high=20.0)
    slows_mps2: float = parameter(1.5, "m/s²", "comfortable slowing down to the advised speed", low=0.1, high=4.0)
    speeds_up_mps2: float = parameter(1.0, "m/s²", "comfortable speeding up to it", low=0.1, high=3.0)
    margin_s: float = parameter(1.0, "s", "so long after green begins and before it ends nobody is sent through", high=5.0)
    least_green_s: float = parameter(
        8.0, "s", "of a green that only follows from the red's end; shortest green of a plan", high=60.0
    )


@dataclass(frozen=True, slots=True)
class HlwParameters(Switch):
    """Defaults and their sources; docs/applications/hlw.md carries this as a table."""

    range_m: float = parameter(300.0, "m", "T/CSAE 53-2017, table: communication range", high=500.0)
    warn_s: float = parameter(8.0, "s", "until the host is there: time to slow down gently, 2 m/s² from 16 m/s", high=20.0)
    hold_share: float = parameter(1.2, "1", "hysteresis: a warning stays up to so much of range and time", low=1.0, high=3.0)
    imminent_s: float = parameter(2.5, "s", "so close nothing is confirmed first", high=10.0)
    least_speed_mps: float = parameter(2.0, "m/s", "who creeps sees it", high=20.0)


@dataclass(frozen=True, slots=True)
class SlwParameters(Switch):
    """Defaults and their sources; docs/applications/slw.md carries this as a table."""

    tolerance_mps: float = parameter(1.4, "m/s", "5 km/h above the limit: speedometers and their readers err", high=10.0)
    hold_mps: float = parameter(0.3, "m/s", "hysteresis: a warning stays until the host is so near to the limit", high=10.0)
    serious_share: float = parameter(
        0.5, "1", "so far above nothing is confirmed first; China's road traffic law: half more", high=2.0
    )
    range_m: float = parameter(300.0, "m", "T/CSAE 53-2017, table: communication range", high=500.0)
    ahead_mps2: float = parameter(
        1.5, "m/s²", "needed to have slowed down where a limit begins: who rolls out needs less", high=6.0
    )
    hold_share: float = parameter(0.6, "1", "hysteresis on ahead_mps2", high=1.0)


@dataclass(frozen=True, slots=True)
class IvsParameters(Switch):
    """Defaults and their sources; docs/applications/ivs.md carries this as a table."""

    range_m: float = parameter(150.0, "m", "T/CSAE 53-2017, table: communication range", high=500.0)
    hold_share: float = parameter(1.2, "1", "hysteresis on range_m", low=1.0, high=3.0)
    least_speed_mps: float = parameter(0.5, "m/s", "who stands has read it", high=20.0)


@dataclass(frozen=True, slots=True)
class TjwParameters(Switch):
    """Defaults and their sources; docs/applications/tjw.md carries this as a table."""

    range_m: float = parameter(150.0, "m", "T/CSAE 53-2017, table: communication range", high=500.0)
    warn_s: float = parameter(10.0, "s", "and in any case so long before the end of the jam, however fast the host", high=30.0)
    hold_share: float = parameter(1.2, "1", "hysteresis on range and time", low=1.0, high=3.0)
    imminent_s: float = parameter(2.5, "s", "so close nothing is confirmed first", high=10.0)
    least_speed_mps: float = parameter(5.0, "m/s", "slower, the host is in the jam or comes to it slowly", high=20.0)
