"""SQL of deliveries: what waits for which webhook, in order, and what became of each attempt."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

Execute = Connection[DictRow]
NOW = "('epoch'::timestamptz + %(now_us)s::bigint * interval '1 microsecond')"
MOST_ATTEMPTS = 30
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 900.0  # thirty attempts take five hours
KEPT = "30 days"
# Of each webhook the oldest that waits; the others wait for it, so that a webhook hears things in the order in which they were.
HEADS = f"""SELECT head.delivery_id, head.attempts, head.body, webhook.name, webhook.url, webhook.secret
    FROM register.webhook, LATERAL (SELECT * FROM register.delivery WHERE webhook = webhook.name AND state = 'waiting'
        ORDER BY delivery_id LIMIT 1) AS head
    WHERE webhook.is_enabled AND head.due <= {NOW} AND webhook.name <> ALL(%(busy)s) ORDER BY head.delivery_id"""  # noqa: S608
NEXT = """SELECT delivery_id, attempts, body, webhook.name, webhook.url, webhook.secret
    FROM register.delivery JOIN register.webhook ON webhook.name = delivery.webhook
    WHERE delivery.webhook = %s AND delivery.state = 'waiting' AND webhook.is_enabled ORDER BY delivery_id LIMIT 1"""
DELIVERED = f"""UPDATE register.delivery SET state = 'delivered', attempts = attempts + 1, settled = {NOW}, answer = %(answer)s
    WHERE delivery_id = %(delivery_id)s"""  # noqa: S608 - constants only
FAILED = f"""UPDATE register.delivery SET attempts = attempts + 1, answer = %(answer)s,
        state = CASE WHEN attempts + 1 >= %(most)s THEN 'dead' ELSE state END,
        settled = CASE WHEN attempts + 1 >= %(most)s THEN {NOW} END,
        due = {NOW} + %(wait_s)s * interval '1 second'
    WHERE delivery_id = %(delivery_id)s"""  # noqa: S608 - constants only
REVIVE = f"""UPDATE register.delivery SET state = 'waiting', attempts = 0, settled = NULL, due = {NOW}
    WHERE webhook = %(name)s AND state IN ('dead', 'waiting')"""  # noqa: S608 - constants only
FORGET = f"""DELETE FROM register.delivery WHERE state <> 'waiting' AND settled < {NOW} - interval '{KEPT}'"""  # noqa: S608
TRY = f"""INSERT INTO register.delivery (webhook, body, created, due) VALUES (%(name)s,
    jsonb_build_object('event', 'trial', 'at_us', %(now_us)s::bigint, 'actor', %(actor)s::text), {NOW}, {NOW})"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery to be tried now."""

    delivery_id: int
    attempts: int
    body: dict[str, Any]
    name: str
    url: str
    secret: str

    def document(self) -> bytes:
        """What is sent: the event, with the number by which a receiver knows one that comes twice."""
        return json.dumps({"delivery_id": self.delivery_id, **self.body}, ensure_ascii=False, sort_keys=True).encode()


def wait_s(attempts: int) -> float:
    """Seconds until the next attempt, after so many."""
    return min(FIRST_WAIT_S * 2.0 ** min(attempts - 1, 30), LONGEST_WAIT_S)


def heads(connection: Execute, busy: Iterable[str], *, now_us: int) -> list[Due]:
    """What is due, one of each webhook that is not busy."""
    return [Due(**row) for row in connection.execute(HEADS.encode(), {"busy": list(busy), "now_us": now_us})]


def following(connection: Execute, name: str) -> Due | None:
    """What waits next for a webhook that has just taken one."""
    row = connection.execute(NEXT, (name,)).fetchone()
    return None if row is None else Due(**row)


def note_delivered(connection: Execute, due: Due, answer: str, *, now_us: int) -> None:
    """It has been taken."""
    connection.execute(DELIVERED.encode(), {"delivery_id": due.delivery_id, "answer": answer, "now_us": now_us})


def note_failed(connection: Execute, due: Due, answer: str, *, now_us: int) -> None:
    """It has not been taken: it is tried again later, or given up after the last attempt."""
    given = {"delivery_id": due.delivery_id, "answer": answer, "now_us": now_us, "most": MOST_ATTEMPTS}
    connection.execute(FAILED.encode(), {**given, "wait_s": wait_s(due.attempts + 1)})


def revive(connection: Execute, name: str, *, now_us: int) -> int:
    """Let what waits or was given up be tried at once; how many they are."""
    return connection.execute(REVIVE.encode(), {"name": name, "now_us": now_us}).rowcount


def put_trial(connection: Execute, name: str, *, actor: str, now_us: int) -> None:
    """Put a delivery in line that is about no alarm."""
    connection.execute(TRY.encode(), {"name": name, "actor": actor, "now_us": now_us})


def forget(connection: Execute, *, now_us: int) -> None:
    """Forget what was settled long ago."""
    connection.execute(FORGET.encode(), {"now_us": now_us})
