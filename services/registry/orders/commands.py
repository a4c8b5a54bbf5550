"""Commands over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from services.registry.access import ActorOf, CallerOf
from services.registry.orders.issuing import chosen, clerk_of, issue, now_of, refuse, same_for_all
from services.registry.orders.models import Commanding, Dispatch
from services.registry.orders.rows import Task
from services.registry.orders.schemas import COMMANDS, find_faults
from services.registry.orders.selecting import select
from services.registry.parts import PartsOf
from services.registry.problems import Fault, shown
from services.registry.routing import Router

ROUTER = Router(prefix="/api/commands", tags=["orders"])


@ROUTER.get("")
def list_commands() -> dict[str, dict[str, object]]:
    """The commands there are, with the schema of their parameters and how long an answer is waited for."""
    return {
        name: {"about": each.about, "parameters": each.parameters, "lasting_s": each.lasting_s} for name, each in COMMANDS.items()
    }


@ROUTER.post("", status_code=HTTPStatus.ACCEPTED)
def command(wanted: Commanding, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Dispatch:
    """Give a command to devices; it is sent until each has answered, or until the time is over."""
    clerk = clerk_of(parts)
    if wanted.command not in COMMANDS:
        refuse([Fault("command", shown(wanted.command), "one of " + ", ".join(COMMANDS))])
    kind = COMMANDS[wanted.command]
    refuse(find_faults(kind.parameters, wanted.parameters, at="parameters"))
    body = {"command": wanted.command, **wanted.parameters}
    with parts.register.transaction(actor) as connection:
        targets = select(connection, who, wanted.selection)
        task = Task(
            actor=actor,
            topic="command",
            body=body,
            bodies=same_for_all(targets, body),
            lasting_s=wanted.lasting_s or kind.lasting_s,
            slot=kind.slot,
            selection=chosen(wanted.selection),
        )
        dispatch = issue(connection, task, now_of(parts))
    clerk.wake()
    return dispatch
