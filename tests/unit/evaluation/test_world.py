"""A demo judges the staged conflicts it is long enough for, and says which it is not."""

from __future__ import annotations

from evaluation.demo import world


def test_a_short_demo_says_what_it_did_not_judge() -> None:
    short = world.build(16.0)
    assert [conflict.expectations[0].name for conflict in short.decided()] == ["hard brake"]
    assert short.undecided() == [
        f"{name}: not judged, since it comes to a head after the demo's end" for name in ("red-light runner", "decks apart")
    ]


def test_a_whole_demo_judges_everything() -> None:
    whole = world.build(60.0)
    assert whole.decided() == list(whole.staging.conflicts)
    assert whole.undecided() == []
