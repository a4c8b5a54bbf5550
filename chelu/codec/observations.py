"""Observations: JSON of a quantity, a unit, values, times and quality → one row a sample, in SI; docs/formats/observations.md.

A bad sample costs itself; a part whose quantity, unit or times cannot be read is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.documents import instant_us, parse_object
from chelu.codec.json_columns import floats_of
from chelu.conversion import conversion
from chelu.errors import CheluError, MalformedError, NotAllowedError
from chelu.messages import OBSERVATION, Batch, Column, DropReason, Frames, Rejects, filled
from chelu.quantities import Quantity, find

MOST_SAMPLES = 10_000  # of one message
QUALITIES = ("good", "doubtful", "bad", "estimated")  # the column's numbers
MOST_CHANNEL = 65_535
LAST_US = 1 << 62
LONGEST_TEXT = 64  # of what holds for several observations
TIMES = ("time_us", "time", "times_us", "times", "start_us")
# Ways of saying the same.
SAME = (
    frozenset({*TIMES, "step_us"}),
    frozenset({"quality", "qualities"}),
    frozenset({"channel", "channels"}),
    frozenset({"value", "values"}),
)
KEYS = ("quantity", "unit", *(name for group in SAME for name in sorted(group)))

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decoded:
    """rows: columns of `chelu.messages.OBSERVATION` and `frame`, in which it ascends; a frame has a reject a bad sample."""

    rows: Batch
    rejects: Rejects


@dataclass(slots=True)
class _Work:
    """What has been read so far."""

    parts: list[dict[str, Column]] = field(default_factory=list)
    refused: list[tuple[int, DropReason, str]] = field(default_factory=list)

    def refuse(self, frame: int, error: CheluError) -> None:
        if isinstance(error, MalformedError):
            self.refused.append((frame, DropReason(error.reason), error.detail))
        else:
            self.refused.append((frame, DropReason.OUT_OF_RANGE, str(error)))


def read(frames: Frames) -> Decoded:
    """Rows of payloads, a frame each (n,). Never raises for what they hold."""
    work = _Work()
    for frame in range(len(frames)):
        try:
            for part, where in _parts(parse_object(frames.frame(frame))):
                _read_part(work, frame, part, where, int(frames.reference_us[frame]))
        except CheluError as error:
            work.refuse(frame, error)
    names = (*OBSERVATION.dtypes(), "frame")
    none = filled(OBSERVATION, 0, frame=np.empty(0, np.int64))
    rows = Batch({name: np.concatenate([none[name], *(part[name] for part in work.parts)]) for name in names})
    index = np.array([frame for frame, _, _ in work.refused], np.int64)
    reasons, details = (tuple(one[place] for one in work.refused) for place in (1, 2))
    return Decoded(rows, Rejects(index, reasons, details))  # type: ignore[arg-type]


def _parts(document: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Each observation of a document with its place in it; what stands beside ``observations`` holds for all of them."""
    several = document.get("observations")
    if several is None:
        return [(dict(document), "")]
    if not isinstance(several, list) or not several:
        raise NotAllowedError("observations", several, "a list of at least one")
    shared = _shared(document)
    found = []
    samples = 0
    for place, part in enumerate(several):
        if not isinstance(part, dict):
            raise NotAllowedError(f"observations[{place}]", part, "an object")
        whole = {**_not_said_by(part, shared), **part}
        samples += len(whole["values"]) if isinstance(whole.get("values"), list) else 1
        if samples > MOST_SAMPLES:
            raise MalformedError(DropReason.OVERLONG, f"more than {MOST_SAMPLES} samples")
        found.append((whole, f"observations[{place}]."))
    return found


