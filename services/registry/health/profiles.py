"""What is expected of a device: of its profile when the register has one of that name, else of its kind. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chelu import topics
from chelu.topics import OPENV2X_PROFILE, Kind
from services.registry.health.columns import Known
from services.registry.lifecycle import SPEAKING, Lifecycle

# Only an OBU's own BSMs have to come whatever happens around it: an RSU passes on what it hears, and RSM and SPAT are for those
# that have what they speak of. Everything else is a profile's to say.
EXPECTED_HZ: Mapping[Kind, Mapping[str, float]] = {Kind.OBU: {"bsm": topics.row("obu/{id}/bsm/up").rate_hz or 0}}
# A roadside says by its standard how often it is heard at the least: its run-status, or OpenV2X's heartbeat (docs/topics.md).
RUN_STATUS_S, OPENV2X_BEAT_S = (
    1 / (topics.row(pattern).rate_hz or math.nan) for pattern in ("{kind}/{id}/run-status/up", "V2X/RSU/{id}/HB/UP")
)
ROADSIDES = frozenset({Kind.RSU, Kind.RSCU})
SUPERVISED = SPEAKING - {Lifecycle.MAINTENANCE}


def expected_hz(kind: str, of_profile: Mapping[str, float] | None) -> Mapping[str, float]:
    """Messages that have to come a second, by stream; of_profile: null where there is none of its name."""
    return EXPECTED_HZ.get(Kind(kind), {}) if of_profile is None else of_profile


def usual_beat_s(kind: str, profile: str | None, *, is_below_gateway: bool) -> float:
    """Seconds between a roadside's signs of life by its standard; NaN for everybody else, whose silence may be meant."""
    if Kind(kind) not in ROADSIDES or is_below_gateway:
        return math.nan
    return OPENV2X_BEAT_S if profile == OPENV2X_PROFILE else RUN_STATUS_S


def known(row: Mapping[str, Any]) -> Known:
    """A device out of the register's row of it and of its profile (null without one)."""
    beat_s = row["heartbeat_s"]
    return Known(
        key=row["device_key"],
        device_id=row["device_id"],
        kind=row["kind"],
        site_id=row["site_id"],
        is_supervised=row["lifecycle"] in SUPERVISED,
        beat_s=math.nan if beat_s is None else beat_s,
        expected_hz=expected_hz(row["kind"], row["rates_hz"]),
        usual_beat_s=usual_beat_s(row["kind"], row["profile"], is_below_gateway=row["is_below_gateway"]),
    )
