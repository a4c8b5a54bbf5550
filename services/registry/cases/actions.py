"""What proposals do when they are carried out: with the same parts of the registry, and the same checks, that people use.

`do` answers what was made, `undo` ends it when the case is over. Both run in the caller's transaction; ProblemError says why not.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from psycopg.types.json import Jsonb

from chelu.signal_control import CONTROL, MANUAL, PLAN, plan_text
from chelu.topics import Kind
from services.registry import changes, device_rows, device_search
from services.registry.cases.models import Case
from services.registry.cases.rows import Execute
from services.registry.cases.rules import Action, RaiseRoadEvent, SendCommand, SetSignalPlan, TellWebhook
from services.registry.database import remember
from services.registry.device_models import Device, DeviceChange, NewDevice
from services.registry.orders.issuing import chosen, issue, same_for_all
from services.registry.orders.machine import Moment
from services.registry.orders.rows import Task
from services.registry.orders.schemas import COMMANDS
from services.registry.orders.selecting import select
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.road_events import adding
from services.registry.road_events import rows as road_event_rows
from services.registry.road_events.models import NewRoadEvent, Place
from services.registry.roles import Caller, Role

DELIVER = """INSERT INTO register.delivery (webhook, body, created, due) SELECT name, %(body)s, %(now)s, %(now)s
    FROM register.webhook WHERE name = %(name)s AND (site_id IS NULL OR site_id = %(site_id)s) RETURNING delivery_id"""
LABELS = (CONTROL, PLAN)


def do(connection: Execute, case: Case, action: Action, now: Moment, actor: str) -> dict[str, Any]:
    """Carry an action out for a case; what was made."""
    match action:
        case RaiseRoadEvent():
            return _raise_event(connection, case, action, now, actor)
        case SetSignalPlan():
            return {"before": {name: _set_plan(connection, case, name, action, actor) for name in action.signals}}
        case SendCommand():
            return _command(connection, case, action, now, actor)
        case TellWebhook():
            return _tell(connection, case, action, now, actor)


def undo(connection: Execute, case: Case, action: Action, outcome: Mapping[str, Any], now: Moment, actor: str) -> dict[str, Any]:
    """End what an action set in force; what was ended. What is over by itself is left."""
    match action:
        case RaiseRoadEvent():
            event = road_event_rows.one(connection, case.site_id, outcome["event_id"], now)
            if event.standing in {"planned", "holds"}:
                adding.withdraw(connection, case.site_id, event.event_id, now, actor)
                return {"event_id": event.event_id}
        case SetSignalPlan():
            text = plan_text(action.greens_s)
            names = [name for name in action.signals if _put_back(connection, case, name, text, outcome["before"][name], actor)]
            return {"signals": names} if names else {}
        case _:
            pass
    return {}


def _raise_event(connection: Execute, case: Case, action: RaiseRoadEvent, now: Moment, actor: str) -> dict[str, Any]:
    if case.latitude_deg is None or case.longitude_deg is None:
        fault = Fault("place", "none", "a case whose place is known")
        raise ProblemError(HTTPStatus.CONFLICT, f"case {case.case_id} has no place to tell of", [fault])
    place = Place(latitude_deg=case.latitude_deg, longitude_deg=case.longitude_deg, elevation_m=case.elevation_m)
    until = now + datetime.timedelta(seconds=action.lasting_s)
    said = {"code": action.code, "text": action.text, "radius_m": action.radius_m, "units": action.units}
    wanted = NewRoadEvent.model_validate({**said, "source": "detection", "place": place, "valid_until": until})
    return {"event_id": adding.add(connection, case.site_id, wanted, now, actor)}


def _set_plan(connection: Execute, case: Case, name: str, action: SetSignalPlan, actor: str) -> dict[str, str]:
    """Let one signal keep a plan; the labels that it had."""
    device = _signal(connection, case, name)
    wanted = {CONTROL: MANUAL, PLAN: plan_text(action.greens_s)}
    _label(connection, device, {**device.labels, **wanted}, actor)
    return {label: device.labels[label] for label in LABELS if label in device.labels}


def _put_back(connection: Execute, case: Case, name: str, plan: str, before: Mapping[str, str], actor: str) -> bool:
    """Let a signal be as it was, unless somebody has wanted something else of it meanwhile."""
    device = _signal(connection, case, name)
    if (device.labels.get(CONTROL), device.labels.get(PLAN)) != (MANUAL, plan):
        return False
    kept = {label: text for label, text in device.labels.items() if label not in LABELS}
    _label(connection, device, {**kept, **before}, actor)
    return True


def _signal(connection: Execute, case: Case, name: str) -> Device:
    row = device_search.found(connection, name, for_update=True)
    if row is None or row["site_id"] != case.site_id:
        raise not_found("signal of the site", name)
    device = Device(**row)
    if device.kind is not Kind.SIGNAL:
        fault = Fault("signals", name, f"a device of kind signal; this is of kind {device.kind}")
        raise ProblemError(HTTPStatus.CONFLICT, f"{name} is no signal", [fault])
    return device


def _label(connection: Execute, device: Device, labels: Mapping[str, str], actor: str) -> None:
    present = {**device.model_dump(include=set(NewDevice.model_fields)), "credential": False}
    device_rows.change(connection, changes.changed(NewDevice, present, DeviceChange.model_validate({"labels": dict(labels)})))
    remember(connection, actor, "change device", device.device_id, {"labels": dict(labels)})


def _command(connection: Execute, case: Case, action: SendCommand, now: Moment, actor: str) -> dict[str, Any]:
    """As an operator of this site: devices of others are not theirs to command."""
    kind = COMMANDS[action.command]
    who = Caller(actor, None, {case.site_id: Role.OPERATOR})
    targets = select(connection, who, action.selection)
    body = {"command": action.command, **action.parameters}
    task = Task(
        actor=actor,
        topic="command",
        body=body,
        bodies=same_for_all(targets, body),
        lasting_s=kind.lasting_s,
        slot=kind.slot,
        selection=chosen(action.selection),
    )
    return {"dispatch_id": issue(connection, task, now).dispatch_id}


def _tell(connection: Execute, case: Case, action: TellWebhook, now: Moment, actor: str) -> dict[str, Any]:
    at_us = round(now.timestamp() * 1e6)
    body = {"event": "case", "at_us": at_us, "actor": actor, **case.model_dump(mode="json")}
    values = {"name": action.webhook, "site_id": case.site_id, "body": Jsonb(body), "now": now}
    row = connection.execute(DELIVER, values).fetchone()
    if row is None:
        raise not_found("webhook for the site", action.webhook)
    return {"delivery_id": row["delivery_id"]}
