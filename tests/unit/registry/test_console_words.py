"""What the registry tells in English and the console shows has Chinese words there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chelu.conversion import conversion
from chelu.drop_reason import DropReason
from chelu.quality.monitors.assessments import Verdict
from chelu.quality.monitors.catalogue import BY_NAME
from chelu.quantities import QUANTITIES
from chelu.topics import Kind
from services.registry.alarms.kinds import KINDS
from services.registry.cases.kinds import KINDS as CASES
from services.registry.lifecycle import Lifecycle
from simulators.scenario.library import templates
from simulators.scenario.reading import read_file
from simulators.scenario.requirements import SIGNS

WORDS = Path(__file__).parents[3] / "console" / "src" / "words"


def told(name: str) -> str:
    return (WORDS / name).read_text(encoding="utf-8")


def test_codes_have_chinese_words() -> None:
    words = told("zh-codes.ts")
    signs = {sign for kind in CASES.values() for sign in kind.signs}
    codes = {*Kind, *Lifecycle, *KINDS, *CASES, *signs, *(one.name for one in QUANTITIES), *DropReason, *Verdict}
    assert [str(code) for code in sorted(codes) if f"\n  {code}: " not in words and f'"{code}": ' not in words] == []
    assert len(codes) > 100


def test_monitors_have_chinese_titles_and_say_in_chinese_what_to_do() -> None:
    words, more = told("zh-sentences.ts"), told("zh-monitors.ts")
    assert [one.title for one in BY_NAME.values() if f'"{one.title}":' not in words] == []
    assert [one.action for one in BY_NAME.values() if f'"{one.action}":' not in more] == []


def test_scenarios_that_ship_have_chinese_titles_questions_and_requirements() -> None:
    words = told("zh-sentences.ts")
    scenarios = [read_file(path) for path in templates().values()]
    said = {text for one in scenarios for text in (one.title, one.question, *(each.title for each in one.requirements))}
    spelt = {text for text in said if any(f" {sign} " in text for sign in SIGNS.values()) or text.endswith(" never")}
    assert sorted(text for text in said - spelt if f'"{text}":' not in words) == []
    assert len(said - spelt) > 60


def test_usual_units_of_the_page_are_those_of_the_table() -> None:
    shown = {"degC": "°C", "percent": "%", "ug/m^3": "µg/m³", "mg/m^3": "mg/m³", "uS/cm": "µS/cm"}
    text = (WORDS.parent / "city" / "usual.ts").read_text(encoding="utf-8")
    rows = re.findall(r'\["([^"]+)", ([0-9.e-]+), ([0-9.]+), \[([^\]]+)\]\]', text)
    found = {name: (unit, factor, offset) for unit, factor, offset, names in rows for name in re.findall(r'"(\w+)"', names)}
    usual = {one for one in QUANTITIES if one.usual_unit != one.unit}
    assert found.keys() == {one.name for one in usual}
    for one in usual:
        unit, factor, offset = found[one.name]
        scale = conversion(one.usual_unit, one)
        assert unit == shown.get(one.usual_unit, one.usual_unit), one.name
        assert (float(factor), float(offset)) == pytest.approx((1 / scale.factor, scale.offset)), one.name
