"""A capture as an MCAP file that Foxglove opens: positions, boxes in the site's frame, the event as a log line, and every row.

Topics: ``/vehicles/{id}/location`` (foxglove.LocationFix), ``/scene`` (foxglove.SceneUpdate), ``/events`` (foxglove.Log), and
``/chelu/{stream}`` with whole rows as JSON, fields and units as the read API has them. Messages are in the order of their time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chelu import foxglove, recordings
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, STREAMS, TELEMETRY, Batch
from chelu.recordings import Line
from services.registry.json_rows import json_lines
from services.registry.stream_schemas import row_schema
from services.registry.supervision.captures import Capture

REPORT_SCHEMA = {
    "title": "chelu.report",
    "type": "object",
    "properties": {"device_id": {"type": "string"}, "body": {"type": "object"}},
}


def written(capture: Capture, event: Mapping[str, Any], frame: LocalFrame) -> bytes:
    """The file. event: as the API shows it, with ``time_us``; frame: the site's."""
    frame_ = {name: str(getattr(frame, name)) for name in ("latitude_deg", "longitude_deg", "elevation_m")}
    metadata = {
        "event": {name: str(value) for name, value in event.items() if value is not None},
        "frame site": {**frame_, "axes": "east, north, up; metres"},
    }
    return recordings.recording(_lines(capture, event, frame), _schema, metadata)


def _lines(capture: Capture, event: Mapping[str, Any], frame: LocalFrame) -> Iterator[Line]:
    text = f"{event['vehicle']}: {event['what']}" + (f" ({event['reason']})" if event.get("reason") else "")
    yield Line(event["time_us"], "/events", foxglove.LOG, foxglove.log(event["time_us"], text, str(event["vehicle"])))
    for name, batch in capture.batches.items():
        yield from _rows(name, batch)
        if name in {BSM.name, TELEMETRY.name}:
            yield from _locations(name, batch)
        if name in {BSM.name, PARTICIPANT.name}:
            yield from _scene(name, batch, frame)
    for report in capture.reports:
        topic = f"/chelu/report/{report['stream']}"
        yield Line(report["time_us"], topic, "chelu.report", {"device_id": report["device_id"], "body": report["body"]})


def _rows(name: str, batch: Batch) -> Iterator[Line]:
    devices = dict(zip(batch["device_key"].tolist(), batch["device_id"].tolist(), strict=True))
    bare = Batch({column: values for column, values in batch.columns.items() if column != "device_id"})
    for time_us, line in zip(batch["time_us"].tolist(), json_lines(bare, devices), strict=True):
        yield Line(time_us, f"/chelu/{name}", f"chelu.{name}", line.rstrip("\n"))


def _locations(name: str, batch: Batch) -> Iterator[Line]:
    places = [batch[each].tolist() for each in ("time_us", "latitude_deg", "longitude_deg", "elevation_m")]
    sigma = batch["semi_major_m"].tolist() if name == BSM.name else [math.nan] * len(batch)
    for device, time_us, latitude, longitude, elevation, spread in zip(batch["device_id"].tolist(), *places, sigma, strict=True):
        if math.isfinite(latitude) and math.isfinite(longitude):
            document = foxglove.location(time_us, latitude, longitude, elevation, spread)
            yield Line(time_us, f"/vehicles/{device}/location", foxglove.LOCATION, document)


def _scene(name: str, batch: Batch, frame: LocalFrame) -> Iterator[Line]:
    local = frame.to_local(batch["latitude_deg"], batch["longitude_deg"], batch["elevation_m"])
    ids = batch["vehicle_id"] if name == BSM.name else batch["participant_id"]
    kinds = batch["participant_type"].tolist() if name == PARTICIPANT.name else [None] * len(batch)
    sizes = np.column_stack([batch[each].astype(np.float64) for each in ("length_m", "width_m", "height_m")]).tolist()
    columns = batch["time_us"].tolist(), batch["device_id"].tolist(), ids.tolist(), local.tolist(), batch["heading_deg"].tolist()
    for time_us, device, number, xyz, heading, size, kind in zip(*columns, sizes, kinds, strict=True):
        if math.isfinite(xyz[0]):
            color = foxglove.OWN_COLOR if kind is None else foxglove.TYPES.get(kind, foxglove.OTHER_COLOR)
            box = foxglove.entity(time_us, f"{device} {number}", tuple(xyz), heading, tuple(size), color)
            yield Line(time_us, "/scene", foxglove.SCENE, foxglove.scene([box]))


def _schema(name: str) -> bytes:
    if name in foxglove.SCHEMAS:
        return foxglove.schema_bytes(name)
    stream = STREAMS.get(name.removeprefix("chelu."))
    return json.dumps(REPORT_SCHEMA).encode() if stream is None else row_schema(stream)
