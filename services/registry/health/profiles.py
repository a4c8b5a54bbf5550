"""What is expected of a device: of its profile when the register has one of that name, else of its kind. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chelu import topics
from chelu.topics import Kind
from services.registry.health.columns import Known
from services.registry.lifecycle import SPEAKING, Lifecycle

# Only an OBU's own BSMs have to come whatever happens around it: an RSU passes on what it hears, and RSM and SPAT are for those
# that have what they speak of. Everything else is a profile's to say.
EXPECTED_HZ: Mapping[Kind, Mapping[str, float]] = {Kind.OBU: {"bsm": topics.row("obu/{id}/bsm/up").rate_hz or 0}}
SUPERVISED = SPEAKING - {Lifecycle.MAINTENANCE}


def expected_hz(kind: str, of_profile: Mapping[str, float] | None) -> Mapping[str, float]:
    """Messages that have to come a second, by stream; of_profile: null where there is none of its name."""
    return EXPECTED_HZ.get(Kind(kind), {}) if of_profile is None else of_profile


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
    )
