"""Status and settings of a roadside computer, held against T/ITS 0180.1-2021 (tables 8 to 14, 25) and kept as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chelu.codec.json_columns import Number, read_numbers
from chelu.codec.tits0180_documents import DOCUMENT, LATEST_MS, MOST_ITEMS, PLACE, TIME, renamed, serial_of
from chelu.errors import MalformedError, NotAllowedError

KIND = Number("kind", "deviceType", 0, 255, is_required=True, is_whole=True)
ACTIVE = Number("active", "active", 0, 1, is_required=True, is_whole=True)
STATUS = Number("status", "status", 0, 1, is_whole=True)
CROSS = Number("cross", "crossType", 0, 255, is_whole=True)
LINK = Number("link", "linkId", 0, 2**32 - 1, is_whole=True)
LONGEST_S = 31 * 86_400


@dataclass(frozen=True, slots=True)
class Part:
    """A list of a document: the text that names each of its objects, and their numbers."""

    serial: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A document: the numbers at its top, and its lists by name."""

    numbers: tuple[Number, ...]
    parts: Mapping[str, Part]


FORMS: Mapping[str, Form] = {
    "basic-status": Form(
        (
            TIME,
            KIND,
            ACTIVE,
            *PLACE,
            CROSS,
            LINK,
            Number("state", "rscuStatus", 0, 1, is_whole=True),
            Number("road", "roadType", 0, 255, is_whole=True),
            Number("units", "rsuNum", 0, 65535, is_whole=True),
            Number("sensors", "sensorNum", 0, 65535, is_whole=True),
        ),
        {"rsulist": Part("rsuSn", (KIND, *PLACE, CROSS, LINK)), "sensorlist": Part("sensorSn", (KIND, *PLACE, CROSS, LINK))},
    ),
    "run-status": Form(
        (
            TIME,
            ACTIVE,
            *PLACE,
            Number("state", "rscuStatus", 0, 1, is_whole=True),
            Number("units", "rsuNum", 0, 65535, is_whole=True),
            Number("sensors", "sensorNum", 0, 65535, is_whole=True),
        ),
        {
            "rsuStatusList": Part("rsuSn", (KIND, STATUS, ACTIVE)),
            "sensorStatusList": Part("sensorSn", (KIND, STATUS, ACTIVE)),
            "faultList": Part(
                "deviceSn",
                (KIND, Number("fault", "faultType", 0, 255, is_whole=True), Number("since_ms", "faultTime", 0, LATEST_MS)),
            ),
        },
    ),
    "om-config": Form(
        (
            TIME,
            Number("beat_s", "hbRate", 0, LONGEST_S, is_whole=True),
            Number("status_s", "runningInfoRate", 0, LONGEST_S, is_whole=True),
            Number("level", "logLevel", 0, 4, is_whole=True),
            Number("when", "time", 0, LATEST_MS, is_required=True),
            Number("power", "power", 0, 2, is_required=True, is_whole=True),
        ),
        {},
    ),
}


def fault_of(name: str, document: Mapping[str, Any]) -> str:
    """What is wrong with a document of one of `FORMS`, naming field, value and bound; nothing when it is good."""
    form, head = FORMS[name], dict(document)
    renamed(head, "timestamp", "timeStamp")
    try:
        serial_of(head)
    except MalformedError as error:
        return error.detail
    faults = read_numbers([head], form.numbers, names=[DOCUMENT]).faults
    if faults:
        return faults[0]
    return next((said for key, part in form.parts.items() if (said := _fault_of_list(key, head.get(key), part))), "")


def _fault_of_list(name: str, items: Any, part: Part) -> str:
    if items is None:
        return ""
    if not isinstance(items, list) or len(items) > MOST_ITEMS:
        return str(NotAllowedError(name, items, f"a list of at most {MOST_ITEMS}"))
    names = [f"{name}[{place}]" for place in range(len(items))]
    faults = read_numbers(items, part.numbers, names=names).faults
    return faults[min(faults)] if faults else _unnamed(items, names, part.serial)


def _unnamed(items: Sequence[Mapping[str, Any]], names: Sequence[str], serial: str) -> str:
    for item, name in zip(items, names, strict=True):
        if not isinstance(item.get(serial), str) or not item[serial]:
            return str(NotAllowedError(f"{name}.{serial}", item.get(serial), "a serial number"))
    return ""
