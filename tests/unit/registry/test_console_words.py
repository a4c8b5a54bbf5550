"""What the registry tells in English and the console shows has Chinese words there."""

from __future__ import annotations

from pathlib import Path

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


def test_monitors_have_chinese_titles() -> None:
    words = told("zh-sentences.ts")
    assert [one.title for one in BY_NAME.values() if f'"{one.title}":' not in words] == []


def test_scenarios_that_ship_have_chinese_titles_questions_and_requirements() -> None:
    words = told("zh-sentences.ts")
    scenarios = [read_file(path) for path in templates().values()]
    said = {text for one in scenarios for text in (one.title, one.question, *(each.title for each in one.requirements))}
    spelt = {text for text in said if any(f" {sign} " in text for sign in SIGNS.values()) or text.endswith(" never")}
    assert sorted(text for text in said - spelt if f'"{text}":' not in words) == []
    assert len(said - spelt) > 60
