"""Cooperation as rows of the database: every message and every change of a session's state, in the order of happening. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from chelu.messages import Batch
from chelu.store import TableColumn
from services.inference.coop.session import OPEN
from services.inference.coop.turn import Note

NOBODY = UUID(int=0)

COOP_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("session_id", "uuid", "session_id", is_nullable=True, mask="session_id_valid"),
    TableColumn("application", "text", "application"),
    TableColumn("device_key", "integer", "device_key"),
    TableColumn("number", "bigint", "number"),
    TableColumn("what", "text", "what"),
    TableColumn("state", "text", "state"),
    TableColumn("reason", "text", "reason"),
    TableColumn("document", "jsonb", "document"),
)
# All that happens in a turn has one time: there what has ended comes after what is open, and a move after what was asked.
_OPEN = ", ".join(f"'{one}'" for one in sorted(OPEN))
_NEWEST = f"ORDER BY time DESC, state NOT IN ({_OPEN}) DESC, what = 'moved' DESC"
# One row a session: who asked what, how it ended, and how many messages it took.
SESSION_VIEW = f"""CREATE OR REPLACE VIEW city.coop_session AS
    SELECT session_id, min(time) AS began, max(time) AS last, min(site_id) AS site_id, min(application) AS application,
        (array_agg(device_key ORDER BY time) FILTER (WHERE what = 'asked'))[1] AS device_key,
        (array_agg(number ORDER BY time) FILTER (WHERE what = 'asked'))[1] AS number,
        (array_agg(state {_NEWEST}) FILTER (WHERE what IN ('asked', 'moved')))[1] AS state,
        (array_agg(reason {_NEWEST}) FILTER (WHERE what = 'moved'))[1] AS reason,
        count(*) FILTER (WHERE what IN ('asked', 'heard')) AS heard, count(*) FILTER (WHERE what = 'told') AS told
    FROM city.coop WHERE session_id IS NOT NULL GROUP BY session_id"""  # noqa: S608 - ours
OPEN_SESSIONS = """SELECT session_id, site_id, application, device_key, number FROM city.coop_session
    WHERE last > now() - interval '2 hours' AND state IN ('asked', 'delayed', 'granted')"""


def coop_rows(notes: Sequence[Note], site_id: str) -> Batch:
    """Rows of city.coop."""
    ids = [UUID(one.session.session_id) if one.session else NOBODY for one in notes]
    return Batch(
        {
            "time_us": np.array([one.time_us for one in notes], np.int64),
            "site_id": np.full(len(notes), site_id, object),
            "session_id": np.array(ids, object),
            "session_id_valid": np.array([one.session is not None for one in notes], np.bool_),
            "application": np.array([one.session.application if one.session else "" for one in notes], object),
            "device_key": np.array([one.device.key for one in notes], np.int32),
            "number": np.array([one.number for one in notes], np.int64),
            "what": np.array([one.what for one in notes], object),
            "state": np.array([one.state for one in notes], object),
            "reason": np.array([one.reason for one in notes], object),
            "document": np.array([dict(one.document or {}) for one in notes], object),
        }
    )
