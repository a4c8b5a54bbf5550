"""SQL of scenario tests that the registry runs."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from services.registry.track.rows import Execute

COLUMNS = "test_id, site_id, asked, asked_by, wanted, state, began, ended, detail, run_id"
OPEN = "state IN ('waiting', 'running')"
ADD = f"""INSERT INTO run.scenario_test (site_id, asked_by, wanted) VALUES (%s, %s, %s) RETURNING {COLUMNS}"""  # noqa: S608
PAGE = f"""SELECT {COLUMNS} FROM run.scenario_test WHERE site_id = %(site_id)s AND test_id < %(before)s
    ORDER BY test_id DESC LIMIT %(limit)s"""  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM run.scenario_test WHERE site_id = %s AND test_id = %s"  # noqa: S608 - constants only
WAITING = f"SELECT count(*) AS waiting FROM run.scenario_test WHERE site_id = %s AND {OPEN}"  # noqa: S608 - constants only
NEXT = f"""UPDATE run.scenario_test SET state = 'running', began = now() WHERE test_id =
    (SELECT min(test_id) FROM run.scenario_test WHERE state = 'waiting') RETURNING {COLUMNS}"""  # noqa: S608 - constants only
AGAIN = "UPDATE run.scenario_test SET state = 'waiting', began = NULL WHERE state = 'running'"
END = f"""UPDATE run.scenario_test SET state = %(state)s, detail = %(detail)s, run_id = %(run_id)s, ended = now()
    WHERE test_id = %(test_id)s AND {OPEN} RETURNING {COLUMNS}"""  # noqa: S608 - constants only
Row = dict[str, Any]


def add(connection: Execute, site_id: str, actor: str, wanted: dict[str, Any]) -> Row:
    """Put a test at the end of those that wait."""
    return connection.execute(ADD.encode(), (site_id, actor, Jsonb(wanted))).fetchone() or {}


def end(connection: Execute, test_id: int, state: str, detail: str = "", run_id: int | None = None) -> Row | None:
    """Say what became of one; None when it was over already."""
    values = {"test_id": test_id, "state": state, "detail": detail, "run_id": run_id}
    return connection.execute(END.encode(), values).fetchone()
