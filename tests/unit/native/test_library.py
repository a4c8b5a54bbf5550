"""Which library is loaded, and what happens where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chelu import native
from chelu.native import build


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources in a directory of their own, with nothing made of them yet and nothing decided."""
    for path in native.sources():
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(native, "HERE", tmp_path)
    monkeypatch.delenv("CHELU_NATIVE", raising=False)
    native.library.cache_clear()
    monkeypatch.setattr(native, "library", native.library.__wrapped__)
    return tmp_path


def _change(source: Path) -> None:
    source.write_text(source.read_text() + "/* changed */\n")


@pytest.mark.usefixtures("native_code")
@pytest.mark.parametrize("number", [0, 1])
def test_a_library_is_loaded_only_with_the_sources_it_was_made_of(number: int, elsewhere: Path) -> None:
    assert native.library() is None
    assert build.build(elsewhere) == elsewhere / native.library_name()
    assert native.library() is not None
    assert native.state() == "with native code"
    _change(native.sources()[number])
    assert native.library() is None
    assert "source last changed" in native.state()


@pytest.mark.usefixtures("native_code")
def test_building_anew_leaves_one_library(elsewhere: Path) -> None:
    build.build(elsewhere)
    _change(native.sources()[0])
    build.build(elsewhere)
    assert [path.name for path in elsewhere.iterdir() if path not in native.sources()] == [native.library_name()]


def test_without_a_compiler_there_is_no_library_and_no_failure(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(elsewhere))
    assert build.build(elsewhere) is None
    assert native.library() is None


@pytest.mark.parametrize("command", ["false", "/nowhere/cc"])
def test_a_compiler_that_fails_is_told_of_and_leaves_nothing(
    command: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", command)
    assert build.build(elsewhere) is None
    assert f"numpy will do its work: {command}: " in capsys.readouterr().out
    assert sorted(elsewhere.iterdir()) == native.sources()


def test_native_code_can_be_switched_off() -> None:
    program = "from chelu import native; assert native.library() is None; print(native.state())"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"CHELU_NATIVE": "0"}, capture_output=True, text=True, check=True, timeout=60
    )
    assert "switched off" in done.stdout
