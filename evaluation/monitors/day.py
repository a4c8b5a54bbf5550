"""How long a day of one junction takes: one of the shipped recording's junctions, its traffic over and over for 24 hours.

Hours are made one after the other, as a site's would be read, and only the monitors' work is timed, by the clock. Between two
rounds of the recording lie two seconds of silence, in which signals may come to stand otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from chelu import memory
from chelu.geo import LocalFrame
from chelu.messages import Batch, concatenate
from chelu.quality.monitors.catalogue import site_parameters
from chelu.quality.monitors.judged import Mask
from chelu.quality.monitors.run import Known, Report, look, stretches
from chelu.quality.monitors.tracks import REACH_M
from chelu.quality.monitors.window import LEAD_S, TAIL_S, Heard, window
from chelu.units import US_PER_S
from evaluation.monitors.recordings import open_recording
from evaluation.monitors.threads import together

TRACE = Path(__file__).parents[2] / "simulators" / "data" / "district_trace.npz"
HOUR_US = 3600 * US_PER_S
SILENCE_US = 2 * US_PER_S
BAR_S = 10.0  # for the whole day


@dataclass(frozen=True, slots=True)
class Round:
    """The recording once: what is heard of one junction, in period_us."""

    heard: Heard
    begin_us: int
    period_us: int


@dataclass(slots=True)
class Spent:
    """What assessing took: rows of SPAT and BSM, seconds by the clock and of processors."""

    rows: int = 0
    clock_s: float = 0.0
    processor_s: float = 0.0


def measure(hours: float, threads: int) -> int:
    """Assess that much of a day and tell; 0 when it was quick enough for a day in `BAR_S`."""
    memory.keep()
    console = Console()
    report, spent = assess(ordinary_junction(open_recording(TRACE)), hours, threads)
    judged = sum(report.of_monitor(name).judged for name in report.hours)
    console.print(f"{hours:g} h of one junction: {spent.rows:,} rows of SPAT and BSM, {judged:,} items judged")
    console.print(
        f"assessed in {spent.clock_s:.2f} s by {threads} threads, {spent.processor_s:.2f} s of processor; "
        f"the bar is {BAR_S:g} s for a day on two cores"
    )
    return 0 if spent.clock_s <= BAR_S * hours / 24 or hours < 1 else 1


def assess(one: Round, hours: float, threads: int) -> tuple[Report, Spent]:
    """So many hours of it, one after the other, each by so many threads."""
    known, report, spent = Known(), Report(site_parameters({}, where="")), Spent()
    begin_us = one.begin_us // HOUR_US * HOUR_US
    with together(threads) as begin:
        for from_us, to_us in stretches(begin_us, begin_us + round(hours * HOUR_US)):
            heard = stretch(one, from_us - round(LEAD_S * US_PER_S), to_us + round(TAIL_S * US_PER_S))
            clock_s, processor_s = time.perf_counter(), time.process_time()
            seen = window(heard, from_us, to_us, junctions_before=known.junctions, known=known.expected(from_us), begin=begin)
            look(seen, report, begin=begin)
            known.learn(seen)
            spent.clock_s += time.perf_counter() - clock_s
            spent.processor_s += time.process_time() - processor_s
            spent.rows += len(heard.spat) + len(heard.bsm)
    return report, spent


def ordinary_junction(heard: Heard) -> Round:
    """What is heard of the junction around which a middling number of BSMs are."""
    begin_us, end_us = heard.bounds_us()
    found = window(heard, begin_us, end_us)
    masks = {node: _is_near(heard.bsm, one.frame) for node, one in found.junctions.items()}
    region, number = sorted(masks, key=lambda node: int(masks[node].sum()))[len(masks) // 2]
    content = {row for row, value in enumerate(heard.contents) if int(value["nodes"][0]["id"]["id"]) == number}
    mine = Heard(
        bsm=heard.bsm.take(masks[region, number]),
        participant=heard.participant.take(_is_near(heard.participant, found.junctions[region, number].frame)),
        spat=heard.spat.take(heard.spat["intersection_id"] == number),
        map=heard.map.take(np.isin(heard.map["content"], list(content))),
        contents=heard.contents,
    )
    whole_us = -(-(end_us - begin_us) // US_PER_S) * US_PER_S
    return Round(mine, begin_us, whole_us + SILENCE_US)


def stretch(one: Round, from_us: int, to_us: int) -> Heard:
    """[from, to) of a recording that goes round and round."""
    turns = range((from_us - one.begin_us) // one.period_us, -((one.begin_us - to_us) // one.period_us))
    parts = {name: list(_turns(one, name, turns)) for name in ("bsm", "participant", "spat", "map")}
    whole: dict[str, Any] = {name: _between(concatenate(batches), from_us, to_us) for name, batches in parts.items()}
    return Heard(**whole, contents=one.heard.contents)


def _turns(one: Round, name: str, turns: range) -> Iterator[Batch]:
    """The rounds of one stream, each with vehicles of its own, counts that go on, and its own time."""
    rows: Batch = getattr(one.heard, name)
    for turn in turns:
        moved = {column: rows[column] + turn * one.period_us for column in ("time_us", "arrival_us")}
        if name == "bsm":
            moved["vehicle_id"] = rows["vehicle_id"] ^ np.uint64(turn & 0xFFFF)
        if name == "map":
            moved["minute"] = rows["minute"] + moved["time_us"] // (60 * US_PER_S) - rows["time_us"] // (60 * US_PER_S)
        yield rows.with_columns(**moved)


def _between(batch: Batch, from_us: int, to_us: int) -> Batch:
    first, behind = np.searchsorted(batch["time_us"], [from_us, to_us])
    return batch.take(np.arange(first, behind))


def _is_near(rows: Batch, frame: LocalFrame | None) -> Mask:
    if frame is None:
        return np.zeros(len(rows), np.bool_)
    place = frame.to_local(rows["latitude_deg"], rows["longitude_deg"])
    return np.asarray(np.hypot(place[:, 0], place[:, 1]) < REACH_M)
