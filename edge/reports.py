"""What an agent says of itself: documents of info, run-status, heartbeat and state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from chelu.codec.tits0180_answers import basic_status
from edge.settings import EdgeSettings, Position


def software_version() -> str:
    """The installed version of Chelu, ``unknown`` from a bare checkout."""
    try:
        return version("chelu")
    except PackageNotFoundError:
        return "unknown"


def info(
    settings: EdgeSettings,
    *,
    start_id: str,
    time_us: int,
    position: Position | None,
    config: Mapping[str, Any],
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Who I am; `location` as in T/ITS 0117; config: the settings in force; versions: what is installed."""
    document = {
        "id": settings.id,
        "kind": settings.kind.value,
        "subtype": settings.subtype,
        "start_id": start_id,
        "time_us": time_us,
        "version": software_version(),
        "sources": [source.type for source in settings.sources],
        "heartbeat_s": config["heartbeat_s"],
        "location": _location(position),
        "config": config,
        "versions": versions,
    }
    return {name: value for name, value in document.items() if value is not None}


def heartbeat(
    *,
    number: int,
    settings: EdgeSettings,
    start_id: str,
    time_us: int,
    uptime_s: float,
    sent: Mapping[str, int],
    received: Mapping[str, int],
    waiting: Mapping[str, int],
    dropped: Mapping[str, Mapping[str, int]],
    released: Mapping[str, int],
    position: Position | None,
    vehicles: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Alive, and what went out since `start_id`: frames by stream; messages waiting, by lane; drops, by place and reason.

    received: messages that the platform sent, by stream. released: by lane, up to which number nothing will be sent again: it is
    receipted or given up.
    """
    document = {
        "seqNum": number,
        "id": settings.id,
        "kind": settings.kind.value,
        "start_id": start_id,
        "time_us": time_us,
        "uptime_s": round(uptime_s, 3),
        "sent": dict(sent),
        "received": dict(received),
        "waiting": dict(waiting),
        "dropped": {place: dict(reasons) for place, reasons in dropped.items()},
        "vehicles": vehicles,
        "released": dict(released),
        "location": _location(position),
    }
    return {name: value for name, value in document.items() if value is not None}


def run_status(settings: EdgeSettings, *, time_us: int, disk: Path) -> dict[str, Any]:
    """Processor, memory, disk and network, named as T/ITS 0117's RunningInfo: bytes, per cent, packets since boot."""
    memory, usage, network = psutil.virtual_memory(), psutil.disk_usage(str(disk)), psutil.net_io_counters()
    running: dict[str, Any] = {
        "cpu": {"load": psutil.getloadavg()[0], "uti": psutil.cpu_percent()},
        "mem": {"total": memory.total, "used": memory.used, "free": memory.available},
        "disk": {"total": usage.total, "used": usage.used, "free": usage.free},
    }
    if network is not None:  # a machine without interfaces has none
        running["net"] = {
            "rx": network.packets_recv,
            "tx": network.packets_sent,
            "rxByte": network.bytes_recv,
            "txByte": network.bytes_sent,
        }
    return {"id": settings.id, "time_us": time_us, "runningInfo": running}


def state(
    value: str,
    *,
    start_id: str,
    time_us: int | None = None,
    reason: str | None = None,
    released: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """``online`` or ``offline``; a last will has no time, since it is written before its hour. released: as in the heartbeat."""
    document = {"state": value, "start_id": start_id, "time_us": time_us, "reason": reason, "released": released}
    return {name: item for name, item in document.items() if item is not None}


def _location(position: Position | None) -> dict[str, float] | None:
    if position is None:
        return None
    place = {"lon": position.longitude_deg, "lat": position.latitude_deg}
    return place if position.elevation_m is None else {**place, "ele": position.elevation_m}


def computer(settings: EdgeSettings, *, time_us: int, position: Position | None) -> dict[str, Any]:
    """A roadside computer's basic-status (T/ITS 0180.1, table 8)."""
    place = (position.longitude_deg, position.latitude_deg, position.elevation_m) if position else (None, None, None)
    return basic_status(settings.id, time_us, *place)


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document as it goes over the wire: JSON (RFC 8259) without spaces."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
