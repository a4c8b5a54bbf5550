"""Which messages of cooperation there are, who says them, and what a document must be: THE table of `coop/up` and `coop/down`."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chelu.coop import driving, road, service
from chelu.coop.parts import Cancel, Message, Refusal
from chelu.errors import NotAllowedError, plainly

LONGEST_KEY = 40  # in a sentence


class Direction(enum.StrEnum):
    """Who says it: a device (``coop/up``), the platform (``coop/down``), or both."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Application:
    """One application: its name in `type`, in the standard, and its messages with who says them."""

    name: str
    title: str
    standard: str
    messages: tuple[tuple[type[Message], Direction], ...]


_UP, _DOWN, _BOTH = Direction.UP, Direction.DOWN, Direction.BOTH
APPLICATIONS: tuple[Application, ...] = (
    Application(
        "sensor_sharing",
        "Sensor data sharing",
        "SDS 感知数据共享",
        ((driving.SharingRequest, _UP), (driving.SharingAnswer, _DOWN), (driving.SharedObjects, _BOTH)),
    ),
    Application(
        "lane_change",
        "Cooperative lane change",
        "CLC 协作式变道",
        (
            (driving.LaneChangeRequest, _UP),
            (driving.LaneChangeAnswer, _DOWN),
            (driving.LaneChangeYield, _DOWN),
            (driving.LaneChangeConsent, _UP),
            (driving.LaneChangeOutcome, _UP),
        ),
    ),
    Application(
        "merge",
        "Cooperative vehicle merge",
        "CVM 协作式车辆汇入",
        ((driving.MergeRequest, _UP), (driving.MergeGuidance, _DOWN)),
    ),
    Application(
        "intersection",
        "Cooperative intersection passing",
        "CIP 协作式交叉口通行",
        ((driving.IntersectionRequest, _UP), (driving.IntersectionReservation, _DOWN), (driving.IntersectionRelease, _UP)),
    ),
    Application(
        "correction",
        "Differential data service",
        "DDS 差分数据服务",
        ((road.CorrectionRequest, _UP), (road.Correction, _BOTH)),
    ),
    Application(
        "lane_management",
        "Dynamic lane management",
        "DLM 动态车道管理",
        ((road.LanePlan, _DOWN), (road.LaneState, _UP)),
    ),
    Application(
        "priority",
        "Priority vehicle passing",
        "CHPVP 协作式优先车辆通行",
        ((road.PriorityRequest, _UP), (road.PriorityAnswer, _DOWN), (road.PriorityCancel, _UP)),
    ),
    Application(
        "parking",
        "Guidance in parking areas",
        "GSPA 场站路径引导服务",
        ((service.ParkingRequest, _UP), (service.ParkingGuidance, _DOWN), (service.ParkingState, _UP)),
    ),
    Application("probe", "Probe data collection", "PDC 浮动车数据采集", ((road.ProbeOrder, _DOWN), (road.ProbeData, _UP))),
    Application(
        "vru",
        "Safe passing of vulnerable road users",
        "VRUSP 弱势交通参与者安全通行",
        ((road.VruRequest, _UP), (road.VruAnswer, _DOWN), (road.VruNotice, _DOWN), (road.VruConsent, _UP)),
    ),
    Application(
        "platoon",
        "Platoon management",
        "CPM 协作式车辆编队管理",
        (
            (driving.PlatoonCreate, _UP),
            (driving.PlatoonJoin, _UP),
            (driving.PlatoonAnswer, _BOTH),
            (driving.PlatoonLeave, _UP),
            (driving.PlatoonDissolve, _BOTH),
            (driving.PlatoonStatus, _UP),
        ),
    ),
    Application(
        "tolling",
        "Road tolling",
        "RTS 道路收费服务",
        ((service.TollAnnouncement, _DOWN), (service.TollRequest, _UP), (service.TollCharge, _DOWN), (service.TollReceipt, _UP)),
    ),
    Application(
        "payment",
        "Near-field payment",
        "VNFP 汽车近场支付, of phase I",
        ((service.PaymentRequest, _UP), (service.PaymentCharge, _DOWN), (service.PaymentReceipt, _UP)),
    ),
    Application("coop", "Whichever application", "ours", ((Refusal, _DOWN), (Cancel, _UP))),
)


def type_of(model: type[Message]) -> str:
    """What stands in ``type``."""
    (name,) = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    return str(name)


@cache
def types() -> Mapping[str, tuple[type[Message], Direction]]:
    """Each message by its ``type``, with who says it."""
    return {type_of(model): (model, direction) for one in APPLICATIONS for model, direction in one.messages}


def schema(name: str) -> dict[str, Any]:
    """The JSON schema (2020-12) of a message by its ``type``."""
    made = TypeAdapter(types()[name][0]).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def check(document: Mapping[str, Any], direction: Direction) -> Message:
    """The message that a document is, in this direction; NotAllowedError names the first bad field, value and bound."""
    name = document.get("type")
    found = types().get(name) if isinstance(name, str) else None
    if found is None:
        raise NotAllowedError("type", name, f"one of {', '.join(types())}")
    model, allowed = found
    if direction is not Direction.BOTH and allowed not in {direction, Direction.BOTH}:
        names = ", ".join(name for name, (_, one) in types().items() if one in {direction, Direction.BOTH})
        raise NotAllowedError("type", name, f"{direction}: {names}")
    try:
        return model.model_validate(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        value = None if first["type"] == "missing" else first["input"]
        raise NotAllowedError(_path(first["loc"]), value, _allowed(first)) from None


def _path(place: Iterable[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in place).lstrip(".")


def _key(name: str) -> str:
    """A key as it was sent, where it is one that a field could have; else quoted, and no longer than a sentence bears."""
    return name if name.isidentifier() and len(name) <= LONGEST_KEY else repr(name[:LONGEST_KEY])


def _allowed(first: Mapping[str, Any]) -> str:
    if first["type"] == "missing":
        return "it is required"
    if first["type"] == "extra_forbidden":
        return "no such field"
    return plainly(str(first["msg"])).removeprefix("Input should be ")
