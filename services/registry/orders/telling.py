"""What roadside computers are told in T/ITS 0180.1's own words, over HTTP: events, traffic, and settings of operation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chelu.codec import tits0180_status
from chelu.codec.roadside import AS_WRITTEN
from chelu.codec.roadside_readers import TOLD
from chelu.messages import frames_of
from chelu.topics import Kind
from services.registry.access import ActorOf, CallerOf
from services.registry.orders.issuing import chosen, clerk_of, issue, now_of, refuse
from services.registry.orders.models import Dispatch, Telling
from services.registry.orders.rows import Task
from services.registry.orders.selecting import select
from services.registry.parts import PartsOf
from services.registry.problems import Fault, shown
from services.registry.routing import Router

ROUTER = Router(prefix="/api/tellings", tags=["orders"])
LASTING_S = 3600.0  # what happened an hour ago is no news
LISTS = {"event": ("eventList",), "traffic": ("directionFlowData", "laneFlowData")}


@ROUTER.post("", status_code=HTTPStatus.ACCEPTED)
def tell(wanted: Telling, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Dispatch:
    """Tell roadside computers of events or traffic, or set them; it is sent until each has answered, or its time is over.

    The document is that of the standard; the time stamp and each computer's serial number are filled in (without one its id).
    """
    clerk = clerk_of(parts)
    body = {"timeStamp": parts.clock.wall_us() // 1000, **wanted.document}
    refuse(find_faults(wanted.about, body))
    with parts.register.transaction(actor) as connection:
        targets = select(connection, who, wanted.selection)
        others = [target for target in targets if target.kind is not Kind.RSCU]
        refuse([Fault("selection", shown(target.device_id), "roadside computers only") for target in others])
        task = Task(
            actor=actor,
            topic=wanted.about,
            body=body,
            bodies={target.device_key: {"rscuSn": target.serial or target.device_id, **body} for target in targets},
            lasting_s=wanted.lasting_s or LASTING_S,
            selection=chosen(wanted.selection),
        )
        dispatch = issue(connection, task, now_of(parts))
    clerk.wake()
    return dispatch


def find_faults(about: str, document: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with a document, read as a roadside computer would read it."""
    if about not in LISTS:
        said = tits0180_status.fault_of(about, {"rscuSn": "-", **document})
        return [_fault(said)] if said else []
    if not any(document.get(name) for name in LISTS[about]):
        return [Fault("document", "nothing", "one of " + ", ".join(LISTS[about]) + " with something in it")]
    payload = json.dumps({"rscuSn": "-", **document}).encode()
    refused = TOLD[about](frames_of([payload], 0), [AS_WRITTEN]).rejects
    return [_fault(detail) for detail in refused.detail]


def _fault(detail: str) -> Fault:
    """A reader's sentence as the API says it: field, value, what is allowed."""
    field, has_value, rest = detail.partition(" = ")
    if not has_value:
        return Fault(detail.removesuffix(" is missing"), "nothing", "a value")
    value, is_outside, bounds = rest.partition(" is outside ")
    if is_outside:
        return Fault(field, value, bounds)
    value, _, allowed = rest.partition(" is not allowed: ")
    return Fault(field, value, allowed or "as the standard has it")
