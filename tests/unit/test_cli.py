"""What leaves the `chelu` command when something goes wrong: a sentence, or a traceback only for a fault of its own."""

from __future__ import annotations

import errno
import os

import pytest
import typer

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
