"""Parameters that all applications of a site have in common: warnings' life, events, weather, jams, reckoned places."""

from __future__ import annotations

from dataclasses import dataclass

from chelu.parameters import parameter
from chelu.road_events.catalogue import CONGESTION

_CODE = 65_535.0
_GB_TABLES = "public tables of GB/T 29100-2012"
_RECALLED = "recalled, to be checked against GB/T 29100-2012"
_FRICTION = "Baker & Fricke, Traffic-Accident Investigation Manual: drag factors"


@dataclass(frozen=True, slots=True)
class LifeParameters:
    """Of all applications alike; docs/inference.md carries this as a table."""

    confirm_s: float = parameter(
        0.15, "s", "messages of this span must agree unless the danger is imminent (level 2): two or three at 10 Hz", high=2.0
    )
    forget_s: float = parameter(0.8, "s", "an unconfirmed finding not seen for longer starts anew: 2 Hz with a loss", high=5.0)
    update_s: float = parameter(0.2, "s", "at most 5 updates a second", low=0.05, high=5.0)
    advise_s: float = parameter(
        0.5, "s", "at most 2 updates a second of advice; T/CSAE 53-2017, table: GLOSA 2 Hz", low=0.05, high=10.0
    )
    clear_s: float = parameter(0.6, "s", "without its reason for this long a warning is cleared", low=0.1, high=10.0)
    valid_s: float = parameter(
        1.0, "s", "a warning that is not renewed holds for so long: update, clearing, and 0.2 s on the way", low=0.1, high=10.0
    )
    advice_valid_s: float = parameter(2.0, "s", "the same of advice, which is renewed before it lapses", low=0.1, high=30.0)
    most_age_s: float = parameter(1.0, "s", "data older than this never warns anyone: ten messages at 10 Hz", low=0.1, high=1.0)


@dataclass(frozen=True, slots=True)
class EventParameters:
    """How events are kept and placed; docs/events.md carries this as a table."""

    kept_s: float = parameter(
        600.0, "s", "an RSI without an end holds so long after it was last told: units tell them on change", high=86_400.0
    )
    perceived_kept_s: float = parameter(
        5.0, "s", "what a roadside computer perceives: T/ITS 0180.1 has it repeated every second", low=0.2, high=3600.0
    )
    same_m: float = parameter(30.0, "m", "two senders' events of one code that lie so near are one", low=1.0, high=500.0)
    same_deg: float = parameter(60.0, "°", "unless their paths point so far apart", high=180.0)
    heading_deg: float = parameter(45.0, "°", "who drives along a path is turned from it by less", low=5.0, high=90.0)
    reach_m: float = parameter(500.0, "m", "how far ahead events are looked for along the lanes", low=50.0, high=2000.0)
    straight_m: float = parameter(
        200.0, "m", "without a map: how far ahead a way is taken for straight where no path leads", high=500.0
    )
    straight_deg: float = parameter(10.0, "°", "and is taken so only for who is turned from the path's begin by less", high=45.0)
    loose_share: float = parameter(
        1.6,
        "1",
        "hysteresis: so much further aside than its reach an event is still held on to, though not begun with",
        low=1.0,
        high=5.0,
    )
    half_lane_m: float = parameter(1.75, "m", "a place this near to a way lies on it: half a lane of 3.5 m", high=10.0)
    congestion_code: float = parameter(float(CONGESTION), "1", "GB/T 29100-2012, as public code tables have it", high=_CODE)


@dataclass(frozen=True, slots=True)
class WeatherParameters:
    """What weather does, and which codes tell of it; docs/weather.md carries this as a table."""

    is_on: float = parameter(1.0, "0 or 1", "0: always dry and clear", high=1.0)
    kept_s: float = parameter(
        900.0, "s", "so long a sensor's sample holds: road weather stations report every 1 to 15 min", high=7200.0
    )
    dry_friction: float = parameter(0.75, "1", f"travelled asphalt, dry: 0.55–0.80; {_FRICTION}", low=0.3, high=1.2)
    wet_friction: float = parameter(0.5, "1", f"the same wet: 0.40–0.65; {_FRICTION}", low=0.1, high=1.2)
    snow_friction: float = parameter(0.3, "1", f"packed snow: 0.30–0.55, loose 0.10–0.25; {_FRICTION}", low=0.05, high=1.2)
    ice_friction: float = parameter(0.12, "1", f"ice: 0.05–0.25; {_FRICTION}", low=0.05, high=1.2)
    fog_sight_m: float = parameter(
        100.0, "m", "of fog that is told without a figure: GB/T 27964 strong fog is below 200 m", high=1000.0
    )
    clear_sight_m: float = parameter(300.0, "m", "drivers who see so far see what they need", low=50.0, high=2000.0)
    blind_s: float = parameter(1.2, "s", "earlier for who sees nothing: he waits to see what he is warned of", high=3.0)
    comfortable_mps2: float = parameter(4.0, "m/s²", "dry braking that drivers do not mind", low=1.0, high=8.0)
    most_haste_s: float = parameter(2.0, "s", "earlier than this is too early", high=5.0)
    ahead_s: float = parameter(4.0, "s", "the weather of an area counts for who will be in it so soon", high=10.0)
    fog_code: float = parameter(305.0, "1", _GB_TABLES, high=_CODE)
    rain_code: float = parameter(301.0, "1", _RECALLED, high=_CODE)
    snow_code: float = parameter(302.0, "1", _RECALLED, high=_CODE)
    water_code: float = parameter(407.0, "1", _GB_TABLES, high=_CODE)
    slippery_code: float = parameter(408.0, "1", _GB_TABLES, high=_CODE)
    ice_code: float = parameter(409.0, "1", _RECALLED, high=_CODE)


@dataclass(frozen=True, slots=True)
class JamParameters:
    """When traffic counts as jammed; docs/applications/tjw.md carries this as a table."""

    index: float = parameter(
        4.0, "1", "travel time over that at free flow: a quarter of the speed limit and slower", low=1.5, high=10.0
    )
    density_vpkm: float = parameter(
        25.0, "veh/km/lane", "half of a standing queue's and less: one slow vehicle is no jam", high=150.0
    )
    over_index: float = parameter(2.5, "1", "hysteresis: a jam is over when travel is this fast again", low=1.0, high=10.0)
    lasting_s: float = parameter(60.0, "s", "the means are of so long", low=5.0, high=600.0)


@dataclass(frozen=True, slots=True)
class ReckoningParameters:
    """docs/fusion.md carries this as a table."""

    useless_m: float = parameter(
        8.0, "m", "a place that may be off by more (one standard deviation) is none: 95 % within 20 m", high=300.0
    )
    most_s: float = parameter(30.0, "s", "so long after it knew its place for the last time; 0: not at all", high=300.0)
    most_off_m: float = parameter(
        8.0, "m", "so far it may be off (one standard deviation) before it has no place any more", high=100.0
    )
    per_metre: float = parameter(
        0.02, "1", "share of the way driven by which it may be off: wheels' speed is told so well", high=0.5
    )
