"""Finding devices: filters and words, a page at a time, by id. Every filter has an index that keeps the order of ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.device_models import DeviceFields
from services.registry.device_rows import hexadecimal

NAMES = [name for name in DeviceFields.model_fields if name not in {"parent", "on_vehicle"}]
COLUMNS = ", ".join(
    f"page.{name}" for name in ("device_key", "device_id", "kind", "site_id", "lifecycle", "created", "version", *NAMES)
)
SELECT = f"""SELECT {COLUMNS}, parent.device_id AS parent, carrier.device_id AS on_vehicle,
        credential.device_key IS NOT NULL AS has_credential
    FROM ({{page}}) AS page LEFT JOIN register.device AS parent ON parent.device_key = page.parent_key
        LEFT JOIN register.device AS carrier ON carrier.device_key = page.on_vehicle_key
        LEFT JOIN register.credential ON credential.device_key = page.device_key
    ORDER BY page.device_id"""  # noqa: S608 - constants only
FILTERS: Mapping[str, str] = {
    **{
        name: f"device.{name} = %({name})s"
        for name in ("kind", "subtype", "lifecycle", "vendor", "model", "serial", "team", "vin", "plate", "vehicle_kind")
    },
    "site": "device.site_id = %(site)s",
    "sites": "device.site_id = ANY(%(sites)s)",
    "parent": "device.parent_key = (SELECT device_key FROM register.device WHERE device_id = %(parent)s)",
    "on_vehicle": "device.on_vehicle_key = (SELECT device_key FROM register.device WHERE device_id = %(on_vehicle)s)",
    "labels": "device.labels @> %(labels)s",
    "q": "device.search @@ register.search(%(q)s)",
}
FIND = "SELECT * FROM register.device WHERE device_id = %(device_id)s"


def listed(connection: Connection[DictRow], filters: Mapping[str, Any], *, after: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` devices behind the id `after`, as `models.Device` takes them; a filter that is None does not count."""
    given = {name: value for name, value in filters.items() if value is not None}
    where = " AND ".join(["device.device_id > %(after)s", *(FILTERS[name] for name in given)])
    page = f"SELECT * FROM register.device WHERE {where} ORDER BY device_id LIMIT %(limit)s"  # noqa: S608 - our own filters
    values = {name: Jsonb(value) if name == "labels" else value for name, value in given.items()}
    sql = SELECT.format(page=page)
    # Planned for these values: which index is best depends on how many devices a value has.
    rows = connection.execute(sql.encode(), {**values, "after": after, "limit": limit}, prepare=False).fetchall()
    return [_device(row) for row in rows]


def found(connection: Connection[DictRow], device_id: str, *, for_update: bool = False) -> dict[str, Any] | None:
    """One device as `models.Device` takes it, None when there is none; `for_update` keeps others from changing it."""
    if for_update:
        connection.execute(f"{FIND} FOR UPDATE", {"device_id": device_id})
    row = connection.execute(SELECT.format(page=FIND).encode(), {"device_id": device_id}).fetchone()
    return None if row is None else _device(row)


def _device(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "vehicle_id": hexadecimal(row["vehicle_id"])}
