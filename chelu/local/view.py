"""What the terminal shows of a site: the table of its parts, its addresses, its logs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from chelu.clock import Clock
from chelu.local.services import Endpoints
from chelu.local.supervisor import Status
from chelu.units import US_PER_S

FOLLOW_POLL_S = 0.2
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def table(parts: Sequence[Status], now_us: int) -> Table:
    """A row a part: name, process, state, since when, restarts, address."""
    view = Table("name", "pid", "state", "since", "restarts", box=None, pad_edge=False, header_style="bold")
    view.add_column("address", overflow="fold")
    for part in parts:
        state = f"{part.state} ({part.detail})" if part.detail and part.pid is None else str(part.state)
        since = duration((now_us - part.since_us) // US_PER_S)
        view.add_row(part.name, str(part.pid or "–"), state, since, str(part.restarts), part.address)
    return view


def duration(seconds: int) -> str:
    """Its two largest units: ``2 d 3 h``, ``45 s``."""
    words: list[str] = []
    for size, unit in _UNITS:
        count, seconds = divmod(max(seconds, 0), size)
        if count or words or size == 1:
            words.append(f"{count} {unit}")
    return " ".join(words[:2])


def addresses(endpoints: Endpoints) -> Table:
    """Where the site is reached."""
    view = Table(box=None, show_header=False, pad_edge=False)
    view.add_column()
    view.add_column(overflow="fold")
    view.add_column(overflow="fold")
    view.add_row("API", f"{endpoints.api_url}/docs", f"key in {endpoints.api_key_file}")
    view.add_row(
        "broker", f"{endpoints.mqtt_host}:{endpoints.mqtt_port}{' (TLS)' if endpoints.ca_file else ''}", endpoints.broker
    )
    if endpoints.ca_file:
        view.add_row("authority", endpoints.ca_file, "for devices and people elsewhere")
    view.add_row("data", endpoints.data, "")
    return view


def read(paths: Sequence[Path], *, lines: int, clock: Clock | None) -> Iterator[str]:
    """The last lines of each log, named when there are several; with a clock, what is appended from then on, for ever.

    A log that was set aside is read from its start again.
    """
    is_one = len(paths) == 1
    offsets = dict.fromkeys(paths, 0)
    for path in paths:
        old = _new_lines(path, offsets)
        for line in old[len(old) - min(lines, len(old)) :]:
            yield _named(path, line, is_one=is_one)
    while clock:
        for path in paths:
            for line in _new_lines(path, offsets):
                yield _named(path, line, is_one=is_one)
        clock.sleep(FOLLOW_POLL_S)


def _new_lines(path: Path, offsets: dict[Path, int]) -> list[str]:
    """The whole lines after the offset, which is moved behind them."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < offsets[path]:
                offsets[path] = 0
            file.seek(offsets[path])
            whole, newline, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return []
    offsets[path] += len(whole) + len(newline)
    return (whole + newline).decode("utf-8", "replace").splitlines()


def _named(path: Path, line: str, *, is_one: bool) -> str:
    return line if is_one else f"{path.stem:<10} {line}"
