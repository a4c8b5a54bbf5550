"""The `chelu` command: what it needs, and what leaves it when something goes wrong."""

from __future__ import annotations

import errno
import inspect
import os
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from chelu import cli
from chelu.errors import CheluError


def fails_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run() -> None:
        raise error

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(run)
    monkeypatch.setattr(cli, "build", lambda: app)
    monkeypatch.setattr("sys.argv", ["chelu"])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CheluError("no site runs here"), "chelu: no site runs here\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "demo.png"),
            "chelu: demo.png cannot be used (No space left on device); make room or give rights\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "chelu: a file cannot be used (Permission denied); make room or give rights\n",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, error)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == sentence


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, FileNotFoundError(errno.ENOENT, "No such file or directory", "x"))
    with pytest.raises(FileNotFoundError):
        cli.main()


def test_an_installation_with_no_extra_has_every_command() -> None:
    program = "import sys; from chelu import cli; cli.build(); print(*(name.partition('.')[0] for name in sys.modules))"
    built = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    of_extras = {"httpx", "fastapi", "psycopg", "paho", "scipy", "onnxruntime", "psutil", "serial", "matplotlib", "cryptography"}
    assert of_extras & set(built.stdout.split()) == set()


def commands(found: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All that can be typed, with the command that it is."""
    if not hasattr(found, "commands"):
        yield words, found
        return
    for name, each in found.commands.items():
        yield from commands(each, (*words, name))


def floats(command: Any) -> Iterator[Any]:
    """A command's options and arguments that are floats."""
    hints = typing.get_type_hints(inspect.unwrap(command.callback))
    for one in command.params:
        if float in {hints.get(one.name), *typing.get_args(hints.get(one.name))}:
            yield one


def typed(command: Any, one: Any, number: str) -> list[str]:
    """What gives a command this number, after the arguments that come before."""
    if one.param_type_name == "option":
        return [f"{one.opts[0]}={number}"]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    return [*("1" for _ in arguments[: arguments.index(one)]), number]


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_no_command_takes_for_a_number_what_is_none(number: str) -> None:
    tried, taken = 0, []
    for words, command in commands(typer.main.get_command(cli.build())):
        for one in floats(command):
            tried += 1
            blamed = None
            try:
                command.make_context(words[-1], typed(command, one, number))
            except typer.BadParameter as refused:
                blamed = refused.param
            if blamed is not one:
                taken.append((*words, one.name))
    assert taken == []
    assert tried > 90


def test_a_number_that_is_none_is_refused_with_a_sentence() -> None:
    done = CliRunner().invoke(cli.build(), ["load", "--seconds", "nan"])
    assert done.exit_code == 2
    assert "Invalid value for '--seconds': nan is not a finite number" in done.output
