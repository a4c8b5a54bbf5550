"""`chelu watch …`: what devices say now, and a site's live picture, a line each."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from services.registry.cli_shared import EXTRA, printable

if TYPE_CHECKING:
    from chelu.messages import Batch

Row = Mapping[str, Any]
UNITS = {"deg": "°", "mps": " m/s", "m": " m", "s": " s", "dps": " °/s", "mps2": " m/s²", "ms": " ms"}
SHOWN = {
    "bsm": ("vehicle_id", "latitude_deg", "longitude_deg", "elevation_m", "speed_mps", "heading_deg"),
    "participant": ("participant_id", "participant_type", "latitude_deg", "longitude_deg", "speed_mps", "heading_deg"),
    "spat": ("intersection_id", "phase_id", "state_index", "light", "start_s", "likely_end_s"),
}
OF_SITES = frozenset({"picture", "alarms"})
DECIMALS = {"latitude_deg": 6, "longitude_deg": 6}


def watch(
    stream: Annotated[str, typer.Argument(help="bsm, participant, spat, heartbeat, warning …, or a site's picture or alarms")],
    device: Annotated[list[str] | None, typer.Option(help="Whose; may be given several times.")] = None,
    site: Annotated[str | None, typer.Option(help="Of which site the picture or the alarms.")] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after so many lines.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Whole rows as JSON lines.")] = False,
) -> None:
    """Show what devices say as it comes, or the picture of a site, until Ctrl-C."""
    if (stream in OF_SITES) != (site is not None) or (stream in OF_SITES) == bool(device):
        raise ConfigurationError("--site, --device", stream, "picture and alarms need --site, and every other stream --device")
    with extra(EXTRA):
        from chelu.api import Endpoint
        from chelu.live import Watch
    endpoint = Endpoint.find()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        opened = Watch.site(endpoint, stream, site) if site else Watch.stream(endpoint, stream, device or [])
        with opened as frames:
            lines = itertools.chain.from_iterable(_lines(stream, frame, as_json=as_json) for frame in frames)
            for line in itertools.islice(lines, count):
                print(line, flush=True)


def _lines(stream: str, frame: Row | tuple[Batch, Row], *, as_json: bool) -> Iterator[str]:
    if isinstance(frame, tuple):
        yield json.dumps(dict(frame[1])) if as_json else picture_line(*frame)
    elif "watching" in frame:
        typer.echo(f"watching {_watched(frame['watching'])}", err=True)
    elif "thinned" in frame or "unreadable" in frame:
        typer.echo(f"({', '.join(f'{name}: {what}' for name, what in frame.items())})", err=True)
    else:
        yield json.dumps(frame, ensure_ascii=False) if as_json else printable(row_line(stream, frame))


def _watched(watching: Row) -> str:
    whose = ", ".join(watching["devices"]) if "devices" in watching else f"site {watching['site']}"
    return f"{watching['stream']} of {whose}"


def row_line(stream: str, row: Row) -> str:
    """One row, a person's way: time, device, and the fields that say most."""
    if stream == "alarms":
        said = " ".join(str(row[name]) for name in ("event", "severity", "kind", "subject", "part") if row[name])
        return f"{_clock(row['at_us'])}  {said}, by {row['actor']}{': ' + row['comment'] if row['comment'] else ''}"
    if "document" in row:
        return f"{_clock(row['arrival_us'])}  {row['device_id']}  {json.dumps(row['document'], ensure_ascii=False)}"
    names = SHOWN.get(stream, ())
    return "  ".join([_clock(row["time_us"]), str(row["device_id"]), *(_value(name, row.get(name)) for name in names)])


def picture_line(batch: Batch, header: Row) -> str:
    """One picture: how many road users there are, how fast, and how many of them are warned."""
    speaking = int((batch["kind"] == 1).sum())
    warned = int((batch["level"] > 0).sum())
    speeds = batch["speed_mps"][batch["speed_mps"] >= 0.0]  # which one that is not known is not
    mean = f"{speeds.mean():.1f} m/s on average" if len(speeds) else "no speeds"
    seen = len(batch) - speaking
    return f"{_clock(header['time_us'])}  {speaking} speak, {seen} are seen, {mean}, {warned} warned, signals {_signals(header)}"


def _signals(header: Row) -> int:
    return len(header.get("signals", {}).get("phase", ()))


def _value(name: str, value: object) -> str:
    if value is None:
        return f"{name} –"
    label, _, unit = name.rpartition("_")
    if unit not in UNITS:
        return f"{name} {value}"
    text = f"{value:.{DECIMALS.get(name, 1)}f}" if isinstance(value, float) else str(value)
    return f"{label} {text}{UNITS[unit]}"


def _clock(time_us: int) -> str:
    instant = datetime.datetime.fromtimestamp(time_us / 1e6, datetime.UTC)
    return f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03d}"
