"""Lets campaigns take their steps: a helper of the clerk, in whose thread and transactions it works."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.campaigns import rows
from services.registry.campaigns.planner import (
    OnFailure,
    Phase,
    Rules,
    Step,
    decide,
    decide_back,
    passed,
    why_not_back,
    why_not_install,
)
from services.registry.orders import configuration
from services.registry.orders import rows as order_rows
from services.registry.orders.machine import Moment
from services.registry.orders.rows import Task
from services.registry.packages import rows as package_rows
from services.registry.problems import ProblemError

LOG = logging.getLogger(__name__)
EVERY = datetime.timedelta(seconds=0.1)
LOOKED_AT = 1000  # devices in one step at least, so that many who are skipped do not take a step each
SLOTS = {"config": configuration.SLOT, "upgrade": "upgrade"}
Campaign = Mapping[str, Any]
Execute = Connection[DictRow]


class Runner:
    """Called once a turn of the clerk's; owned by its thread."""

    def __init__(self) -> None:
        self._looked: Moment | None = None

    def __call__(self, connection: Execute, now: Moment) -> bool:
        """As `clerk.Helper`."""
        if self._looked is not None and EVERY > now - self._looked >= datetime.timedelta():
            return False
        self._looked = now
        campaigns = connection.execute(rows.ACTIVE.encode()).fetchall()
        return sum(_step(connection, campaign, now) for campaign in campaigns) > 0


def rules_of(campaign: Campaign) -> Rules:
    """A campaign's rules."""
    return Rules(
        most_at_once=campaign["most_at_once"],
        most_failed=campaign["most_failed"],
        least_ended=campaign["least_ended"],
        on_failure=OnFailure(campaign["on_failure"]),
    )


def _step(connection: Execute, campaign: Campaign, now: Moment) -> bool:
    """One step of one campaign; true when orders were issued."""
    waves, back, _ = rows.standing(connection, campaign["campaign_id"])
    is_back = campaign["phase"] == Phase.ROLLING_BACK
    step = decide_back(rules_of(campaign), back) if is_back else decide(rules_of(campaign), waves)
    if step.phase is not None:
        _enter(connection, campaign, step.phase, step.reason)
        return step.phase is Phase.ROLLING_BACK
    if not step.begin or (campaign["topic"] == "config" and not configuration.may_change(connection)):
        return False  # in the latter case soon
    try:
        return _begin_back(connection, campaign, step, now) if is_back else _begin(connection, campaign, step, now)
    except ProblemError as error:  # what is desired of a device has become something that the change does not go with
        _enter(connection, campaign, Phase.STOPPED, str(error))
        return False


def _enter(connection: Execute, campaign: Campaign, phase: Phase, reason: str) -> None:
    if phase is Phase.ROLLED_BACK:  # why it was stays
        reason = "; ".join(filter(None, (campaign["reason"], reason)))
    rows.enter(connection, campaign["campaign_id"], phase, reason)
    LOG.info("campaign %s: %s%s", campaign["campaign_id"], phase, f" ({reason})" if reason else "")


def _begin(connection: Execute, campaign: Campaign, step: Step, now: Moment) -> bool:
    if campaign["package_id"] is not None:
        return _begin_install(connection, campaign, step, now)
    targets = rows.turn(connection, campaign["campaign_id"], step.wave, step.begin)
    if not targets:
        return False
    befores = configuration.desired(connection, [target.device_key for target in targets])
    bodies = configuration.desire(connection, targets, campaign["change"])
    rows.begin(connection, campaign["campaign_id"], _issue(connection, campaign, bodies, now), befores)
    return True


def _begin_install(connection: Execute, campaign: Campaign, step: Step, now: Moment) -> bool:
    """Devices may have come to other versions, and rules may be others, since the campaign began: both are looked at anew."""
    package = package_rows.find(connection, campaign["package_id"]) or {}
    targets = rows.turn(connection, campaign["campaign_id"], step.wave, max(step.begin, LOOKED_AT))
    found = package_rows.eligible(connection, campaign["package_id"], [target.device_key for target in targets])
    reasons = {
        key: why_not_install(package["name"], package["version"], version, may_have=may_have)
        for key, (version, may_have) in found.items()
    }
    kept, skipped = passed(reasons, step.begin)
    rows.skip(connection, campaign["campaign_id"], skipped)
    if not kept:
        return False
    befores = {key: None if found[key][0] is None else {"version": found[key][0]} for key in kept}
    bodies = {key: install_body(package) for key in kept}
    rows.begin(connection, campaign["campaign_id"], _issue(connection, campaign, bodies, now), befores)
    return True


def _begin_back(connection: Execute, campaign: Campaign, step: Step, now: Moment) -> bool:
    found = rows.back_turn(connection, campaign["campaign_id"], max(step.begin, LOOKED_AT))
    reasons = {key: "" if installed is None else why_not_back(installed) for key, (_, installed) in found.items()}
    kept, skipped = passed(reasons, step.begin)
    rows.skip(connection, campaign["campaign_id"], skipped, is_back=True)
    befores = {key: found[key][0] for key in kept}
    if not befores:
        return False
    if campaign["topic"] == "config":
        present, change = configuration.desired(connection, list(befores)), campaign["change"]
        bodies: dict[int, Mapping[str, Any]] = {
            key: configuration.undone(present[key], before, change) for key, before in befores.items()
        }
        configuration.put(connection, bodies)
    else:
        package = package_rows.find(connection, campaign["package_id"]) or {}
        bodies = {key: {"action": "rollback", "name": package["name"], **before} for key, before in befores.items()}
    rows.begin_back(connection, campaign["campaign_id"], _issue(connection, campaign, bodies, now))
    return True


def _issue(connection: Execute, campaign: Campaign, bodies: Mapping[int, Mapping[str, Any]], now: Moment) -> dict[int, int]:
    topic = campaign["topic"]
    task = Task(actor=campaign["actor"], topic=topic, body={}, bodies=bodies, lasting_s=campaign["lasting_s"], slot=SLOTS[topic])
    return order_rows.add(connection, campaign["dispatch_id"], task, now)


def install_body(package: Mapping[str, Any]) -> dict[str, Any]:
    """The order to install a package, without the token."""
    return {
        "action": "install",
        "package": package["package_id"],
        "url": f"/api/packages/{package['package_id']}/content",
        **{name: package[name] for name in ("component", "name", "version", "bytes", "sha256", "signature", "key")},
    }
