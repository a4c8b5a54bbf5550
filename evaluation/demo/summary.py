"""What a run of the whole road amounts to, as numbers and as a verdict. Pure: everything it judges is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

PERCENTILES = (50, 95, 99)
NAMES = {  # of applications, for people
    "fcw": "forward collision",
    "icw": "intersection collision",
    "lta": "left-turn",
    "lcw": "lane change",
    "dnpw": "do-not-pass",
    "ebw": "emergency brake",
    "avw": "abnormal vehicle",
    "clw": "control loss",
    "evw": "emergency vehicle",
    "vrucw": "vulnerable road user",
    "svw": "red light",
    "glosa": "green-light speed",
    "hlw": "hazardous location",
    "slw": "speed limit",
    "ivs": "sign",
    "tjw": "traffic jam",
}


@dataclass(frozen=True, slots=True)
class StreamCount:
    """Rows of one stream as ingest accounted for them; `dropped` by `chelu.messages.DropReason`."""

    received: int
    stored: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the demo saw. Latencies in ms; `staged_failures` and `cross_deck` are sentences, empty when all is well."""

    seconds: float
    published: Mapping[str, int]
    counted: Mapping[str, StreamCount]
    warnings: Mapping[str, int]
    publish_to_stored_ms: npt.NDArray[np.float64]
    publish_to_warning_ms: npt.NDArray[np.float64]
    staged_failures: Sequence[str]
    cross_deck: Sequence[str]


def summarise(measured: Measured) -> dict[str, Any]:
    """The summary as a JSON document; `failures` lists every reason for which the run does not pass."""
    streams = {name: measured.counted.get(name, StreamCount(0, 0, {})) for name in measured.published}
    published, stored = sum(measured.published.values()), sum(count.stored for count in streams.values())
    return {
        "seconds": round(measured.seconds, 3),
        "published": published,
        "received": sum(count.received for count in streams.values()),
        "stored": stored,
        "dropped": _dropped(streams),
        "streams": {
            name: {
                "published": measured.published[name],
                "received": count.received,
                "stored": count.stored,
                "dropped": dict(count.dropped),
            }
            for name, count in streams.items()
        },
        "warnings": dict(sorted(measured.warnings.items())),
        "latency_ms": {
            "publish_to_stored": percentiles(measured.publish_to_stored_ms),
            "publish_to_warning": percentiles(measured.publish_to_warning_ms),
        },
        "rate_per_s": round(stored / measured.seconds, 1) if measured.seconds > 0 else 0.0,
        "failures": failures(measured, streams),
    }


def failures(measured: Measured, streams: Mapping[str, StreamCount]) -> list[str]:
    """Why the run does not pass, a sentence each."""
    found = []
    for name, count in streams.items():
        accounted = count.stored + sum(count.dropped.values())
        if measured.published[name] != accounted:
            found.append(f"{name}: {measured.published[name]} rows published, but {accounted} stored or dropped with a reason")
    if not measured.publish_to_stored_ms.size:
        found.append("no latency from publishing to storing could be measured")
    if not measured.publish_to_warning_ms.size:
        found.append("no latency from publishing to warning could be measured")
    return [*found, *measured.staged_failures, *measured.cross_deck]


def percentiles(samples_ms: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """p50, p95 and p99 of the samples, and their number; None where there are none."""
    if not samples_ms.size:
        return {**dict.fromkeys((f"p{p}" for p in PERCENTILES), None), "samples": 0}
    values = np.percentile(samples_ms, PERCENTILES)
    return {**{f"p{p}": round(float(v), 2) for p, v in zip(PERCENTILES, values, strict=True)}, "samples": int(samples_ms.size)}


def at_least_accounted(published: Mapping[str, int], counted: Mapping[str, StreamCount]) -> dict[str, int]:
    """Rows published so far: a replay tells them less often than ingest does, and what is accounted for was published."""
    nothing = StreamCount(0, 0, {})
    accounted = {stream: counted.get(stream, nothing) for stream in published}
    return {name: max(rows, accounted[name].stored + sum(accounted[name].dropped.values())) for name, rows in published.items()}


def latency_sentence(latency: Mapping[str, float | None]) -> str:
    """What `percentiles` gave, for people."""
    shown = [f"{latency[f'p{p}']:.0f} ms (p{p})" for p in PERCENTILES if latency[f"p{p}"] is not None]
    return f"{', '.join(shown)} of {latency['samples']} samples" if shown else "no samples"


def _dropped(streams: Mapping[str, StreamCount]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in streams.values():
        for reason, rows in count.dropped.items():
            total[reason] = total.get(reason, 0) + rows
    return total
