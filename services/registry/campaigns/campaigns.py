"""Campaigns over HTTP: begun, looked at, paused, gone on with, taken back."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection, errors
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.registry.access import ActorOf, CallerOf, require_reached
from services.registry.campaigns import rows
from services.registry.campaigns.models import (
    Added,
    BackShown,
    Campaign,
    NewCampaign,
    Resuming,
    TargetPage,
    TargetShown,
    WaveShown,
)
from services.registry.campaigns.planner import LIVE, RESUMABLE, Back, Phase, sizes
from services.registry.campaigns.runner import install_body
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.orders import configuration
from services.registry.orders import rows as order_rows
from services.registry.orders.issuing import chosen, clerk_of
from services.registry.orders.machine import State
from services.registry.orders.rows import Task
from services.registry.orders.selecting import Target, select
from services.registry.packages import rows as package_rows
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/campaigns", tags=["campaigns"])
Execute = Connection[DictRow]
CampaignId = Annotated[Identifier, Path()]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_campaign(wanted: NewCampaign, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Added:
    """Begin a campaign: its first wave is told at once."""
    clerk = clerk_of(parts)
    with parts.register.transaction(actor) as connection:
        targets = select(connection, who, wanted.selection)
        package = _package(connection, wanted)
        kept = _checked(connection, targets, wanted) if package is None else _eligible(connection, targets, package)
        body = {**(wanted.change or {})} if package is None else install_body(package)
        task = Task(actor=actor, topic=wanted.topic, body=body, bodies={}, lasting_s=0, selection=chosen(wanted.selection))
        _add(connection, wanted, order_rows.open_dispatch(connection, task, len(kept)), actor)
        rows.add_targets(connection, wanted.campaign_id, [it.device_key for it in kept], sizes(wanted.waves, len(kept)))
        detail = wanted.model_dump(mode="json", exclude_none=True)
        remember(connection, actor, "begin campaign", wanted.campaign_id, {**detail, "devices": len(kept)})
        campaign = _find(connection, wanted.campaign_id)
    clerk.wake()
    return Added(campaign=campaign, left_out=len(targets) - len(kept))


@ROUTER.get("")
def list_campaigns(parts: PartsOf, who: CallerOf, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Campaign]:
    """Campaigns that concern one's sites, the newest first."""
    with parts.register.transaction() as connection:
        found = connection.execute(rows.LIST.encode(), {"sites": who.sites(Role.VIEWER), "limit": limit}).fetchall()
        return [_shown(connection, row) for row in found]


@ROUTER.get("/{campaign_id}")
def show_campaign(campaign_id: CampaignId, parts: PartsOf, who: CallerOf) -> Campaign:
    """One campaign: its phase, and its devices by wave."""
    with parts.register.transaction() as connection:
        found = _find(connection, campaign_id)
        _require(connection, who, campaign_id, Role.VIEWER)
    return found


@ROUTER.get("/{campaign_id}/devices")
def list_campaign_devices(
    campaign_id: CampaignId,
    parts: PartsOf,
    who: CallerOf,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 1000,
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="the id after which the page begins")] = "",
) -> TargetPage:
    """The devices of a campaign, those of one's sites."""
    sites = who.sites(Role.VIEWER)
    query = {"campaign": campaign_id, "state": state, "sites": sites, "limit": limit + 1, "after": after}
    with parts.register.transaction() as connection:
        _find(connection, campaign_id)
        found = [TargetShown(**row) for row in connection.execute(rows.TARGETS, query)]
    return TargetPage(devices=found[:limit], next=found[limit - 1].device_id if len(found) > limit else None)


