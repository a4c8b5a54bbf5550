"""NMEA 0183 sentences of a GNSS receiver → fixes. Pure; what a sentence leaves empty stays unavailable (NaN).

Read are RMC (time, date, position, speed and course over ground) and GGA (height above mean sea level and the geoid's height,
whose sum is the height above the ellipsoid), of any talker (GP, GN, BD, GB …). Every sentence must carry its checksum.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

from chelu.errors import MalformedError

KNOT_MPS = 1852 / 3600
MAX_SENTENCE = 1024  # NMEA allows 82 characters; receivers write longer ones


@dataclass(frozen=True, slots=True)
class Fix:
    """One position: event time in µs UTC, SI, NaN where the receiver said nothing."""

    time_us: int
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    speed_mps: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """Type without the talker (``RMC``) and the fields behind it."""

    type: str
    fields: tuple[str, ...]


def read_sentence(line: bytes) -> Sentence:
    """Check and cut one sentence; raises MalformedError with the reason it is counted under."""
    if len(line) > MAX_SENTENCE:
        raise MalformedError("overlong", f"{len(line)} bytes")
    body, star, checksum = line.strip().removeprefix(b"$").partition(b"*")
    if not line.startswith(b"$") or not star or len(checksum) != 2:
        raise MalformedError("undecodable", f"no sentence: {line[:40]!r}")
    try:
        claimed, text = int(checksum, 16), body.decode("ascii")
    except ValueError:
        raise MalformedError("undecodable", f"no sentence: {line[:40]!r}") from None
    if (actual := reduce(xor, body, 0)) != claimed:
        raise MalformedError("undecodable", f"checksum {claimed:02X} where {actual:02X} is right: {line[:40]!r}")
    name, *fields = text.split(",")
    return Sentence(name[-3:], tuple(fields))


class Receiver:
    """Pairs the RMC and GGA of one epoch; one per source."""

    def __init__(self) -> None:
        self._rmc: tuple[str, Fix] | None = None
        self._gga: tuple[str, float] | None = None
        self._has_gga = False

    def take(self, sentence: Sentence) -> list[Fix]:
        """Fixes that this sentence completes (0, 1 or 2); raises MalformedError for values that cannot be."""
        if sentence.type == "GGA":
            return self._take_gga(sentence.fields)
        if sentence.type == "RMC":
            return self._take_rmc(sentence.fields)
        return []

    def _take_gga(self, fields: Sequence[str]) -> list[Fix]:
        epoch = _field(fields, 0)
        self._has_gga, self._gga = True, (epoch, _ellipsoid_height(fields))
        if self._rmc and self._rmc[0] == epoch:
            return self._release()
        return []

    def _take_rmc(self, fields: Sequence[str]) -> list[Fix]:
        epoch = _field(fields, 0)
        late = self._release() if self._rmc else []  # its GGA never came
        if late:
            self._has_gga = False
        if _field(fields, 1) != "A":
            return late
        self._rmc = epoch, _fix(fields)
        if not self._has_gga or (self._gga and self._gga[0] == epoch):
            return late + self._release()
        return late

    def _release(self) -> list[Fix]:
        if not self._rmc:
            return []
        epoch, fix = self._rmc
        height = self._gga[1] if self._gga and self._gga[0] == epoch else math.nan
        self._rmc = None
        return [Fix(fix.time_us, fix.latitude_deg, fix.longitude_deg, height, fix.speed_mps, fix.heading_deg)]


def _fix(fields: Sequence[str]) -> Fix:
    latitude, longitude = _angle(fields, 2, 90, "NS"), _angle(fields, 4, 180, "EW")
    speed, course = _number(fields, 6), _number(fields, 7)
    if speed < 0 or not (math.isnan(course) or 0 <= course <= 360):
        raise MalformedError("out_of_range", f"speed {speed} kn, course {course}°")
    return Fix(_time_us(_field(fields, 0), _field(fields, 8)), latitude, longitude, math.nan, speed * KNOT_MPS, course % 360)


def _ellipsoid_height(fields: Sequence[str]) -> float:
    """Field 8 (above mean sea level) plus field 10 (geoid above the ellipsoid), when there is a fix and both are in metres."""
    if _field(fields, 5) in {"", "0"} or _field(fields, 9) != "M" or _field(fields, 11) != "M":
        return math.nan
    return _number(fields, 8) + _number(fields, 10)


def _angle(fields: Sequence[str], index: int, bound: int, signs: str) -> float:
    """``dddmm.mmmm`` and its hemisphere → degrees."""
    text, sign = _field(fields, index), _field(fields, index + 1)
    whole, point, fraction = text.partition(".")
    if sign not in signs or len(sign) != 1 or len(whole) < 3 or not whole.isdigit() or (point and not fraction.isdigit()):
        raise MalformedError("undecodable", f"no angle: {text!r} {sign!r}")
    degrees, minutes = int(whole[:-2]), float(whole[-2:] + point + fraction)
    angle = degrees + minutes / 60
    if minutes >= 60 or angle > bound:
        raise MalformedError("out_of_range", f"angle {text} is outside 0 … {bound}°")
    return -angle if sign == signs[1] else angle


def _time_us(clock: str, date: str) -> int:
    try:
        day = dt.datetime.strptime(date + clock[:6], "%d%m%y%H%M%S").replace(tzinfo=dt.UTC)
        fraction = float("0" + clock[6:]) if clock[6:] else 0.0
    except ValueError:
        raise MalformedError("undecodable", f"no time: {clock!r} on {date!r}") from None
    return int(day.timestamp()) * 1_000_000 + round(fraction * 1_000_000)


def _number(fields: Sequence[str], index: int) -> float:
    text = _field(fields, index)
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise MalformedError("undecodable", f"no number: {text!r}")
    return value


def _field(fields: Sequence[str], index: int) -> str:
    return fields[index] if index < len(fields) else ""
