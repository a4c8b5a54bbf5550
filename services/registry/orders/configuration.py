"""What devices are to be configured with, over HTTP, beside what they say they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.topics import Kind
from services.registry.access import ActorOf, CallerOf
from services.registry.device_filters import FiltersOf
from services.registry.device_search import FILTERS
from services.registry.models import Identifier
from services.registry.orders import answers, schemas
from services.registry.orders.issuing import chosen, clerk_of, issue, now_of, refuse
from services.registry.orders.models import Configuration, ConfigurationPage, Configuring, Difference, Dispatch
from services.registry.orders.rows import Task
from services.registry.orders.selecting import Target, select
from services.registry.parts import PartsOf
from services.registry.problems import not_found
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(tags=["orders"])
LASTING_S = 7 * 86_400.0  # a device that is away gets it when it comes
SLOT = "config"
# Rows alone could not be locked: a device of which nobody has desired anything has none.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu desired'))"
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('chelu desired')) AS is_ours"
DESIRED = "SELECT device_key, document FROM register.desired WHERE device_key = ANY(%s)"
DESIRE = """INSERT INTO register.desired AS d (device_key, document)
    SELECT * FROM unnest(%(keys)s::integer[], %(documents)s::jsonb[])
    ON CONFLICT (device_key) DO UPDATE SET document = excluded.document, version = d.version + 1, at = now()"""
SELECT = """SELECT device_id, kind, desired.document AS desired, desired.version, reported.config AS reported,
        reported.config_said AS said, reported.versions, coalesce(reported.strays, 0) AS strays, newest.state
    FROM (SELECT * FROM register.device WHERE {where} ORDER BY device_id LIMIT %(limit)s) AS page
        LEFT JOIN register.desired USING (device_key) LEFT JOIN register.reported USING (device_key)
        LEFT JOIN LATERAL (SELECT state FROM register.device_order AS o
            WHERE o.device_key = page.device_key AND o.topic = 'config' ORDER BY number DESC LIMIT 1) AS newest ON true
    ORDER BY device_id"""
DIFFERING = """EXISTS (SELECT 1 FROM register.desired AS d LEFT JOIN register.reported AS r USING (device_key)
    WHERE d.device_key = device.device_key AND EXISTS (
        SELECT 1 FROM jsonb_each(d.document) AS w (name, value) WHERE w.value IS DISTINCT FROM r.config -> w.name))"""


@ROUTER.get("/api/config/schemas/{kind}")
def show_schema(kind: Annotated[Kind, Path()]) -> dict[str, Any]:
    """The JSON schema of what a device of this kind can be configured with."""
    return schemas.configuration(kind)


@ROUTER.get("/api/config")
def list_configurations(
    parts: PartsOf,
    who: CallerOf,
    filters: FiltersOf,
    *,
    differing: Annotated[bool, Query(description="only devices that report otherwise than is desired, or nothing")] = False,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 1000,
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="the id after which the page begins")] = "",
) -> ConfigurationPage:
    """Desired and reported of devices that fit all filters, by id."""
    given = {name: value for name, value in {**filters, "sites": who.sites(Role.VIEWER)}.items() if value is not None}
    where = ["device_id > %(after)s", *(FILTERS[name] for name in given), *([DIFFERING] if differing else [])]
    values = {name: Jsonb(value) if name == "labels" else value for name, value in given.items()}
    query = {**values, "after": after, "limit": limit + 1}
    found = [_shown(row) for row in parts.register.rows(SELECT.format(where=" AND ".join(where)), query)]
    page = [one for one in found[:limit] if one.differences or not differing]
    return ConfigurationPage(configurations=page, next=found[limit - 1].device_id if len(found) > limit else None)


@ROUTER.get("/api/devices/{device_id}/config")
def show_configuration(device_id: Annotated[Identifier, Path()], parts: PartsOf) -> Configuration:
    """What one device is to be configured with, what it reports, and where they differ."""
    found = parts.register.rows(SELECT.format(where="device_id = %(device)s"), {"device": device_id, "limit": 1})
    if not found:
        raise not_found("device", device_id)
    return _shown(found[0])


@ROUTER.post("/api/config", status_code=HTTPStatus.ACCEPTED)
def configure(wanted: Configuring, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Dispatch:
    """Change what devices are to be configured with, and send each its whole document until it has answered."""
    clerk = clerk_of(parts)
    with parts.register.transaction(actor) as connection:
        targets = select(connection, who, wanted.selection)
        documents = desire(connection, targets, wanted.change)
        task = Task(
            actor=actor,
            topic="config",
            body=wanted.change,
            bodies=documents,
            lasting_s=wanted.lasting_s or LASTING_S,
            slot=SLOT,
            selection=chosen(wanted.selection),
        )
        dispatch = issue(connection, task, now_of(parts))
    clerk.wake()
    return dispatch


def desire(connection: Connection[DictRow], targets: Sequence[Target], change: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Change what devices are to be configured with; the whole documents by device key. ProblemError 422 by field."""
    documents = check(connection, targets, change)
    put(connection, documents)
    return documents


