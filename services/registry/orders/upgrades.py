"""Whether a device that says it has upgraded has: by the version that it reports, and by what it was given to install.

A device that says only that it is done is believed when it reports the version, in ``info`` or ``versions``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.orders import answers
from services.registry.orders.answers import Said
from services.registry.orders.machine import Answered, Event, Progressed
from services.registry.packages import rows as package_rows

CLAIMED = """SELECT number, device_id, body, answer, code FROM register.device_order JOIN register.device USING (device_key)
    WHERE device_id = ANY(%s) AND topic = 'upgrade' AND state = 'delivered' AND answer ->> 'state' = 'done'"""
Told = tuple[Said, int, Mapping[str, Any]]  # who said it, of which order, and what that ordered


def events(connection: Connection[DictRow], told: Sequence[Told], reports: Iterable[Said]) -> list[tuple[int, Event]]:
    """What the words of devices mean for their upgrades, by order number."""
    claims = [*told, *_claimed(connection, reports)]
    done = [number for said, number, body in claims if _is_done(said) and body.get("action") == "install"]
    lacking = package_rows.lacking(connection, done)
    return [(number, _event(said, body, lacking.get(number, ""))) for said, number, body in claims]


def _claimed(connection: Connection[DictRow], reports: Iterable[Said]) -> list[Told]:
    """Orders whose devices have said that they are done, and now say of which version they are."""
    by_device = {said.device_id: said for said in reports if said.versions is not None and said.number is None}
    rows = connection.execute(CLAIMED, (list(by_device),)).fetchall() if by_device else []
    return [(_with_versions(by_device[row["device_id"]], row["answer"]), row["number"], row["body"]) for row in rows]


def _with_versions(said: Said, answer: Mapping[str, Any]) -> Said:
    document = {**answer, "versions": dict(said.versions or {})}
    return Said(said.device_id, "upgrade", said.at, state="done", versions=said.versions, said=said.said, document=document)


def _is_done(said: Said) -> bool:
    return said.code == 0 and said.state == "done"


def _event(said: Said, body: Mapping[str, Any], lacking: str) -> Event:
    if not _is_done(said):
        return answers.event(said)
    if said.versions is None:
        return Progressed(said.at, said.document or {})
    name, version = body.get("name", ""), body.get("version")
    has = said.versions.get(name)
    against = f"it says that it is done, and reports {name} {has} where {version} was sent" if has != version else lacking
    return Answered(said.at, 0, said.detail, said.document, against)
