"""What the terminal shows of a site: the table of its parts, its addresses, its logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from chelu.clock import US_PER_S, Clock
from chelu.local.services import Endpoints
from chelu.local.supervisor import Status

FOLLOW_POLL_S = 0.2
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def table(parts: Sequence[Status], now_us: int) -> Table:
    """A row a part: name, process, state, since when, restarts, address."""
    view = Table("name", "pid", "state", "since", "restarts", "address", box=None, pad_edge=False, header_style="bold")
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
    view.add_row("API", f"{endpoints.api_url}/docs", f"key in {endpoints.api_key_file}")
    view.add_row("broker", f"{endpoints.mqtt_host}:{endpoints.mqtt_port}", endpoints.broker)
    view.add_row("data", endpoints.data, "")
    return view


def tail(paths: Sequence[Path], *, lines: int) -> Iterator[str]:
    """The last lines of each log, named when there are several."""
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]:
            yield _named(path, line, is_one=len(paths) == 1)


def follow(paths: Sequence[Path], clock: Clock) -> Iterator[str]:
    """Lines as they are appended, for ever; a log that was set aside is read from its start again."""
    offsets = {path: path.stat().st_size for path in paths}
    while True:
        for path in paths:
            size = path.stat().st_size if path.exists() else 0
            offsets[path] = min(offsets[path], size)
            with path.open("rb") if size else open("/dev/null", "rb") as file:
                file.seek(offsets[path])
                whole, newline, _ = file.read().rpartition(b"\n")
            offsets[path] += len(whole) + len(newline)
            for line in whole.decode("utf-8", "replace").splitlines():
                yield _named(path, line, is_one=len(paths) == 1)
        clock.sleep(FOLLOW_POLL_S)


def _named(path: Path, line: str, *, is_one: bool) -> str:
    return line if is_one else f"{path.stem:<10} {line}"
