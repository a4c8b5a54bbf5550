"""Traffic state as it leaves: the message of five seconds, and rows of the database. No I/O."""

from __future__ import annotations

from typing import Any

import numpy as np

from chelu.codec import columns
from chelu.messages import Batch, concatenate
from chelu.store import TableColumn
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import Result, StateMonitor

_MAYBE = ("density_vpkm", "mean_speed_mps", "free_speed_mps", "travel_time_s", "delay_s", "stops", "travel_time_index", "index",
          "share", "perceived_share", "counted_weight", "counted_age_s")  # fmt: skip
_ALWAYS = ("flow_vph", "entered", "vehicles", "queue_vehicles", "queue_most_vehicles", "queue_m", "spilled_share", "co2_g",
           "nox_g", "congested_s", "probes")  # fmt: skip
_CODES = ("service", "level", "doubt")
STATE_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("scope", "text", "scope"),
    TableColumn("place", "text", "name"),
    TableColumn("period_s", "integer", "period_s"),
    *(TableColumn(name, "double precision", name) for name in _ALWAYS),
    *(TableColumn(name, "double precision", name, is_nullable=True) for name in _MAYBE),
    *(TableColumn(name, "smallint", name) for name in _CODES),
    TableColumn("faults", "jsonb", "faults"),
)
TURN_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("kind", "text", "kind"),  # turn: over one junction; trip: from where a road user was first seen to where last
    TableColumn("from_segment", "text", "from_segment"),
    TableColumn("to_segment", "text", "to_segment"),
    TableColumn("period_s", "integer", "period_s"),
    TableColumn("vehicles", "integer", "vehicles"),
    TableColumn("share", "double precision", "share", is_nullable=True),
)


def rows_to_store(site_id: str, monitor: StateMonitor, result: Result) -> Batch:
    """Rows of city.state: of every place where anybody was or counted."""
    known = _known_rows(monitor, result)
    told, nothing = faults_of(monitor), dict[str, Any]()
    faults = np.empty(len(known), object)
    faults[:] = [told if scope == Scope.NETWORK.value else nothing for scope in known["scope"].tolist()]
    return known.with_columns(
        site_id=np.full(len(known), site_id, object),
        period_s=np.full(len(known), result.period_s, np.int32),
        faults=faults,
        **{name: known[name].astype(np.int16) for name in _CODES},
    )


def document(site_id: str, monitor: StateMonitor, result: Result) -> bytes:
    """The message on `chelu.topics.STATE`: the same rows as columns; what was not believed is in the header."""
    rows = _known_rows(monitor, result)
    share = None if np.isnan(result.share) else result.share
    about = {"site": site_id, "period_s": result.period_s, "end_us": result.end_us}
    header = {**about, "share": share, "faults": faults_of(monitor)}
    text = {name: rows[name].astype(np.str_) for name in ("scope", "name")}
    return columns.pack(rows.with_columns(**text), header)


def turns_to_store(site_id: str, monitor: StateMonitor, result: Result) -> Batch:
    """Rows of city.state_turn: turns over junctions and trips through the site, as seen of those who speak or are seen."""
    names = monitor.layout.places[Scope.SEGMENT].name.astype(object)
    parts = []
    for kind, table in (("turn", result.turns), ("trip", result.trips)):
        count = len(table)
        parts.append(
            Batch(
                {
                    "time_us": np.full(count, result.end_us, np.int64),
                    "site_id": np.full(count, site_id, object),
                    "kind": np.full(count, kind, object),
                    "from_segment": names[table["from"]],
                    "to_segment": names[table["to"]],
                    "period_s": np.full(count, result.period_s, np.int32),
                    "vehicles": table["vehicles"].astype(np.int32),
                    "share": table["share"] if kind == "turn" else np.full(count, np.nan),
                }
            )
        )
    return concatenate(parts)


def faults_of(monitor: StateMonitor) -> dict[str, Any]:
    """Since the start: sightings that were not believed, by reason, and what is wrong with which counter."""
    counters: dict[str, dict[str, int]] = {}
    for (counter, wrong), count in monitor.counters.faults.items():
        counters.setdefault(str(counter), {})[str(wrong)] = count
    return {"sightings": {str(name): count for name, count in monitor.faults.items() if count}, "counters": counters}


def _known_rows(monitor: StateMonitor, result: Result) -> Batch:
    parts = []
    for scope, rows in result.rows.items():
        known = np.flatnonzero((rows["vehicles"] > 0) | (rows["flow_vph"] > 0) | (rows["counted_weight"] > 0))
        names = monitor.layout.places[scope].name.astype(object)
        parts.append(
            rows.take(known).with_columns(scope=np.full(len(known), scope.value, object), name=names[rows["place"][known]])
        )
    return concatenate(parts)