def _shared(document: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for all parts: known keys and small values only, since each part is given them, and its refusal shows them."""
    shared = {name: document[name] for name in KEYS if name in document}
    for name, value in shared.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, list | dict) or (isinstance(one, str) and len(one) > LONGEST_TEXT):
                raise NotAllowedError(name, one, f"numbers, or texts of at most {LONGEST_TEXT} characters")
    return shared


def _not_said_by(part: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for all, less what the part says itself in this way or another."""
    said = {name for group in SAME for name in group if group & part.keys()}
    return {name: value for name, value in shared.items() if name not in said}


def _read_part(work: _Work, frame: int, part: Mapping[str, Any], where: str, reference_us: int) -> None:
    try:
        values, names = _values(part, where)
        quantity = find(part.get("quantity"), f"{where}quantity")
        rule = conversion(part.get("unit"), quantity, f"{where}unit")
        n = len(values)
        times = _times(part, n, where, reference_us)
        quality, has_quality = _codes(part, "quality", "qualities", n, where, _quality)
        channel, has_channel = _codes(part, "channel", "channels", n, where, _channel)
    except CheluError as error:
        work.refuse(frame, error)
        return
    raw = floats_of(values)
    with np.errstate(over="ignore"):  # what gets infinite is out of range
        si = raw * rule.factor + rule.offset
    is_good = _refuse_samples(work, frame, quantity, (values, names, si))
    columns: dict[str, Column] = {
        "time_us": times,
        "quantity": np.full(n, quantity.code, np.uint16),
        "value": si,
        "quality": quality.astype(np.uint8),
        "quality_valid": has_quality,
        "channel": channel.astype(np.uint16),
        "channel_valid": has_channel,
        "frame": np.full(n, frame, np.int64),
    }
    work.parts.append({name: column[is_good] for name, column in columns.items()})


def _refuse_samples(
    work: _Work, frame: int, quantity: Quantity, samples: tuple[Sequence[Any], Sequence[str], Floats]
) -> npt.NDArray[np.bool_]:
    """Which samples (n,) are kept: numbers within the quantity's range, and nulls; the others are refused one by one."""
    values, names, si = samples
    slack = 1e-9 * max(abs(quantity.low), abs(quantity.high))  # of the conversion: 100 % is 1
    is_outside = (si < quantity.low - slack) | (si > quantity.high + slack)
    is_no_number = np.isnan(si) & np.array([value is not None for value in values], np.bool_)
    for row in np.flatnonzero(is_outside | is_no_number).tolist():
        error: CheluError = NotAllowedError(names[row], values[row], "a number or null")
        if is_outside[row]:
            unit = "" if quantity.unit == "1" else f" {quantity.unit}"
            bounds = f"{quantity.low:g} … {quantity.high:g}{unit} for {quantity.name}"
            error = NotAllowedError(names[row], values[row], f"{bounds}, and this is {si[row]:g}{unit}")
        work.refuse(frame, error)
    np.clip(si, quantity.low, quantity.high, out=si)
    return ~(is_outside | is_no_number)


def _values(part: Mapping[str, Any], where: str) -> tuple[list[Any], list[str]]:
    """The samples, and what each is called in a sentence."""
    if ("value" in part) == ("values" in part):
        raise NotAllowedError(f"{where}value", part.get("value"), "either value or values")
    if "value" in part:
        return [part["value"]], [f"{where}value"]
    values = part["values"]
    if not isinstance(values, list) or not values:
        raise NotAllowedError(f"{where}values", values, "a list of at least one")
    if len(values) > MOST_SAMPLES:
        raise MalformedError(DropReason.OVERLONG, f"more than {MOST_SAMPLES} samples")
    return values, [f"{where}values[{place}]" for place in range(len(values))]


def _times(part: Mapping[str, Any], n: int, where: str, reference_us: int) -> Ints:
    """When each sample was taken: one time for all, one each, or a start and a step; the hearing time when nothing is said."""
    given = [name for name in TIMES if part.get(name) is not None]
    if len(given) > 1:
        raise NotAllowedError(where + given[1], part[given[1]], f"nothing beside {given[0]}")
    name = given[0] if given else ""
    if part.get("step_us") is not None and name != "start_us":
        raise NotAllowedError(f"{where}step_us", part["step_us"], "nothing without start_us")
    if not name:
        return np.full(n, reference_us, np.int64)
    if name == "start_us":
        start, step = _instant(part["start_us"], f"{where}start_us"), part.get("step_us", 0)
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= LAST_US // MOST_SAMPLES // 2:
            raise NotAllowedError(f"{where}step_us", step, "a whole number of microseconds")
        return start + step * np.arange(n, dtype=np.int64)
    if name in {"time_us", "time"}:
        return np.full(n, _instant(part[name], where + name), np.int64)
    times = part[name]
    if not isinstance(times, list) or len(times) != n:
        found = len(times) if isinstance(times, list) else times
        raise NotAllowedError(where + name, found, f"a list of {n}, as there are values")
    return np.array([_instant(value, f"{where}{name}[{place}]") for place, value in enumerate(times)], np.int64)


def _instant(value: Any, where: str) -> int:
    found = value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LAST_US else None
    if isinstance(value, str):
        found = instant_us(value)
    if found is None:
        raise NotAllowedError(where, value, "microseconds UTC since 1970, or ISO 8601 with the offset from UTC")
    return found


def _codes(part: Mapping[str, Any], one: str, many: str, n: int, where: str, code: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Numbers (n,) of a property that is given once or for each sample, and where there is one."""
    if part.get(many) is None:
        values, names = [part.get(one)] * n, [where + one] * n
    elif not isinstance(part[many], list) or len(part[many]) != n:
        raise NotAllowedError(where + many, part[many], f"a list of {n}, as there are values")
    else:
        values, names = part[many], [f"{where}{many}[{place}]" for place in range(n)]
    numbers = [0 if value is None else code(value, name) for value, name in zip(values, names, strict=True)]
    return np.array(numbers, np.int64), np.array([value is not None for value in values], np.bool_)


def _quality(value: Any, where: str) -> int:
    if value not in QUALITIES or not isinstance(value, str):
        raise NotAllowedError(where, value, f"one of {', '.join(QUALITIES)}")
    return QUALITIES.index(value)


def _channel(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_CHANNEL:
        raise NotAllowedError(where, value, f"a whole number of 0 … {MOST_CHANNEL}")
    return value
