"""A short run of what `chelu fuzz` does at length, and that it would notice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from chelu.errors import ConfigurationError
from evaluation.fuzz import command, gbt32960


@pytest.mark.parametrize("decoder", list(command.TARGETS))
def test_twenty_thousand_wrong_frames_break_nothing(decoder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(decoder, frames=20_000, seed=7, corpus=None, console=Console()) == 0
    assert "20,000 frames" in capsys.readouterr().out


def test_every_verdict_comes_among_the_frames() -> None:
    random = Random(3)
    verdicts = gbt32960.check(gbt32960.frames(random, 3000), random)
    assert {"report", "truncated", "overlong", "undecodable"} <= set(verdicts)
    assert verdicts["report"] > 500


def test_what_breaks_a_decoder_is_told_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(batch: list[bytes], _: Random) -> Counter[str]:
        raise IndexError(len(batch))

    monkeypatch.setattr(command, "TARGETS", {"broken": command.Target(gbt32960.frames, check)})
    assert command.run("broken", frames=10, seed=0, corpus=tmp_path, console=Console(width=200)) == 1
    assert "IndexError: 10" in capsys.readouterr().out
    (kept,) = tmp_path.iterdir()
    assert len(kept.read_text().splitlines()) == 10


def test_an_unknown_decoder_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="gbt32960"):
        command.run("asn", frames=1, seed=0, corpus=None, console=Console())
