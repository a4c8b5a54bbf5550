"""A short run of what `chelu fuzz` does at length, and that it would notice."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import pytest
from rich.console import Console
from typer.testing import CliRunner

from chelu.cli import build
from chelu.errors import ConfigurationError
from evaluation.fuzz import command, gbt32960

VERDICTS = {
    "gbt32960-gateway": {"kept", "answered", "no frame", "not_logged_in", "too_long", "encrypted", "kept+truncated"},
    "jt808-gateway": {"kept", "answered", "no frame", "not_logged_in", "encrypted", "kept+truncated", "waits", "wrong_code"},
    "tits0180": {"participant", "lamp", "event", "traffic", "undecodable", "out_of_range"},
    "openv2x": {"rsm", "rsi", "rsm in part", "undecodable"},
    "observation": {"observation", "in part", "out_of_range", "undecodable"},
    "coop": {"message", "out_of_range", "undecodable"},
}
DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("decoder", list(command.TARGETS))
def test_twenty_thousand_wrong_frames_break_nothing(decoder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(decoder, frames=20_000, seed=7, corpus=None, console=Console()) == 0
    assert "20,000 frames" in capsys.readouterr().out


def test_the_command_s_help_names_every_decoder() -> None:
    told = CliRunner().invoke(build(), ["fuzz", "--help"], env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"}).output
    assert [name for name in command.TARGETS if name not in told] == []


def test_every_verdict_comes_among_the_frames() -> None:
    for name, target in command.TARGETS.items():
        random = Random(3)
        verdicts = Counter(one.partition(":")[0] for one in target.check(target.make(random, 3000), random))
        assert VERDICTS.get(name, {"report", "truncated", "overlong", "undecodable"}) <= set(verdicts), name
        assert verdicts.total() == 3000
        good = ("report", "kept", "rsm", "lamp", "observation", "message")
        assert max(verdicts[one] for one in good) > 100, name


@pytest.mark.parametrize("decoder", list(command.TARGETS))
def test_the_kept_frames_have_the_verdicts_that_they_were_kept_for(decoder: str) -> None:
    kept = command.Corpus(DATA / "fuzz", decoder).frames
    assert kept
    if decoder.endswith("gateway"):  # its verdicts depend on what came before
        command.TARGETS[decoder].check(list(kept.values()), Random(1))
        return
    found = command.TARGETS[decoder].check(list(kept.values()), Random(1))
    assert [command.kind_of(verdict) for verdict in found] == list(kept)


def test_a_corpus_is_kept_and_comes_first_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[bytes]] = []

    def check(batch: list[bytes], _: Random) -> list[str]:
        batches.append(batch)
        return [f"odd: {len(frame)} bytes" if len(frame) % 2 else "even" for frame in batch]

    lengths = iter([2, 3, 4, 5, 6])
    target = command.Target(lambda _, count: [bytes(next(lengths)) for _ in range(count)], check)
    monkeypatch.setattr(command, "TARGETS", {"t": target})
    assert command.run("t", frames=4, seed=0, corpus=tmp_path, console=Console()) == 0
    assert command.run("t", frames=1, seed=0, corpus=tmp_path, console=Console()) == 0
    assert (tmp_path / "t.txt").read_text() == "even\t0000\nodd: # bytes\t000000\n"
    assert [len(frame) for frame in batches[1]] == [2, 3, 6]


def test_what_breaks_a_decoder_is_told_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(batch: list[bytes], _: Random) -> list[str]:
        raise IndexError(len(batch))

    make = partial(gbt32960.frames, edition=2016)
    monkeypatch.setattr(command, "TARGETS", {"broken": command.Target(make, check)})
    assert command.run("broken", frames=10, seed=0, corpus=tmp_path, console=Console(width=200)) == 1
    assert "IndexError: 10" in capsys.readouterr().out
    (kept,) = tmp_path.iterdir()
    assert len(kept.read_text().splitlines()) == 10


def test_an_unknown_decoder_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="gbt32960-2016"):
        command.run("asn", frames=1, seed=0, corpus=None, console=Console())
