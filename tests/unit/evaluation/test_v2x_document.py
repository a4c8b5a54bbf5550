"""The page on the applications gets the tables of what the judge found, and keeps the rest."""

from __future__ import annotations

from typing import Any

import pytest

from chelu.errors import ConfigurationError
from evaluation import blocks
from evaluation.v2x.document import TABLES, joined
from evaluation.v2x.judge import RULES
from evaluation.v2x.slices import AIR
from evaluation.v2x.staging import STAGES
from evaluation.v2x.weather import APPLICATIONS, SKIES
from tests.unit.test_repository import ROOT

KIND = {"encounters": 2000}
FOUND = {"recall": 0.99, "lead_p5_s": 2.6, "lead_p50_s": 3.0, "false_staged": 2, "false_staged_per_vehicle_hour": 0.5}
PLAIN = {f"baseline_{key}": value for key, value in FOUND.items()}
HOURS = {"vehicle_hours": 10.0, "raised": {"fcw": 3}, "false": {"fcw": 1}, "unjudged": {}}


def figures(**slices: Any) -> dict[str, Any]:
    return {"n": 2000, "avoidable": 900, "with_room": 400, **FOUND, **PLAIN, "slices": slices}


def run() -> dict[str, Any]:
    """Everything but the rules of vehicles."""
    by_driver = {"speed_mps": {"0–5": {"n": 3, **FOUND}, "5–10": {"n": 0, **FOUND}}, "slope": {}, "truck": {}}
    by_air: dict[str, dict[str, Any]] = {name: {} for name in AIR} | {"latency_s": {"0.1–0.2": {"n": 9, **FOUND, "recall": 0.5}}}
    names = (*STAGES, "svw", "glosa", "hlw", "slw", "ivs", "tjw")
    staged = {f"{name}, nominal": figures(**by_driver) for name in names}
    varied = {f"{name}, varied": figures(**by_air) | ({} if name in STAGES else {"baseline_recall": None}) for name in names}
    sky = {"avoidable": 9, "recall": 1.0, "lead_p5_s": 2.0, "lead_p50_s": 3.5, "earlier_p50_s": 0.7, "false_staged": 4}
    weather = {f"weather, {name}": dict.fromkeys(SKIES, sky) for name in (*APPLICATIONS, "svw")}
    return {
        "kind": KIND,
        "tasks": staged | varied | weather | {"traffic, shipped": HOURS, "exact traffic, shipped": {**HOURS, "false": {}}},
    }


def page(*names: str) -> str:
    return "before\n" + "".join(f"<!-- v2x: {name} -->\nold {name}\n<!-- end -->\n" for name in names) + "after\n"


def test_every_table_whose_figures_are_there_is_written_anew_and_the_others_stay() -> None:
    assert set(RULES) >= {"avw", "clw", "evw"}
    text = blocks.filled(page(*TABLES), "v2x", TABLES, joined([run()]))
    assert [line for line in text.splitlines() if line.startswith("old")] == ["old rules", "old vehicles"]
    lines = text.splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "| `fcw` | 2000 | 900 | 0.9900 | 2.600, 3.000 s | 400 | 0.10 | 0.00 | 0.50 | 0.9900 | 3.00 s | 0.50 |" in lines
    assert "| `svw` | 2000 | 900 violations that could be avoided; leads of 400 | 0.9900 |" in text
    assert "1 recordings, 10.0 vehicle-hours: `fcw` 0.10 (1 of 3), `icw` 0.00 (0 of 0)" in text
    assert "| `svw` | 1.000, 1.000, 1.000, 1.000 | 3.50, 3.50, 3.50, 3.50 s | 0.70, 0.70, 0.70 s | 4, 4, 4, 4 |" in lines


def test_a_class_nobody_is_in_has_a_dash_and_classes_stand_under_their_heads() -> None:
    text = blocks.filled(page("drivers", "recall"), "v2x", TABLES, joined([run()]))
    assert "| `fcw` | 0.990, 2.6, 0.5 | – | – |" in text
    heads, _, first, *_ = [line.split(" | ") for line in text.splitlines() if line.startswith("|")][-2 - len(STAGES) :]
    assert first[heads.index("latency 100–200 ms")] == "0.50"
    assert first[1] == "0.99 (0.99)"


def test_what_the_air_does_to_leads_and_to_rules_is_told_class_by_class_and_of_rules_without_a_plain_way() -> None:
    whole = run()
    whole["tasks"] |= {f"{name}, {how}": whole["tasks"][f"hlw, {how}"] for name in RULES for how in ("nominal", "varied")}
    text = blocks.filled(page("leads", "rules"), "v2x", TABLES, joined([whole]))
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert [(one[0], one[1]) for one in cells[: len(STAGES)]] == [(f"`{name}`", "2.6, 3.0 (2.6, 3.0)") for name in STAGES]
    assert [(one[0], one[1]) for one in cells[len(STAGES) :]] == [(f"`{name}`", "0.990, 2.6, 0.5") for name in RULES]
    assert cells[0].count("2.6, 3.0") == cells[-1].count("0.500, 2.6, 0.5") == 1


def test_tables_of_nominal_conditions_need_no_others() -> None:
    only = run()
    only["tasks"] = {name: task for name, task in only["tasks"].items() if not name.endswith(", varied")}
    text = blocks.filled(page(*TABLES), "v2x", TABLES, joined([only]))
    kept = [line.removeprefix("old ") for line in text.splitlines() if line.startswith("old")]
    assert kept == ["recall", "leads", "false", "rules", "signals", "events", "vehicles"]


def test_tasks_of_two_runs_stand_together_and_those_of_another_kind_do_not() -> None:
    again = {"kind": KIND, "tasks": {"traffic, shipped": {**HOURS, "false": {"fcw": 2}}}}
    assert joined([run(), again])["traffic"]["false_per_vehicle_hour"] == {"fcw": 0.2}
    with pytest.raises(ConfigurationError, match="first file"):
        joined([run(), {**again, "kind": {"encounters": 200}}])


def test_the_page_has_a_place_for_every_table() -> None:
    text = (ROOT / "docs" / "applications" / "README.md").read_text(encoding="utf-8")
    assert [name for name in TABLES if f"<!-- v2x: {name} -->\n" not in text] == []
