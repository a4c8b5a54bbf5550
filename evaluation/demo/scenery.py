"""What goes into the demo's picture: roads by deck, stored positions, warnings where their hosts were. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, Batch
from evaluation.demo.collect import Stored
from evaluation.demo.picture import Drawing, Points
from evaluation.demo.world import World
from simulators.received import ReceivedWarning
from simulators.scene import Origin

MOST_DOTS = 60_000


def drawing(stage: World, rows: Stored, warnings: Sequence[ReceivedWarning], summary: Mapping[str, Any]) -> Drawing:
    """The drawing of one run; tracks are the *stored* rows, so that the picture shows what the database holds."""
    lanes = stage.network.lanes
    frame = _frame(stage.scene.origin)
    applications = sorted({warning.application for warning in warnings})
    caption = f"Hillside district: {summary['stored']:,} rows stored in {summary['seconds']:.0f} s"
    return Drawing(
        lanes=[lanes.shape[index][:, :2] for index in range(len(lanes.shape))],
        decks=lanes.deck.tolist(),
        tracks=_places(rows[BSM.name], frame),
        pedestrians=_places(rows[PARTICIPANT.name], frame),
        warnings={name: _hosts([one for one in warnings if one.application == name], frame) for name in applications},
        staged=_staged(stage),
        caption=caption,
    )


def _places(batch: Batch, frame: LocalFrame) -> Points:
    if not len(batch):
        return np.empty((0, 2))
    some = batch.take(np.arange(0, len(batch), max(1, len(batch) // MOST_DOTS)))
    return frame.to_local(some["latitude_deg"], some["longitude_deg"], some["elevation_m"])[:, :2]


def _hosts(warnings: Sequence[ReceivedWarning], frame: LocalFrame) -> Points:
    hosts = [warning.document["host"] for warning in warnings]
    places = np.array([(host["latitude_deg"], host["longitude_deg"]) for host in hosts], np.float64).reshape(-1, 2)
    return frame.to_local(places[:, 0], places[:, 1], np.full(len(places), frame.elevation_m))[:, :2]


def _staged(stage: World) -> dict[str, Points]:
    """A label where each staged conflict comes to a head: its first car at the time its window ends."""
    labels = {}
    for conflict in stage.decided():
        wanted, script = conflict.expectations[0], conflict.scripts[0]
        along, _, _ = script.motion(np.array([script.at_ms], np.int64))
        xyz, _ = script.line.place(along)
        labels[wanted.name] = xyz[0, :2]
    return labels


def _frame(origin: Origin) -> LocalFrame:
    return LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m)
