"""`chelu city signals`: who decides what the signals of a site show, by which plan, and for whom there is priority.

What is wanted is kept as labels of the signals (`chelu.signal_control`): audited and heard of like any change of a device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.errors import ConfigurationError
from chelu.signal_control import AUTOMATIC, CONTROL, MANUAL, OFF, PLAN, PRIORITIES, PRIORITY, ControlError, plan_of, plan_text
from services.registry.cli_shared import AsJson, open_client, print_rows

if TYPE_CHECKING:
    from chelu.api import Client, Device

SIGNALS = typer.Typer(help="Signals: who decides what they show.", no_args_is_help=True)
COLUMNS = ("device_id", "site_id", "control", "plan", "priority")

Names = Annotated[list[str] | None, typer.Argument(metavar="[SIGNAL]…", help="Ids of signals; or all of --site.")]
Site = Annotated[str | None, typer.Option(help="All signals of this site.")]


@SIGNALS.command("list")
def list_signals(site: Site = None, *, as_json: AsJson = False) -> None:
    """List signals with what is wanted of them."""
    with open_client() as client:
        found = _signals(client, site)
    print_rows([_row(one) for one in found], COLUMNS, as_json=as_json)


@SIGNALS.command("set")
def set_controller(
    signal: Names = None,
    site: Site = None,
    controller: Annotated[str | None, typer.Option(help=f"{', '.join(AUTOMATIC)}, or {OFF}: their own plans.")] = None,
    priority: Annotated[str | None, typer.Option(help=f"For whom: {', '.join(PRIORITIES)}.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a controller decide, or leave signals to their own plans; say for which vehicles they may be given priority."""
    if controller is None and priority is None:
        raise ConfigurationError("--controller", None, "--controller, --priority or both")
    if controller not in (None, OFF, *AUTOMATIC):
        raise ConfigurationError("--controller", controller, ", ".join((*AUTOMATIC, OFF)))
    if priority not in (None, *PRIORITIES):
        raise ConfigurationError("--priority", priority, ", ".join(PRIORITIES))
    _change(signal, site, {CONTROL: controller, PRIORITY: priority}, as_json=as_json)


@SIGNALS.command("plan")
def set_plan(
    signal: str,
    greens: Annotated[list[float], typer.Argument(metavar="SECONDS…", help="Green of each stage in turn.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a signal keep a plan by hand: so many seconds of green for each of its stages, as far as its limits allow."""
    text = plan_text(greens)
    try:
        plan_of(text)
    except ControlError as error:
        raise ConfigurationError("SECONDS", text, str(error)) from None
    _change([signal], None, {CONTROL: MANUAL, PLAN: text}, as_json=as_json)


def _change(names: Sequence[str] | None, site: str | None, wanted: Mapping[str, str | None], *, as_json: bool) -> None:
    """Change labels of signals; what is None stays as it is."""
    if bool(names) == bool(site):
        raise ConfigurationError("--site", site, "either ids of signals or --site")
    given = {name: value for name, value in wanted.items() if value is not None}
    with open_client() as client:
        found = [client.device(name) for name in names or ()] or _signals(client, site)
        for one in found:
            if one.kind != "signal":
                raise ConfigurationError("SIGNAL", one.device_id, f"a device of kind signal; this is of kind {one.kind}")
        changed = [client.change_device(one.device_id, {"labels": {**one.labels, **given}}) for one in found]
    print_rows([_row(one) for one in changed], COLUMNS, as_json=as_json)


def _signals(client: Client, site: str | None) -> list[Device]:
    from chelu.topics import Kind

    return list(client.devices(kind=Kind.SIGNAL, site=site))


def _row(one: Device) -> dict[str, Any]:
    labels = one.labels
    return {
        "device_id": one.device_id, "site_id": one.site_id, "control": labels.get(CONTROL, OFF), "plan": labels.get(PLAN),
        "priority": labels.get(PRIORITY, PRIORITIES[0]),
    }  # fmt: skip
