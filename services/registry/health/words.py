"""What devices say of their own health, read: states, heartbeats, what they are, how their machine does. Pure.

A device may write anything; a number that is none, or beyond every bound, is as good as not said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chelu import topics
from chelu.bus import Received
from chelu.codec.documents import printable

LONGEST_BEAT_S = 3600.0
MOST = 1e15  # of a counter
MOST_STREAMS = 20
MOST_BYTES = 64 << 10
PERCENT = 100.0
STREAMS = ("state", "heartbeat", "info", "run-status")
LONGEST_NAME = 64
# Heartbeats at QoS 0: one that is lost is followed by the next, and ten thousand devices' must not fill the broker's queue.
FILTERS = tuple(
    (name, qos)
    for pattern, qos in (("state", 1), ("heartbeat/up", 0), ("info/up", 1), ("run-status/up", 0))
    for name in topics.row("{kind}/{id}/" + pattern).subscriptions()
)


@dataclass(frozen=True, slots=True)
class State:
    """It has come or gone. is_retained: the broker says so of some time ago."""

    device_id: str
    is_online: bool
    at_us: int
    reason: str = ""
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """It is alive. delay_s: from what its clock said to arrival; sent, received: counters since its start, by stream."""

    device_id: str
    at_us: int
    delay_s: float
    uptime_s: float
    sent: Mapping[str, int]
    received: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Introduction:
    """What it says it is; beat_s: NaN when it does not say."""

    device_id: str
    at_us: int
    beat_s: float


@dataclass(frozen=True, slots=True)
class Running:
    """How its machine does; NaN for what it does not say. rx_bytes, tx_bytes: since its machine started."""

    device_id: str
    at_us: int
    cpu_percent: float
    memory_percent: float
    disk_percent: float
    rx_bytes: float
    tx_bytes: float


Word = State | Beat | Introduction | Running


def read(message: Received) -> Word | None:
    """What one message says of its sender's health; None for what is nothing to it."""
    match = topics.find(message.topic)
    if match is None or match.topic.stream not in STREAMS or len(message.payload) > MOST_BYTES:
        return None
    try:
        document = json.loads(message.payload)
    except (ValueError, RecursionError):
        return None
    return _read(match, document, message) if isinstance(document, dict) else None


def _read(match: topics.Match, document: Mapping[str, Any], message: Received) -> Word | None:
    if match.topic.stream == "state":
        return _state(match.device, document, message)
    if message.retained:
        return None  # nobody retains these for us: it may be of any day
    if match.topic.stream == "heartbeat":
        return _beat(match.device, document, message.arrival_us)
    if match.topic.stream == "info":
        return Introduction(match.device, message.arrival_us, _within(document.get("heartbeat_s"), 0.1, LONGEST_BEAT_S))
    return _running(match.device, document, message.arrival_us)


def passed_over(message: Received) -> tuple[str, str]:
    """Whose word it is, and what is told when it cannot be worked off."""
    match = topics.find(message.topic)
    text = f"a word on {message.topic} is passed over, since it breaks the watch over health"
    return match.device if match else message.topic, text


def _state(device: str, document: Mapping[str, Any], message: Received) -> State | None:
    if document.get("state") not in ("online", "offline"):
        return None
    reason = document.get("reason")
    text = printable(reason)[:100] if isinstance(reason, str) else ""
    return State(device, document["state"] == "online", message.arrival_us, text, message.retained)


def _beat(device: str, document: Mapping[str, Any], at_us: int) -> Beat:
    time_us = _within(document.get("time_us"), 0, 1e16)
    return Beat(
        device,
        at_us,
        (at_us - time_us) / 1e6,
        _within(document.get("uptime_s"), 0, MOST),
        _counters(document.get("sent")),
        _counters(document.get("received")),
    )


def _running(device: str, document: Mapping[str, Any], at_us: int) -> Running | None:
    running = document.get("runningInfo")
    if not isinstance(running, dict):
        return None
    part = {name: value if isinstance(value := running.get(name), dict) else {} for name in ("cpu", "mem", "disk", "net")}
    return Running(
        device,
        at_us,
        _within(part["cpu"].get("uti"), 0, PERCENT),
        _used(part["mem"], "free"),
        _used(part["disk"], "free"),
        _within(part["net"].get("rxByte"), 0, MOST),
        _within(part["net"].get("txByte"), 0, MOST),
    )


def _used(part: Mapping[str, Any], free: str) -> float:
    """Per cent of what there is that is not free to be used."""
    total, left = _within(part.get("total"), 1, MOST), _within(part.get(free), 0, MOST)
    return PERCENT * (1 - left / total) if left <= total else math.nan


def _counters(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    read = {name: _within(count, 0, MOST) for name, count in list(value.items())[:MOST_STREAMS] if len(name) <= LONGEST_NAME}
    return {printable(name): int(count) for name, count in read.items() if not math.isnan(count)}


def _within(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return math.nan
    return float(value)
