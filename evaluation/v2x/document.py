"""Writes the judge's figures into a page: `python -m evaluation.v2x.document v2x.json docs/applications/README.md`.

Tasks of several runs stand together; of a task that two have, the later file's counts. A table is written anew when a run has
all that stands in it (`evaluation.blocks`, kind `v2x`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from chelu.errors import ConfigurationError
from evaluation import blocks
from evaluation.blocks import Run
from evaluation.v2x import rules_events, rules_vehicles, weather
from evaluation.v2x.judge import RULES, report
from evaluation.v2x.slices import AIR, SPEED_MPS
from evaluation.v2x.staging import STAGES
from evaluation.v2x.weather import SKIES

NONE, PLAIN = "–", "baseline_"
Cell = Callable[[Mapping[str, Any]], str]
_AIR = {"noise_m": ("noise", "m"), "loss": ("loss", "%"), "rate_hz": ("rate", "Hz"), "latency_s": ("latency", "ms")}
_SCALE = {"loss": 100.0, "latency_s": 1000.0}
_SIGNALS = {
    "svw": lambda one: f"{one['avoidable']} violations that could be avoided; leads of {one['with_room']}",
    "glosa": lambda one: f"{one['avoidable']} that can pass on green",
}


def conflicts(run: Run) -> list[str]:
    """At nominal conditions, the plain way of six instants beside them."""
    heads = (
        *("application", "n", "avoidable contacts", "recall", "lead p5, p50", "of", "false/veh h, ordinary", "the same, exact"),
        *("false/veh h, staged", "six instants: recall", "lead p50", "false/veh h, staged"),
    )
    return _of_all(STAGES, run, heads, _conflict)


def _conflict(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *(str(one["n"]), str(one["avoidable"]), number(one["recall"], 4), _leads(one), str(one["with_room"])),
        *(number(one[key], 2) for key in ("false_per_vehicle_hour", "false_exact_per_vehicle_hour")),
        number(one["false_staged_per_vehicle_hour"], 2),
        *(number(one["baseline_recall"], 4), f"{number(one['baseline_lead_p50_s'], 2)} s"),
        number(one["baseline_false_staged_per_vehicle_hour"], 2),
    )


def traffic(run: Run) -> list[str]:
    """False warnings of ordinary traffic, and how many of how many that were raised."""
    found, exact = run["traffic"], run["traffic_exact"]
    if found is None or exact is None:
        return []
    parts = []
    for name in (*STAGES, "svw"):
        raised, false = found["raised"].get(name, 0), found["false"].get(name, 0)
        parts.append(f"`{name}` {number(false / found['vehicle_hours'], 2)} ({false} of {raised})")
    told = ", ".join(f"`{name}` {count}" for name, count in exact["false"].items()) or "none"
    driven = f"{found['recordings']} recordings, {found['vehicle_hours']:.1f} vehicle-hours: "
    return [driven + ", ".join(parts) + f"; exact ({exact['vehicle_hours']:.1f} vehicle-hours): {told}."]


def drivers(run: Run) -> list[str]:
    """Nominal conditions by who drives."""
    speeds = [f"{low:g}–{high:g}" for low, high in pairwise(SPEED_MPS)]
    columns = {"speed_mps": speeds, "slope": ("down", "level", "up"), "truck": ("none", "the host", "another")}
    heads = ("application", *(f"host {one} m/s" for one in speeds), *columns["slope"], "no truck", "host a truck", "another")
    return _of_all(STAGES, run, heads, lambda one: tuple(_sliced(one, columns, _in_short)))


def _in_short(one: Mapping[str, Any]) -> str:
    """Recall, lead, false warnings."""
    parts = (number(one["recall"], 3), number(one["lead_p5_s"], 1), number(one["false_staged_per_vehicle_hour"], 1))
    return ", ".join(parts) if one["n"] else NONE


def recall(run: Run) -> list[str]:
    """Recall at varied conditions."""
    return _varied(STAGES, run, lambda one: number(one["recall"], 2))


def leads(run: Run) -> list[str]:
    """Leads at varied conditions."""
    return _varied(STAGES, run, lambda one: f"{number(one['lead_p5_s'], 1)}, {number(one['lead_p50_s'], 1)}")


def false(run: Run) -> list[str]:
    """False warnings at varied conditions."""
    return _varied(STAGES, run, lambda one: number(one["false_staged_per_vehicle_hour"], 1))


def rules(run: Run) -> list[str]:
    """All rules at varied conditions."""
    return _varied(RULES, run, _in_short)


def _varied(names: Iterable[str], run: Run, cell: Cell) -> list[str]:
    """Whole, the plain way's in brackets where it knows the application, and by what the air does."""
    columns = {name: [f"{low:g}–{high:g}" for low, high in pairwise(AIR[name])] for name in _AIR}
    classes = [f"{_AIR[name][0]} {_scaled(name, label)} {_AIR[name][1]}" for name, of in columns.items() for label in of]

    def cells(one: Mapping[str, Any]) -> tuple[str, ...]:
        varied = one["varied"]
        plain = {key.removeprefix(PLAIN): value for key, value in varied.items() if key.startswith(PLAIN)}
        beside = f" ({cell(plain)})" if plain["recall"] is not None else ""
        return cell(varied) + beside, *_sliced(varied, columns, cell)

    return _of_all(names, run, ("application", "all", *classes), cells, is_varied=True)