@ROUTER.post("/{campaign_id}/pause")
def pause_campaign(campaign_id: CampaignId, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Campaign:
    """Begin nothing new; devices that are at it go on."""
    return _entered(parts, who, actor, campaign_id, Phase.PAUSED, {Phase.RUNNING})


@ROUTER.post("/{campaign_id}/resume")
def resume_campaign(campaign_id: CampaignId, wanted: Resuming, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Campaign:
    """Go on with what was paused, or was stopped because too many failed: then with a share that allows for them."""
    return _entered(parts, who, actor, campaign_id, Phase.RUNNING, RESUMABLE, most_failed=wanted.most_failed)


@ROUTER.post("/{campaign_id}/roll-back")
def roll_back_campaign(campaign_id: CampaignId, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Campaign:
    """Take every device back: to its former version, or what the campaign set to its former values, where that still stands."""
    allowed = {Phase.RUNNING, Phase.PAUSED, Phase.STOPPED, Phase.DONE}
    return _entered(parts, who, actor, campaign_id, Phase.ROLLING_BACK, allowed)


def _entered(
    parts: PartsOf,
    who: Caller,
    actor: str,
    campaign_id: str,
    phase: Phase,
    allowed: set[Phase] | frozenset[Phase],
    *,
    most_failed: float | None = None,
) -> Campaign:
    clerk = clerk_of(parts)
    with parts.register.transaction(actor) as connection:
        connection.execute(f"{rows.ONE} FOR UPDATE".encode(), (campaign_id,))
        present = _find(connection, campaign_id)
        _require(connection, who, campaign_id, Role.OPERATOR)
        if present.phase not in allowed:
            fault = Fault("phase", present.phase, f"after it only from {', '.join(it for it in Phase if it in allowed)}")
            raise ProblemError(HTTPStatus.CONFLICT, f"campaign {campaign_id} is {present.phase}: {fault.allowed}", [fault])
        rows.enter(connection, campaign_id, phase, f"by {actor}" if phase not in LIVE else "", most_failed)
        remember(connection, actor, f"campaign {phase}", campaign_id, {"most_failed": most_failed})
        found = _find(connection, campaign_id)
    clerk.wake()
    return found


def _package(connection: Execute, wanted: NewCampaign) -> dict[str, Any] | None:
    if wanted.package_id is None:
        return None
    package = package_rows.find(connection, wanted.package_id)
    if package is None:
        raise not_found("package", str(wanted.package_id))
    return package


def _checked(connection: Execute, targets: list[Target], wanted: NewCampaign) -> list[Target]:
    """All of them; ProblemError 422 when the change does not go with what is desired of one."""
    configuration.check(connection, targets, wanted.change or {})
    return targets


def _eligible(connection: Execute, targets: list[Target], package: dict[str, Any]) -> list[Target]:
    """Those that a rule lets have the package, and that have it not yet; ProblemError 409 when there are none."""
    found = package_rows.eligible(connection, package["package_id"], [target.device_key for target in targets])
    kept = [target for target in targets if found[target.device_key][1] and found[target.device_key][0] != package["version"]]
    if not kept:
        allowed = f"at least one device that a rule lets have {package['name']} {package['version']}, and that has it not yet"
        raise ProblemError(
            HTTPStatus.CONFLICT, f"selection = none is not allowed: {allowed}", [Fault("selection", "none", allowed)]
        )
    return kept


def _add(connection: Execute, wanted: NewCampaign, dispatch_id: int, actor: str) -> None:
    row = wanted.model_dump(mode="json", exclude={"waves", "selection", "change"})
    more = {"actor": actor, "topic": wanted.topic, "dispatch_id": dispatch_id}
    documents = {"selection": Jsonb(chosen(wanted.selection)), "change": None if wanted.change is None else Jsonb(wanted.change)}
    try:
        connection.execute(rows.ADD, {**row, **more, **documents})
    except errors.UniqueViolation:
        fault = Fault("campaign_id", repr(wanted.campaign_id), "one that no campaign has had")
        detail = f"campaign_id = {fault.value} is not allowed: {fault.allowed}"
        raise ProblemError(HTTPStatus.CONFLICT, detail, [fault]) from None


def _find(connection: Execute, campaign_id: str) -> Campaign:
    row = connection.execute(rows.ONE.encode(), (campaign_id,)).fetchone()
    if row is None:
        raise not_found("campaign", campaign_id)
    return _shown(connection, row)


def _shown(connection: Execute, row: dict[str, Any]) -> Campaign:
    waves, back, devices = rows.standing(connection, row["campaign_id"])
    shown = [WaveShown(devices=count, **asdict(it)) for it, count in zip(waves, devices, strict=True)]
    taken = BackShown(**asdict(back if row["phase"] in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} else Back()))
    return Campaign(**{**row, "waves": shown}, devices=sum(devices), back=taken)


def _require(connection: Execute, who: Caller, campaign_id: str, role: Role) -> None:
    require_reached(who, role, [row["site_id"] for row in connection.execute(rows.SITES, (campaign_id,))])
