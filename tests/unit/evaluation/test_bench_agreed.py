"""The JSON file has the keys that were agreed, and a part that leaves one out has missed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

import evaluation.bench
from evaluation.bench.agreed import PART_OF, WITHOUT_BAR
from evaluation.bench.command import PARTS, Request, run
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings

AGREED = [
    "decode_bsm_vs_asn1tools",
    "decode_bsm_core_vs_asn1tools",
    "decode_rsm16_vs_asn1tools",
    "encode_bsm_vs_asn1tools",
    "receive_vs_paho",
    "receive_vs_raw_socket",
    "write_vs_copy",
    "end_to_end_per_s",
    "end_to_end_lost",
    "end_to_end_rss_growth_mb",
    "warning_p99_ms",
    "apps_1000_ms",
    "replay_speed_factor",
    "naive_ratio",
]  # issue 3, "What it must show"
SOURCES = Path(evaluation.bench.__file__).parent


def judged(*keys: str, bar: float | None = 1.0) -> tuple[int, str]:
    """What a run of the part `site` with these figures ends with and says."""
    found = Findings([Figure(what=key, values=(1.0,), unit="1", key=key, bar=bar) for key in keys])
    out = io.StringIO()
    ended = run(Request(parts=("site",)), Console(file=out, width=200), {"site": lambda _: found})
    return ended, out.getvalue()


def test_no_agreed_key_is_forgotten() -> None:
    assert sorted(PART_OF) == sorted(AGREED)
    assert set(PART_OF) > WITHOUT_BAR


@pytest.mark.parametrize("key", AGREED)
def test_a_part_of_the_usual_run_names_the_key(key: str) -> None:
    assert PART_OF[key] in PARTS
    assert f'"{key}"' in (SOURCES / f"{PART_OF[key]}.py").read_text(encoding="utf-8")


def test_a_part_that_leaves_a_key_or_its_bar_out_has_missed() -> None:
    keys = [key for key, part in PART_OF.items() if part == "site"]
    assert judged(*keys)[0] == 0
    ended, said = judged(*keys[1:])
    assert ended == 1
    assert f"not measured, or without a bar: {keys[0]}" in said
    assert judged(*keys, bar=None)[0] == 1
