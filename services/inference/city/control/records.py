"""What became of commands, as rows of the database. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chelu.messages import Batch
from chelu.store import TableColumn
from services.inference.city.control.desk import Event

SIGNAL_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("device_key", "integer", "device_key"),
    TableColumn("controller", "text", "controller"),
    TableColumn("what", "text", "what"),
    TableColumn("stage", "smallint", "stage"),
    TableColumn("why", "text", "why"),
)


def signal_rows(events: Sequence[Event], site_id: str) -> Batch:
    """Rows of city.signal."""
    return Batch(
        {
            "time_us": np.array([one.time_us for one in events], np.int64),
            "site_id": np.full(len(events), site_id, object),
            "device_key": np.array([one.device.key for one in events], np.int32),
            "controller": np.array([one.controller for one in events], object),
            "what": np.array([one.what for one in events], object),
            "stage": np.array([one.stage for one in events], np.int16),
            "why": np.array([one.why for one in events], object),
        }
    )