def _scaled(name: str, label: str) -> str:
    return "–".join(f"{float(edge) * _SCALE.get(name, 1.0):g}" for edge in label.split("–"))


def signals(run: Run) -> list[str]:
    """The rules of signals."""
    return _ruled(_SIGNALS, run, "judged", lambda name, one: _SIGNALS[name](one))


def events(run: Run) -> list[str]:
    """The rules of events and signs."""
    return _ruled(rules_events.RULES, run, "to be told", lambda _, one: str(one["avoidable"]))


def vehicles(run: Run) -> list[str]:
    """What vehicles say of themselves."""
    return _ruled(rules_vehicles.RULES, run, "to be told", lambda _, one: str(one["avoidable"]))


def _ruled(names: Iterable[str], run: Run, judged: str, count: Callable[[str, Mapping[str, Any]], str]) -> list[str]:
    nominal, varied = ("recall", "lead p5, p50", "false, staged"), ("varied: recall", "lead p5, p50", "false, staged")
    found, rows = _found(names, run, is_varied=True), []
    for name, one in found.items():
        figures = ((number(each["recall"], 4), _leads(each), str(each["false_staged"])) for each in (one, one["varied"]))
        rows.append((f"`{name}`", str(one["n"]), count(name, one), *chain(*figures)))
    return blocks.table(("application", "n", judged, *nominal, *varied), rows) if rows else []


def skies(run: Run) -> list[str]:
    """Weather."""
    names, found = ", ".join(SKIES), run["weather"]
    heads = ("application", f"recall {names}", f"lead p50 {names}", "earlier (p50) in rain, ice, fog", f"false, staged: {names}")
    rows = []
    for name in (*weather.APPLICATIONS, "svw"):
        if name not in found:
            return []
        each = [found[name][sky] for sky in SKIES]
        rows.append(
            (
                f"`{name}`",
                ", ".join(number(one["recall"], 3) for one in each),
                ", ".join(number(one["lead_p50_s"], 2) for one in each) + " s",
                ", ".join(number(one["earlier_p50_s"], 2) for one in each[1:]) + " s",
                ", ".join(str(one["false_staged"]) for one in each),
            )
        )
    return blocks.table(heads, rows)


TABLES: Mapping[str, Callable[[Run], list[str]]] = {
    "conflicts": conflicts,
    "traffic": traffic,
    "drivers": drivers,
    "recall": recall,
    "leads": leads,
    "false": false,
    "rules": rules,
    "signals": signals,
    "events": events,
    "vehicles": vehicles,
    "weather": skies,
}


def number(value: float | None, digits: int) -> str:
    """With so many digits; a dash where there is nothing to count."""
    return NONE if value is None else f"{value:.{digits}f}"


def _leads(one: Mapping[str, Any]) -> str:
    return f"{number(one['lead_p5_s'], 3)}, {number(one['lead_p50_s'], 3)} s"


def _found(names: Iterable[str], run: Run, *, is_varied: bool) -> dict[str, Mapping[str, Any]]:
    """Figures of these applications; nothing unless the run has all of them, and at varied conditions too where asked for."""
    found = {name: run["applications"].get(name) for name in names}
    return {name: one for name, one in found.items() if one} if all(_has(one, is_varied) for one in found.values()) else {}


def _has(one: Mapping[str, Any] | None, is_varied: bool) -> bool:  # noqa: FBT001
    return one is not None and (not is_varied or one["varied"] is not None)


def _of_all(
    names: Iterable[str],
    run: Run,
    heads: Sequence[str],
    cells: Callable[[Mapping[str, Any]], Sequence[str]],
    *,
    is_varied: bool = False,
) -> list[str]:
    rows = [(f"`{name}`", *cells(one)) for name, one in _found(names, run, is_varied=is_varied).items()]
    return blocks.table(heads, rows) if rows else []


def _sliced(one: Mapping[str, Any], columns: Mapping[str, Iterable[str]], cell: Cell) -> Iterable[str]:
    for name, labels in columns.items():
        for label in labels:
            part = one["slices"][name].get(label)
            yield cell(part) if part else NONE


def joined(runs: Sequence[Run]) -> Run:
    """The report of all their tasks; ConfigurationError when they are not of one kind."""
    for run in runs[1:]:
        if run["kind"] != runs[0]["kind"]:
            raise ConfigurationError("kind", str(run["kind"]), f"that of the first file, {runs[0]['kind']}")
    return report({name: task for run in runs for name, task in run["tasks"].items()})


def main(arguments: Sequence[str]) -> None:
    """Rewrite the page in place."""
    *files, page = map(Path, arguments)
    run = joined([json.loads(file.read_text(encoding="utf-8")) for file in files])
    page.write_text(blocks.filled(page.read_text(encoding="utf-8"), "v2x", TABLES, run), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
