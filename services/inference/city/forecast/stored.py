"""What is stored of a site's segments, for a forecast that begins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chelu.store import Database
from services.inference.city.forecast.history import ROWS, STEP_S
from services.inference.reports import Floats, Ints

# One row a segment: what is taken in between two others of this process's threads stays short.
SEGMENTS = """SELECT place, array_agg((extract(epoch FROM time) * 1000000)::bigint ORDER BY time),
        array_agg(mean_speed_mps ORDER BY time)
    FROM city.state WHERE site_id = %(site_id)s AND scope = 'segment' AND period_s = %(step_s)s AND mean_speed_mps IS NOT NULL
        AND time > 'epoch'::timestamptz + (%(end_us)s - %(span_us)s) * interval '1 microsecond'
        AND time <= 'epoch'::timestamptz + %(end_us)s::bigint * interval '1 microsecond'
    GROUP BY place"""


def segments_of(database: Database, site_id: str, end_us: int) -> Iterator[tuple[str, Ints, Floats]]:
    """Name, times and mean speeds of every segment of which something is stored."""
    asked = {"site_id": site_id, "step_s": STEP_S, "end_us": end_us, "span_us": ROWS * STEP_S * 1_000_000}
    with (
        database.connection(doing="reading what is stored of segments", timeout_s=30.0) as connection,
        connection.transaction(),  # whoever had it before may have left it without
        connection.cursor("segments") as cursor,
    ):
        cursor.itersize = 20
        cursor.execute(SEGMENTS, asked)
        for place, times, speeds in cursor:
            yield place, np.array(times, np.int64), np.array(speeds, np.float64)
