"""`chelu monitors`: what they are, and what they say of a recording or of what a site has stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra

MONITORS = typer.Typer(help="Quality monitors: is what the site's devices send right?", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Parameters = Annotated[Path | None, typer.Option("--parameters", help="TOML with tables [site.monitor], docs/monitors.md.")]
Site = Annotated[str, typer.Option(help="Whose values of the parameters count.")]
OfSite = Annotated[str, typer.Option("--site", help="The site's id.")]
Only = Annotated[str | None, typer.Option("--monitor", help="Only of this monitor.")]
OfDevice = Annotated[str | None, typer.Option("--device", help="Only about this device.")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.add_typer(MONITORS, name="monitors")


@MONITORS.command("list")
def list_monitors(*, as_json: Json = False) -> None:
    """List all monitors."""
    from evaluation.monitors.telling import tell_catalogue

    tell_catalogue(as_json=as_json)


@MONITORS.command("show")
def show(name: Annotated[str, typer.Argument(help="Such as spat-rate.")]) -> None:
    """Show one monitor: its formula, parameters, source, and what to do."""
    from chelu.quality.monitors.catalogue import monitor_of
    from chelu.quality.monitors.page import entry

    typer.echo(entry(monitor_of(name)).rstrip())


@MONITORS.command("run")
def run(
    recording: Annotated[Path | None, typer.Argument(help="As `chelu replay` takes them; without one, what is stored.")] = None,
    monitor: Annotated[list[str] | None, typer.Option(help="Only this monitor; may be said several times.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=744, help="Of what is stored: the last so many.")] = 1.0,
    parameters: Parameters = None,
    site: Site = "",
    *,
    as_json: Json = False,
) -> None:
    """Run monitors over a recording, or over what is stored, and tell what they found; exit code 1 when somebody has to be told.

    What is stored is read from CHELU_DATABASE_URL, else from the database of what runs here (CHELU_HOME, ./chelu-data);
    --site says of which site. Nothing is written there.
    """
    with extra("evaluation"):
        from evaluation.monitors.command import Request
        from evaluation.monitors.command import run as run_monitors
    request = Request(recording, tuple(monitor or ()), hours, parameters, site, as_json)
    raise typer.Exit(run_monitors(request))


@MONITORS.command("events")
def events(
    site: OfSite,
    monitor: Only = None,
    device: OfDevice = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="The last so many.")] = 24.0,
    *,
    as_json: Json = False,
) -> None:
    """List what the live monitors found to begin to be bad, oldest first."""
    from services.registry import cli_monitored

    cli_monitored.events(site, monitor, device, hours, as_json=as_json)


@MONITORS.command("assessments")
def assessments(
    site: OfSite,
    monitor: Only = None,
    device: OfDevice = None,
    verdict: Annotated[str | None, typer.Option(help="Only good, bad or too little.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="The last so many.")] = 24.0,
    *,
    by_day: Annotated[bool, typer.Option("--days", help="Of days of UTC, in place of hours.")] = False,
    as_json: Json = False,
) -> None:
    """List what share of each subject the live monitors found bad, newest first."""
    from services.registry import cli_monitored

    cli_monitored.assessments(site, monitor, device, verdict, hours, by_day=by_day, as_json=as_json)


@MONITORS.command("notifications")
def notifications(site: OfSite, *, as_json: Json = False) -> None:
    """List what somebody has to be told now; `chelu alarms ack` acknowledges it by its alarm."""
    from services.registry import cli_monitored

    cli_monitored.notifications(site, as_json=as_json)


@MONITORS.command("watch")
def watch() -> None:
    """Run all monitors over what is stored, a window a minute, until Ctrl-C; needs CHELU_DATABASE_URL.

    Events, assessments and notifications go into schema quality, from which the registry makes alarms. Settings are
    CHELU_QUALITY_…, as docs/monitors.md has them.
    """
    with extra("store"):
        from services.quality.__main__ import main
    raise typer.Exit(main())


@MONITORS.command("day")
def day(
    hours: Annotated[float, typer.Option(min=0.1, max=24, help="How much of it.")] = 24.0,
    threads: Annotated[int, typer.Option(min=1, max=64, help="That share the work of an hour; two, for two cores.")] = 2,
) -> None:
    """Assess a day of one junction, made of the shipped recording over and over, and tell how long that took."""
    with extra("evaluation"):
        from evaluation.monitors.day import measure
    raise typer.Exit(measure(hours, threads))
