"""Documents of T/ITS 0180.1 that are about documents: who asks for an answer, the answer, and who a roadside computer is.

The standard says that a document with ``ack`` true is answered and when one is sent again, and nothing of what an answer holds:
it has the ``seqNum``, ``errorCode`` and ``errorDesc`` of T/ITS 0117 annex A, and the ``timeStamp`` of what it answers, by which
documents without a number are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OK, BAD_PARAMETER, LOCAL_ERROR = 0, 1, 2
LONGEST_DESCRIPTION = 128
RSCU = 0  # deviceType
LARGEST = 2**63


def is_asked(document: Mapping[str, Any]) -> bool:
    """Whether a document wants an answer: absent and false mean that it does not."""
    return document.get("ack") is True


def answer(document: Mapping[str, Any], code: int = OK, description: str = "") -> dict[str, Any]:
    """The answer to a document."""
    said: dict[str, Any] = {}
    for name in ("seqNum", "timeStamp"):
        value = document.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST:
            said[name] = value
    said["errorCode"] = code
    if description:
        said["errorDesc"] = description[:LONGEST_DESCRIPTION]
    return said


def basic_status(
    serial: str, time_us: int, longitude_deg: float | None, latitude_deg: float | None, elevation_m: float | None
) -> dict[str, Any]:
    """``basic-status/up``: what table 8 asks for, of a computer that is connected and well."""
    place = {"longitude": longitude_deg, "latitude": latitude_deg, "elevation": elevation_m}
    return {
        "timeStamp": time_us // 1000,
        "rscuSn": serial,
        **{name: value for name, value in place.items() if value is not None},
        "deviceType": RSCU,
        "protocolVersion": "T/ITS 0180.1-2021",
        "rscuStatus": 0,
        "active": 0,
        "transProtocal": "MQTT",  # the standard's spelling
    }