def check(connection: Connection[DictRow], targets: Sequence[Target], change: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """What devices would be configured with after a change, by device key; ProblemError 422 by field."""
    present = desired(connection, [target.device_key for target in targets])
    documents = {target.device_key: merged(present[target.device_key], change) for target in targets}
    distinct = {(it.kind, json.dumps(documents[it.device_key], sort_keys=True)): documents[it.device_key] for it in targets}
    for (kind, _), document in distinct.items():
        refuse(schemas.find_faults(schemas.configuration(kind), document, at="change"))
    return dict(documents)


def desired(connection: Connection[DictRow], keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What devices are to be configured with, by device key, empty where nobody has said.

    Nobody else changes what is desired of any device until the transaction's end.
    """
    connection.execute(LOCK)
    found = {row["device_key"]: row["document"] for row in connection.execute(DESIRED, (list(keys),))}
    return {key: found.get(key, {}) for key in keys}


def may_change(connection: Connection[DictRow]) -> bool:
    """Whether nobody else is changing what is desired; then nobody will until the transaction's end.

    For one who holds orders already, as the clerk does, and so must not wait for another who waits for these.
    """
    row = connection.execute(TRY_LOCK).fetchone()
    return bool(row and row["is_ours"])


def put(connection: Connection[DictRow], documents: Mapping[int, Mapping[str, Any]]) -> None:
    """Let these be what devices, by key, are to be configured with."""
    values = {"keys": list(documents), "documents": [Jsonb(document) for document in documents.values()]}
    connection.execute(DESIRE, values)


def merged(present: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`present` with a change in it (RFC 7396): null takes a name away. Lists of texts are kept sorted: they are sets."""
    result = dict(present)
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result[name] if isinstance(result.get(name), dict) else {}, value)
        else:
            result[name] = sorted(value) if isinstance(value, list) and all(isinstance(it, str) for it in value) else value
    return result


def undone(present: Mapping[str, Any], before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`present` with a change of `before` taken back, as far as it stands: what was changed again since then stays."""
    result, after = dict(present), merged(before, change)
    for name, value in change.items():
        had, has = before.get(name), present.get(name)
        if isinstance(value, dict) and isinstance(has, dict) and isinstance(had, dict | None):
            rest = undone(has, had or {}, value)
            had = rest if rest or had is not None else None
        elif has != after.get(name):
            continue
        if had is None:
            result.pop(name, None)
        else:
            result[name] = had
    return result


def _shown(row: Mapping[str, Any]) -> Configuration:
    found = answers.differences(row["desired"] or {}, row["reported"] or {})
    differing = [Difference(field=name, desired=wanted, reported=has) for name, (wanted, has) in found.items()]
    return Configuration(**row, differences=differing)
