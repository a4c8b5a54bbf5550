"""Whether some tables of the register have changed: whoever holds them read whole asks here before reading them again."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import DictRow

# Every change is in the audit log, but its numbers are given out before they are committed: behind a high one, a long import may
# still bring lower ones. So what was seen is left behind only when no transaction is under way; until then it is counted anew.
NEWEST = "SELECT coalesce(max(audit_id), 0) AS last FROM register.audit"  # which its index knows; mostly there is nothing behind
LOOK = """SELECT count(*) FILTER (WHERE what = ANY(%(tables)s) OR what = %(whole)s) AS changes,
        coalesce(max(audit_id), %(behind)s) AS last, coalesce(max(audit_id) FILTER (WHERE what = %(whole)s), 0) AS replaced,
        pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) AS is_quiet
    FROM register.audit WHERE audit_id > %(behind)s"""

WHOLE = "register"  # instead of a table: all of them
REPLACED = "INSERT INTO register.audit (actor, action, what, subject) VALUES (%s, 'replace', %s, '')"


def note_replaced(connection: Connection[DictRow], actor: str) -> None:
    """The register is another one from here on, a backup's: whoever holds some of it reads that anew."""
    connection.execute(REPLACED, (actor, WHOLE))


class Revisions:
    """Of these tables. Owned by one thread."""

    def __init__(self, tables: Sequence[str]) -> None:
        self._tables = list(tables)
        self._seen: tuple[int, int | None] = 0, None  # a number of the log, and changes behind it as of the last reading
        self._found: tuple[int, int | None] = self._seen
        self._replaced, self._followed = 0, 0  # the log's newest number of a replacement, and that which was followed

    @property
    def is_first(self) -> bool:
        """Whether nothing was read yet."""
        return self._seen[1] is None

    @property
    def is_replaced(self) -> bool:
        """Whether the register was replaced as a whole since the tables were read last; what it says now may be older news."""
        return not self.is_first and self._replaced > self._followed

    def have_changed(self, connection: Connection[DictRow]) -> bool:
        """Whether the tables are not as they were when `were_read` was called last; true again until it is called."""
        before = self._seen[1]
        changes, self._found = self._look(connection)
        if changes != before:
            return True
        self.were_read()
        return False

    def _look(self, connection: Connection[DictRow]) -> tuple[int, tuple[int, int]]:
        """How many changes there are behind the number that was seen, and what is seen then."""
        behind = self._seen[0]
        newest = connection.execute(NEWEST).fetchone()
        if newest is None or newest["last"] == behind:
            return 0, (behind, 0)
        row = connection.execute(LOOK, {"tables": self._tables, "whole": WHOLE, "behind": behind}).fetchone() or {}
        self._replaced = max(self._replaced, row["replaced"])
        return row["changes"], (row["last"], 0) if row["is_quiet"] else (behind, row["changes"])

    def were_read(self) -> None:
        """The tables were read, later than `have_changed` answered."""
        self._seen, self._followed = self._found, self._replaced
