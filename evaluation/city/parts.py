"""The judges that `chelu evaluate city` calls, each as the command that a person would type, in a short and in the full form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.signals import networks

READINGS = Path("traffic_speed/metr_la_60_sensors.csv")
READ = "speed, mph"
SIGNALS_S, QUICK_SIGNALS_S = 1800, 300
QUICK_CONTROLLERS = "fixed,actuated,max-pressure,predictive,learned"


@dataclass(frozen=True, slots=True)
class Place:
    """work: a directory for what a judge needs besides; data: recordings that may not be committed, None where there are none."""

    work: Path
    plots: Path
    data: Path | None
    seed: int
    is_quick: bool


class NoDataError(Exception):
    """What a judge would need is not here; the text says what."""


Arguments = Callable[[Place], Sequence[str]]


def _state(place: Place) -> list[str]:
    size = ("--scale", "0.3", "--quarters", "1") if place.is_quick else ("--quarters", "4")
    where = ("--recordings", str(place.work / "recordings"), "--plots", str(place.plots))
    return ["evaluate", "state", "--seed", str(place.seed), *size, *where]


def _day(place: Place) -> list[str]:
    """Of every hour some minutes; of every sixth one in the short form."""
    size = ("--minutes", "2", "--every", "6") if place.is_quick else ()
    where = ("--recordings", str(place.work / "recordings"), "--plots", str(place.plots))
    return ["evaluate", "day", "--seed", str(place.seed), *size, *where]


def _forecast(place: Place) -> list[str]:
    """Learnt on the first half of a recording's rows, judged on the second."""
    file = place.data / READINGS if place.data is not None else None
    if file is None or not file.is_file():
        raise NoDataError(f"{READINGS} of the data directory (CHELU_DATA, or --data) is not there")
    head, *rows = file.read_text(encoding="utf-8").splitlines(keepends=True)
    halves = {"train": rows[: len(rows) // 2], "test": rows[len(rows) // 2 :]}
    for name, half in halves.items():
        (place.work / f"{name}.csv").write_text(head + "".join(half), encoding="utf-8")
    files = [word for name in halves for word in (f"--{name}", str(place.work / f"{name}.csv"))]
    quick = ("--quick", "--no-trees") if place.is_quick else ()
    drawn = ("--plots", str(place.plots), "--quantity", READ)
    return ["evaluate", "forecast", *files, "--step", "300", "--seed", str(place.seed), *drawn, *quick]


def _anomalies(place: Place) -> list[str]:
    labelled = place.data / "anomalies" if place.data is not None else None
    has_labels = labelled is not None and labelled.is_dir() and not place.is_quick
    series = ("--data", str(labelled)) if has_labels else ()
    return ["evaluate", "anomalies", "--seed", str(place.seed), *series, *(("--quick",) if place.is_quick else ())]


def _incidents(place: Place) -> list[str]:
    size = ("--minutes", "10", "--ordinary", "5") if place.is_quick else ()
    return ["evaluate", "incidents", "--seed", str(place.seed), *size, "--plots", str(place.plots)]


def _signals(place: Place) -> list[str]:
    """One network of our own: a crossing for a few minutes, else the grid for half an hour."""
    seconds = QUICK_SIGNALS_S if place.is_quick else SIGNALS_S
    plan = networks.crossing() if place.is_quick else networks.grid()
    net, route = networks.write(plan, place.work, end_s=seconds)
    seeds = str(place.seed or 1) + "," if place.is_quick else "5"
    chosen = ("--controllers", QUICK_CONTROLLERS) if place.is_quick else ()
    span = ("--begin", "0", "--end", str(seconds))
    return ["evaluate", "signals", "--net", str(net), "--route", str(route), *span, "--seeds", seeds, *chosen]


def _corridor(place: Place) -> list[str]:
    seeds = str(place.seed or 1) + "," if place.is_quick else "8"
    return ["evaluate", "corridor", "--seeds", seeds, "--picture", str(place.plots / "corridor.png")]


def _environment(place: Place) -> list[str]:
    quick = ("--quick",) if place.is_quick else ()
    return ["evaluate", "environment", "--seed", str(place.seed), "--plots", str(place.plots), *quick]


def _district(place: Place) -> list[str]:
    hours = "0.05" if place.is_quick else "1"
    return ["district", "run", "--hours", hours, "--seed", str(place.seed)]


def signals_title(*, is_quick: bool) -> str:
    """What the picture of controllers shows."""
    return "One crossing, five minutes" if is_quick else "Grid of three by three signals, half an hour"


PARTS: Mapping[str, Arguments] = {
    "state": _state,
    "day": _day,
    "forecast": _forecast,
    "incidents": _incidents,
    "anomalies": _anomalies,
    "signals": _signals,
    "corridor": _corridor,
    "environment": _environment,
    "district": _district,
}
SHORT = ("anomalies", "environment", "signals", "state")  # what a look of some minutes has
